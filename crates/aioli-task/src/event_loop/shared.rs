//! The half of a loop that other threads may touch: inbox, parker, slots.
//!
//! # The wake-up protocol
//!
//! A foreign thread (1) puts its entry into the inbox and (2) clears `parked`; if it was set it
//! (3) unparks. The home thread (a) sets `parked`, (b) looks into the inbox once more and only
//! then (c) parks. Either (b) sees the entry, or the inbox's lock orders (a) before (2) and the
//! foreign thread unparks. Unparking leaves a token, so it may come before (c).
//!
//! The parker may be exchanged at any time: the exchanger unparks the old one after the new one
//! is in place, so a home thread that is still in the old one comes out and reads again.

use std::any::{Any, TypeId};
use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::clock::Clock;
use super::park::ThreadPark;
use crate::driver::{DeadlineSource, Park};
use crate::task::Runnable;

/// A slot: the type it is stored under, and its value.
pub(crate) type Slot = (TypeId, Arc<dyn Any + Send + Sync>);

/// What another thread sent to the loop.
pub(crate) enum Remote {
    /// A task to run.
    Task(Arc<dyn Runnable>),
    /// A function to call.
    Call(Box<dyn FnOnce() + Send>),
}

#[derive(Default)]
struct Inbox {
    queue: VecDeque<Remote>,
    /// Whether the loop has ended, so that nothing is taken in any more.
    closed: bool,
}

/// The part of a loop that every thread may use.
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    inbox: Mutex<Inbox>,
    /// Whether the home thread is, or is about to be, in `park`.
    parked: AtomicBool,
    parker: Mutex<Arc<dyn Park>>,
    deadlines: Mutex<Option<Arc<dyn DeadlineSource>>>,
    slots: Mutex<Vec<Slot>>,
    /// Real work in flight; see [`crate::driver::Home::hold`].
    pub(crate) holds: AtomicUsize,
    /// Whether a second interrupt asked for the main task to be dropped.
    pub(crate) drop_main: AtomicBool,
    /// Counts the passes, so that a watcher can tell that the loop turns.
    pub(crate) turns: AtomicUsize,
}

impl Shared {
    pub(crate) fn new(is_virtual: bool) -> Shared {
        Shared {
            clock: Clock::new(is_virtual),
            inbox: Mutex::default(),
            parked: AtomicBool::new(false),
            parker: Mutex::new(Arc::new(ThreadPark::default())),
            deadlines: Mutex::default(),
            slots: Mutex::default(),
            holds: AtomicUsize::new(0),
            drop_main: AtomicBool::new(false),
            turns: AtomicUsize::new(0),
        }
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn slots(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends an entry to the loop and wakes it; gives it back when the loop has ended.
    pub(crate) fn send(&self, entry: Remote) -> Result<(), Remote> {
        let mut inbox = self.inbox();
        if inbox.closed {
            return Err(entry);
        }
        inbox.queue.push_back(entry);
        drop(inbox);
        self.unpark();
        Ok(())
    }

    /// Takes what other threads have sent, in order.
    pub(crate) fn receive(&self) -> VecDeque<Remote> {
        mem::take(&mut self.inbox().queue)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.inbox().closed
    }

    /// Ends the wait of the home thread, if it waits.
    pub(crate) fn unpark(&self) {
        // ORDERING: SeqCst pairs with the store in `prepare_park`; see the module's protocol.
        if self.parked.swap(false, Ordering::SeqCst) {
            self.parker().unpark();
        }
    }

    pub(crate) fn parker(&self) -> Arc<dyn Park> {
        self.parker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn set_parker(&self, parker: Arc<dyn Park>) {
        let mut current = self.parker.lock().unwrap_or_else(PoisonError::into_inner);
        let old = mem::replace(&mut *current, parker);
        drop(current);
        old.unpark();
    }

    pub(crate) fn set_deadline_source(&self, source: Arc<dyn DeadlineSource>) {
        *self
            .deadlines
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(source);
        self.unpark();
    }

    pub(crate) fn deadline_source(&self) -> Option<Arc<dyn DeadlineSource>> {
        self.deadlines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadline_source()?.next_deadline()
    }

    /// Announces that the home thread is about to park. False: there is something to do first.
    pub(crate) fn prepare_park(&self) -> bool {
        // ORDERING: SeqCst pairs with the swap in `unpark`; see the module's protocol.
        self.parked.store(true, Ordering::SeqCst);
        if self.inbox().queue.is_empty() {
            return true;
        }
        self.finish_park();
        false
    }

    pub(crate) fn finish_park(&self) {
        self.parked.store(false, Ordering::SeqCst);
    }

    /// Ends the loop: refuses further entries, tells the drivers, and drops the slots, the last
    /// installed first.
    pub(crate) fn close(&self) {
        let mut inbox = self.inbox();
        inbox.closed = true;
        let rest = mem::take(&mut inbox.queue);
        drop(inbox);
        drop(rest);
        self.parker().close();
        if let Some(source) = self.deadline_source() {
            source.close();
        }
        let slots = mem::take(&mut *self.slots());
        slots.into_iter().rev().for_each(drop);
        *self
            .deadlines
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
        self.set_parker(Arc::new(ThreadPark::default()));
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
