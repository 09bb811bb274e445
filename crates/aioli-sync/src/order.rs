//! In which order the items of a queue come out.

use crate::buffer::{Items, Lost};
use std::cmp::Ordering;
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, VecDeque};
use std::convert::Infallible;
use std::fmt;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// An order in which items come out: [`Fifo`], [`Lifo`] or [`Priority`].
///
/// Sealed: what a queue keeps its items in must not call back into the queue.
pub trait Order<T>: sealed::Sealed {
    #[doc(hidden)]
    type Items: Items<T> + Default;
}

mod sealed {
    /// Keeps [`Order`](super::Order) ours.
    pub trait Sealed {}
    impl Sealed for super::Fifo {}
    impl Sealed for super::Lifo {}
    impl Sealed for super::Priority {}
}

/// First in, first out: the order of a [`Queue`](crate::Queue).
#[derive(Clone, Copy, Debug)]
pub enum Fifo {}

/// Last in, first out: the order of a [`LifoQueue`](crate::LifoQueue).
#[derive(Clone, Copy, Debug)]
pub enum Lifo {}

/// Smallest first, and among equals the oldest: the order of a
/// [`PriorityQueue`](crate::PriorityQueue).
#[derive(Clone, Copy, Debug)]
pub enum Priority {}

impl<T> Order<T> for Fifo {
    type Items = Weighed<VecDeque<T>, VecDeque<usize>>;
}

impl<T> Order<T> for Lifo {
    type Items = Weighed<Vec<T>, Vec<usize>>;
}

impl<T: Ord> Order<T> for Priority {
    type Items = StableHeap<T>;
}

/// Items without weights: what a channel keeps, and half of what a queue does.
impl<T> Items<T> for VecDeque<T> {
    type Lost = Infallible;

    #[inline]
    fn push(&mut self, item: T, _: usize) {
        self.push_back(item);
    }

    #[inline]
    fn pop(&mut self) -> Result<Option<(T, usize)>, Infallible> {
        let Some(item) = self.pop_front() else {
            return Ok(None);
        };
        if is_wasteful::<T>(VecDeque::len(self), self.capacity()) {
            halve(self);
        }
        Ok(Some((item, 0)))
    }

    #[inline]
    fn len(&self) -> usize {
        VecDeque::len(self)
    }
}

#[cold]
fn halve<T>(items: &mut VecDeque<T>) {
    items.shrink_to(items.capacity() / 2);
}

impl<T> Items<T> for Vec<T> {
    type Lost = Infallible;

    fn push(&mut self, item: T, _: usize) {
        Vec::push(self, item);
    }

    fn pop(&mut self) -> Result<Option<(T, usize)>, Infallible> {
        let Some(item) = Vec::pop(self) else {
            return Ok(None);
        };
        if is_wasteful::<T>(Vec::len(self), self.capacity()) {
            self.shrink_to(self.capacity() / 2);
        }
        Ok(Some((item, 0)))
    }

    fn len(&self) -> usize {
        Vec::len(self)
    }
}

/// Memory that a container keeps for the next burst, in bytes.
const KEPT: usize = 4096;

/// Whether a container with room for `capacity` items had better give half of it back.
///
/// At a quarter, not at a half, so that one which is filled and emptied in turns keeps what it
/// has: from one change of its capacity to the next, at least an eighth of it comes or goes.
#[inline]
fn is_wasteful<T>(len: usize, capacity: usize) -> bool {
    len < capacity / 4 && size_of::<T>() > 0 && capacity > (KEPT / size_of::<T>()).max(32)
}

/// Items, and beside them in the same order their weights, if anybody asks for them.
#[derive(Debug, Default)]
pub struct Weighed<I, W> {
    items: I,
    weights: Option<W>,
}

impl<T, I, W> Items<T> for Weighed<I, W>
where
    I: Items<T, Lost = Infallible>,
    W: Items<usize, Lost = Infallible> + Default,
{
    type Lost = Infallible;

    #[inline]
    fn push(&mut self, item: T, weight: usize) {
        self.items.push(item, 0);
        if let Some(weights) = &mut self.weights {
            weights.push(weight, 0);
        }
    }

    // PERF: `queue`: a call would have the item in memory.
    #[inline(always)]
    fn pop(&mut self) -> Result<Option<(T, usize)>, Infallible> {
        let Ok(Some((item, _))) = self.items.pop() else {
            return Ok(None);
        };
        let weight = match &mut self.weights {
            Some(weights) => weights.pop()?.map_or(0, |(weight, _)| weight),
            None => 0,
        };
        Ok(Some((item, weight)))
    }

    #[inline]
    fn len(&self) -> usize {
        self.items.len()
    }

    fn keep_weights(&mut self) {
        self.weights = Some(W::default());
    }
}

/// A heap that yields the smallest item, and the oldest among equals.
///
/// Without the tie-break an item could wait for ever while equals keep arriving.
pub struct StableHeap<T> {
    /// An entry without content is there only for the time of its removal.
    entries: BinaryHeap<Option<Entry<T>>>,
    next_serial: NonZero<u64>,
}

impl<T: Ord> Default for StableHeap<T> {
    fn default() -> StableHeap<T> {
        StableHeap {
            entries: BinaryHeap::new(),
            next_serial: NonZero::<u64>::MIN,
        }
    }
}

impl<T> fmt::Debug for StableHeap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StableHeap").finish_non_exhaustive()
    }
}

impl<T: Ord> Items<T> for StableHeap<T> {
    const COMPARES: bool = true;

    type Lost = Lost<T>;

    fn push(&mut self, item: T, weight: usize) {
        let serial = self.next_serial;
        self.next_serial = serial.saturating_add(1);
        self.entries.push(Some(Entry {
            item,
            serial,
            weight,
        }));
    }

    fn pop(&mut self) -> Result<Option<(T, usize)>, Lost<T>> {
        let Some(mut first) = self.entries.peek_mut() else {
            return Ok(None);
        };
        // What the heap holds while it compares, it drops if that panics.
        let entry = first.take();
        let popped = catch_unwind(AssertUnwindSafe(|| drop(PeekMut::pop(first))));
        let capacity = self.entries.capacity();
        if is_wasteful::<Entry<T>>(self.entries.len(), capacity) {
            self.entries.shrink_to(capacity / 2);
        }
        let Entry { item, weight, .. } = entry.expect("an entry has its content until it goes");
        match popped {
            Ok(()) => Ok(Some((item, weight))),
            Err(panic) => Err(Lost {
                item,
                weight,
                panic,
            }),
        }
    }

    fn len(&self) -> usize {
        self.entries.len()
    }
}

struct Entry<T> {
    item: T,
    /// Not zero, so that an entry that may be empty is no larger.
    serial: NonZero<u64>,
    weight: usize,
}

const _: () = assert!(size_of::<Option<Entry<u64>>>() == size_of::<Entry<u64>>());

/// Reversed, because `BinaryHeap` yields the greatest.
impl<T: Ord> Ord for Entry<T> {
    fn cmp(&self, other: &Entry<T>) -> Ordering {
        let by_item = other.item.cmp(&self.item);
        by_item.then(other.serial.cmp(&self.serial))
    }
}

impl<T: Ord> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Entry<T>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord> PartialEq for Entry<T> {
    fn eq(&self, other: &Entry<T>) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T: Ord> Eq for Entry<T> {}

#[cfg(test)]
mod tests;
