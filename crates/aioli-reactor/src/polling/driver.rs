//! The `polling` driver: registration without interest, arming, waiting.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::Duration;

use polling::{Event as PollEvent, Events, Poller};

use super::raw;
use crate::contract::EVENTS_MAX;
use crate::driver::Event;
use crate::os::RawSource;
use crate::ready::Ready;

/// One poller.
#[derive(Debug)]
pub(crate) struct Driver {
    poller: Poller,
    /// Where the poller writes its events. Locked by the home thread alone.
    buffer: Mutex<Buffer>,
}

/// `Events` without its contents in debug output.
struct Buffer(Events);

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Buffer").finish_non_exhaustive()
    }
}

impl Driver {
    pub(crate) fn new() -> io::Result<Driver> {
        let room = NonZeroUsize::new(EVENTS_MAX).expect("EVENTS_MAX is not zero");
        Ok(Driver {
            poller: Poller::new()?,
            buffer: Mutex::new(Buffer(Events::with_capacity(room))),
        })
    }

    pub(crate) fn register(&self, source: RawSource, token: usize) -> io::Result<()> {
        raw::add(&self.poller, source, token)
    }

    pub(crate) fn arm(&self, source: RawSource, token: usize, interest: Ready) -> io::Result<()> {
        let readable = interest.intersects(Ready::READABLE);
        let writable = interest.intersects(Ready::WRITABLE);
        raw::modify(
            &self.poller,
            source,
            PollEvent::new(token, readable, writable),
        )
    }

    pub(crate) fn deregister(&self, source: RawSource, _token: usize) -> io::Result<()> {
        raw::delete(&self.poller, source)
    }

    pub(crate) fn wait(
        &self,
        timeout: Option<Duration>,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        let mut buffer = crate::lock(&self.buffer);
        buffer.0.clear();
        match self.poller.wait(&mut buffer.0, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        };
        events.extend(buffer.0.iter().map(|event| Event {
            token: event.key,
            ready: ready(&event),
        }));
        Ok(())
    }

    pub(crate) fn notify(&self) -> io::Result<()> {
        self.poller.notify()
    }

    /// Nothing to do: a source that is closed is forgotten by itself.
    pub(crate) fn close(&self) {}
}

/// What the poller reports, in our words. A hang-up or an error is readable and writable.
///
/// The sticky `CLOSED` bits are not used: arming looks at the source's state again, so that an
/// end that came together with the last bytes is reported a second time.
fn ready(event: &PollEvent) -> Ready {
    let ended = event.is_interrupt() || event.is_err() == Some(true);
    let mut ready = Ready::NONE;
    if event.readable || ended {
        ready = ready | Ready::READABLE;
    }
    if event.writable || ended {
        ready = ready | Ready::WRITABLE;
    }
    ready
}
