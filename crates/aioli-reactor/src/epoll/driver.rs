//! The epoll driver: registration, waiting and the eventfd that ends a wait.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Mutex;
use std::time::Duration;

use super::raw;
use crate::driver::Event;
use crate::os::RawSource;
use crate::ready::Ready;

/// The eventfd's token; the reactor gives it to no source.
const NOTIFIER: u64 = u64::MAX;

/// What every source is registered for, once: both directions and the peer's half-close, as
/// changes.
const WATCHED: u32 = (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET) as u32;

/// One epoll instance with its eventfd.
#[derive(Debug)]
pub(crate) struct Driver {
    epoll: OwnedFd,
    /// Registered edge-triggered: each write is an edge, and nobody has to read it.
    notifier: File,
    /// Where the kernel writes its events. Locked by the home thread alone.
    buffer: Mutex<raw::EventBuffer>,
}

impl Driver {
    pub(crate) fn new() -> io::Result<Driver> {
        let epoll = raw::create()?;
        let notifier = raw::eventfd()?;
        let edge = (libc::EPOLLIN | libc::EPOLLET) as u32;
        raw::add(epoll.as_fd(), notifier.as_raw_fd(), edge, NOTIFIER)?;
        Ok(Driver {
            epoll,
            notifier: File::from(notifier),
            buffer: Mutex::new(raw::EventBuffer::new()),
        })
    }

    pub(crate) fn register(&self, source: RawSource, token: usize) -> io::Result<()> {
        raw::add(self.epoll.as_fd(), source, WATCHED, token as u64)
    }

    /// Nothing to do: an edge-triggered source is watched from its registration on.
    pub(crate) fn arm(&self, _source: RawSource, _token: usize, _: Ready) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn deregister(&self, source: RawSource, _token: usize) -> io::Result<()> {
        raw::delete(self.epoll.as_fd(), source)
    }

    pub(crate) fn wait(
        &self,
        timeout: Option<Duration>,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        let mut buffer = crate::lock(&self.buffer);
        for (token, flags) in raw::wait(self.epoll.as_fd(), &mut buffer, timeout)? {
            if token != NOTIFIER {
                events.push(Event {
                    token: token as usize,
                    ready: ready(flags),
                });
            }
        }
        Ok(())
    }

    pub(crate) fn notify(&self) -> io::Result<()> {
        match (&self.notifier).write(&1u64.to_ne_bytes()) {
            // A counter that is full is an edge nobody has seen yet.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            other => other.map(drop),
        }
    }

    /// Nothing to do: a source that is closed is forgotten by itself.
    pub(crate) fn close(&self) {}
}

/// What the kernel's flags say, in our words. Hang-ups and errors are readable and writable.
fn ready(flags: u32) -> Ready {
    const IN: u32 = (libc::EPOLLIN | libc::EPOLLPRI) as u32;
    const OUT: u32 = libc::EPOLLOUT as u32;
    const READ_END: u32 = (libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) as u32;
    const WRITE_END: u32 = (libc::EPOLLHUP | libc::EPOLLERR) as u32;

    let mut ready = Ready::NONE;
    for (mask, bits) in [
        (IN, Ready::READABLE),
        (OUT, Ready::WRITABLE),
        (READ_END, Ready::READABLE | Ready::READ_CLOSED),
        (WRITE_END, Ready::WRITABLE | Ready::WRITE_CLOSED),
    ] {
        if flags & mask != 0 {
            ready = ready | bits;
        }
    }
    ready
}
