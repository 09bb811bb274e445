//! The half of a loop that other threads may touch: mailbox, deadlines, slots.

use std::any::{Any, TypeId};
use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::clock::Clock;
use super::mailbox::{Mailbox, Unpark};
use super::park::ThreadPark;
use super::quiet::Quiet;
use crate::driver::{DeadlineSource, Park};
use crate::first_panic::FirstPanic;
use crate::task::Posted;
use crate::watchdog::Watch;

/// A slot: the type it is stored under, and its value.
pub(crate) type Slot = (TypeId, Arc<dyn Any + Send + Sync>);

/// What another thread sent to the loop.
pub(crate) enum Remote {
    /// A task that something is wanted of.
    Task(Posted),
    /// A function to call.
    Call(Box<dyn FnOnce() + Send>),
}

/// The part of a loop that every thread may use.
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) quiet: Quiet,
    pub(crate) mailbox: Mailbox<Remote, dyn Park>,
    deadlines: Mutex<Option<Arc<dyn DeadlineSource>>>,
    slots: Mutex<Vec<Slot>>,
    /// Real work in flight; see [`crate::driver::Home::hold`].
    pub(crate) holds: AtomicUsize,
    /// Whether a second interrupt asked for the main task to be dropped.
    pub(crate) drop_main: AtomicBool,
    /// Counts the passes, so that a watcher can tell that the loop turns.
    pub(crate) turns: AtomicUsize,
    /// What the watchdog sees of this loop, if it is watched.
    pub(crate) watch: Option<Watch>,
}

impl Shared {
    pub(crate) fn new(clock: Clock, watch: Option<Watch>) -> Shared {
        Shared {
            clock,
            quiet: Quiet::default(),
            mailbox: Mailbox::new(Arc::new(ThreadPark::default())),
            deadlines: Mutex::default(),
            slots: Mutex::default(),
            holds: AtomicUsize::new(0),
            drop_main: AtomicBool::new(false),
            turns: AtomicUsize::new(0),
            watch,
        }
    }

    pub(crate) fn slots(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_deadline_source(&self, source: Arc<dyn DeadlineSource>) {
        *self
            .deadlines
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(source);
        self.mailbox.unpark();
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

    /// Ends the loop: refuses further entries, tells the drivers, and drops the slots, the last
    /// installed first. Returns what had been sent.
    pub(crate) fn close(&self, panics: &mut FirstPanic) -> VecDeque<Remote> {
        let left = self.mailbox.close();
        panics.catch(|| self.mailbox.parker().close());
        if let Some(source) = self.deadline_source() {
            panics.catch(|| source.close());
        }
        let slots = mem::take(&mut *self.slots());
        for slot in slots.into_iter().rev() {
            panics.catch(|| drop(slot));
        }
        *self
            .deadlines
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
        self.mailbox.set_parker(Arc::new(ThreadPark::default()));
        left
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

impl Unpark for dyn Park {
    fn unpark(&self) {
        Park::unpark(self);
    }
}
