//! In which order the items of a queue come out.

use crate::buffer::Items;
use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;

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
    type Items = VecDeque<T>;
}

impl<T> Order<T> for Lifo {
    type Items = Vec<T>;
}

impl<T: Ord> Order<T> for Priority {
    type Items = StableHeap<T>;
}

impl<T> Items<T> for VecDeque<T> {
    fn push(&mut self, item: T) {
        self.push_back(item);
    }

    fn pop(&mut self) -> Option<T> {
        self.pop_front()
    }

    fn len(&self) -> usize {
        VecDeque::len(self)
    }
}

impl<T> Items<T> for Vec<T> {
    fn push(&mut self, item: T) {
        Vec::push(self, item);
    }

    fn pop(&mut self) -> Option<T> {
        Vec::pop(self)
    }

    fn len(&self) -> usize {
        Vec::len(self)
    }
}

/// A heap that yields the smallest item, and the oldest among equals.
///
/// Without the tie-break an item could wait for ever while equals keep arriving.
pub struct StableHeap<T> {
    entries: BinaryHeap<Entry<T>>,
    next_serial: u64,
}

impl<T: Ord> Default for StableHeap<T> {
    fn default() -> StableHeap<T> {
        StableHeap {
            entries: BinaryHeap::new(),
            next_serial: 0,
        }
    }
}

impl<T> fmt::Debug for StableHeap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StableHeap").finish_non_exhaustive()
    }
}

impl<T: Ord> Items<T> for StableHeap<T> {
    fn push(&mut self, item: T) {
        let serial = self.next_serial;
        self.next_serial += 1;
        self.entries.push(Entry { item, serial });
    }

    fn pop(&mut self) -> Option<T> {
        self.entries.pop().map(|entry| entry.item)
    }

    fn len(&self) -> usize {
        self.entries.len()
    }
}

struct Entry<T> {
    item: T,
    serial: u64,
}

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
