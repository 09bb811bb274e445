//! How other threads reach a loop: an inbox, whether its reader is parked, and the parker.
//!
//! # The wake-up protocol
//!
//! Under one lock a foreign thread (1) puts its entry in and takes `parked`; if that was set it
//! (2) reads the parker and unparks it. Under the same lock the home thread (a) sees that the
//! inbox is empty and sets `parked`; only then (b) it reads the parker and parks in it. So the
//! home thread finds the entry, or the foreign thread finds `parked`. Unparking leaves a token,
//! so it may come before (b).
//!
//! The parker may be exchanged at any time. After the new one is in place the exchanger unparks
//! both: the old one, so that a home thread that is still in it comes out and reads again; and
//! the new one, because a foreign thread may have left its token in the old one between (a) and
//! (b). A foreign thread must read the parker after (1): one read earlier may be the old one long
//! after the exchange.
//!
//! `tests/loom.rs` runs the protocol through every order of its steps.

#![cfg_attr(
    not(loom),
    expect(unreachable_pub, reason = "public for the models alone")
)]

use std::collections::VecDeque;
use std::fmt;
use std::mem;

use crate::primitive::atomic::{AtomicBool, Ordering};
use crate::primitive::{Arc, Mutex, MutexGuard, PoisonError};

/// What a mailbox needs of a parker.
pub trait Unpark: Send + Sync {
    /// Ends the current wait, or the next one if there is none now.
    fn unpark(&self);
}

struct Inbox<T> {
    queue: VecDeque<T>,
    /// Whether the loop has ended, so that nothing is taken in any more.
    closed: bool,
    /// Whether the home thread is, or is about to be, parked.
    parked: bool,
}

/// An inbox with the means to wake who reads it.
pub struct Mailbox<T, P: ?Sized> {
    inbox: Mutex<Inbox<T>>,
    /// Whether the inbox has entries; written under its lock. A hint for the reader: before it
    /// parks it looks under the lock.
    has_entries: AtomicBool,
    parker: Mutex<Arc<P>>,
}

impl<T, P: Unpark + ?Sized> Mailbox<T, P> {
    /// An empty inbox whose reader parks in `parker`.
    pub fn new(parker: Arc<P>) -> Mailbox<T, P> {
        Mailbox {
            inbox: Mutex::new(Inbox {
                queue: VecDeque::new(),
                closed: false,
                parked: false,
            }),
            has_entries: AtomicBool::new(false),
            parker: Mutex::new(parker),
        }
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox<T>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an entry in and wakes the reader; gives it back when the mailbox is closed.
    pub fn send(&self, entry: T) -> Result<(), T> {
        let mut inbox = self.inbox();
        if inbox.closed {
            return Err(entry);
        }
        inbox.queue.push_back(entry);
        // ORDERING: a hint; the entry is read under the lock.
        self.has_entries.store(true, Ordering::Relaxed);
        self.unpark_if_parked(inbox);
        Ok(())
    }

    /// Whether there seems to be something to [receive](Mailbox::receive).
    pub fn has_entries(&self) -> bool {
        self.has_entries.load(Ordering::Relaxed)
    }

    /// Takes everything out, in order.
    pub fn receive(&self) -> VecDeque<T> {
        let mut inbox = self.inbox();
        self.has_entries.store(false, Ordering::Relaxed);
        mem::take(&mut inbox.queue)
    }

    /// Takes nothing in any more; returns what was in.
    pub fn close(&self) -> VecDeque<T> {
        let mut inbox = self.inbox();
        inbox.closed = true;
        mem::take(&mut inbox.queue)
    }

    /// Whether the mailbox is closed.
    pub fn is_closed(&self) -> bool {
        self.inbox().closed
    }

    /// Ends the wait of the reader, if it waits.
    pub fn unpark(&self) {
        self.unpark_if_parked(self.inbox());
    }

    fn unpark_if_parked(&self, mut inbox: MutexGuard<'_, Inbox<T>>) {
        let was_parked = mem::take(&mut inbox.parked);
        drop(inbox);
        if was_parked {
            self.parker().unpark();
        }
    }

    /// What the reader parks in now.
    pub fn parker(&self) -> Arc<P> {
        self.parker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Exchanges the parker.
    pub fn set_parker(&self, parker: Arc<P>) {
        let mut current = self.parker.lock().unwrap_or_else(PoisonError::into_inner);
        let old = mem::replace(&mut *current, parker.clone());
        drop(current);
        old.unpark();
        parker.unpark();
    }

    /// Announces that the reader is about to park. False: there is something to do first.
    pub fn prepare_park(&self) -> bool {
        let mut inbox = self.inbox();
        inbox.parked = inbox.queue.is_empty();
        inbox.parked
    }

    /// The reader is awake.
    pub fn finish_park(&self) {
        self.inbox().parked = false;
    }
}

impl<T, P: ?Sized> fmt::Debug for Mailbox<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").finish_non_exhaustive()
    }
}
