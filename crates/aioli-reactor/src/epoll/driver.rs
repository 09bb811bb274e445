//! The epoll driver: registration, waiting and the eventfd that ends a wait.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::Duration;

use super::raw;
use crate::driver::{Event, Trigger};
use crate::os::RawSource;
use crate::os::linux::{Notifier, ready};
use crate::ready::Ready;

/// What every source is registered for, once: both directions and the peer's half-close, as
/// changes.
const WATCHED: u32 = (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET) as u32;

/// What a source is watched for by level: as writing is nearly always possible, that would be
/// reported by each wait.
const READING: u32 = (libc::EPOLLIN | libc::EPOLLRDHUP) as u32;

/// One epoll instance with its eventfd.
#[derive(Debug)]
pub(crate) struct Driver {
    epoll: OwnedFd,
    /// Shared with a ring beside this driver, whose completions end a wait too.
    notifier: Arc<Notifier>,
    /// Where the kernel writes its events. Locked by the home thread alone.
    buffer: Mutex<raw::EventBuffer>,
    /// Whether a source has ever been watched by level.
    ///
    /// ORDERING: relaxed, as nothing is read because of it; who sees it late serves one wait in the
    /// kernel's order.
    by_level: AtomicBool,
}

impl Driver {
    pub(crate) fn new() -> io::Result<Driver> {
        let epoll = raw::create()?;
        let notifier = Arc::new(Notifier::new()?);
        let edge = (libc::EPOLLIN | libc::EPOLLET) as u32;
        raw::add(epoll.as_fd(), notifier.as_raw_fd(), edge, Notifier::TOKEN)?;
        Ok(Driver {
            epoll,
            notifier,
            buffer: Mutex::new(raw::EventBuffer::new()),
            by_level: AtomicBool::new(false),
        })
    }

    pub(crate) fn register(&self, source: RawSource, token: usize) -> io::Result<()> {
        raw::add(self.epoll.as_fd(), source, WATCHED, token as u64)
    }

    /// Nothing to do: an edge-triggered source is watched from its registration on.
    pub(crate) fn arm(&self, _source: RawSource, _token: usize, _: Ready) -> io::Result<()> {
        Ok(())
    }

    /// A change is a new look at the source: what is ready at that moment is reported.
    pub(crate) fn watch(
        &self,
        source: RawSource,
        token: usize,
        trigger: Trigger,
    ) -> io::Result<()> {
        let flags = match trigger {
            Trigger::Edge => WATCHED,
            Trigger::Level => {
                self.by_level.store(true, Ordering::Relaxed);
                READING
            }
        };
        raw::modify(self.epoll.as_fd(), source, flags, token as u64)
    }

    #[inline]
    pub(crate) fn watches_by_level(&self) -> bool {
        self.by_level.load(Ordering::Relaxed)
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
            if token != Notifier::TOKEN {
                events.push(Event {
                    token: token as usize,
                    ready: ready(flags),
                });
            }
        }
        Ok(())
    }

    pub(crate) fn notify(&self) -> io::Result<()> {
        self.notifier.notify()
    }

    /// What ends a wait, for somebody else who has a reason.
    pub(crate) fn notifier(&self) -> Arc<Notifier> {
        self.notifier.clone()
    }

    /// Nothing to do: a source that is closed is forgotten by itself, and nobody waits for an
    /// operation.
    pub(crate) fn close(&self, _woken: &mut Vec<Waker>) {}
}
