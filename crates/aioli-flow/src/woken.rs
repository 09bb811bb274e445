//! The children of one future that have been woken, so that only those are polled.
//!
//! Each child is polled with a waker of its own, which puts the child into a queue and wakes the
//! parent. The parent polls what is in the queue at that moment; a child that wakes itself while
//! it is polled is polled again in the next pass. A hundred thousand children cost one poll a
//! wake, and the children are polled in the order in which they were woken.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// The queue of woken children.
pub(crate) struct Woken(Arc<Shared>);

#[derive(Default)]
struct Shared(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    children: VecDeque<Arc<Child>>,
    /// The parent's waker, as of its last poll.
    parent: Option<Waker>,
    /// The parent is gone: children that are woken now are of no interest.
    is_closed: bool,
}

/// A child that has been woken, and its waker.
pub(crate) struct Child {
    index: usize,
    /// Whether it is in the queue.
    is_queued: AtomicBool,
    shared: Arc<Shared>,
}

impl Woken {
    pub(crate) fn new() -> Woken {
        Woken(Arc::default())
    }

    /// Adds a child, as if it had been woken: it wants its first poll.
    pub(crate) fn add(&mut self, index: usize) {
        let child = Child {
            index,
            is_queued: AtomicBool::new(true),
            shared: self.0.clone(),
        };
        self.0.lock().children.push_back(Arc::new(child));
    }

    /// The parent is polled: notes its waker.
    pub(crate) fn set_parent(&mut self, waker: &Waker) {
        let mut queue = self.0.lock();
        if queue
            .parent
            .as_ref()
            .is_some_and(|old| old.will_wake(waker))
        {
            return;
        }
        let old = queue.parent.replace(waker.clone());
        drop(queue);
        drop(old);
    }

    /// How many children are in the queue now.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().children.len()
    }

    /// Takes the child out that has been in the queue for longest.
    pub(crate) fn pop(&mut self) -> Option<(usize, Waker)> {
        let child = self.0.lock().children.pop_front()?;
        // Before the poll: a wake during it must put the child into the queue again.
        child.is_queued.store(false, Ordering::SeqCst);
        Some((child.index, Waker::from(child)))
    }
}

impl Drop for Woken {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.is_closed = true;
        let rest = std::mem::take(&mut queue.children);
        let parent = queue.parent.take();
        drop(queue);
        drop((rest, parent));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Child {
    fn wake(self: Arc<Child>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Child>) {
        if self.is_queued.swap(true, Ordering::SeqCst) {
            return;
        }
        let mut queue = self.shared.lock();
        if queue.is_closed {
            return;
        }
        queue.children.push_back(self.clone());
        let parent = queue.parent.clone();
        drop(queue);
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}

impl fmt::Debug for Woken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Woken")
            .field("queued", &self.len())
            .finish()
    }
}
