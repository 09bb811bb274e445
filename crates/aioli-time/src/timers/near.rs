//! The near timers, in the order in which they are due.
//!
//! Those that come near together, as the slot they are in does, are sorted once; those that are set
//! when they are near already are in a heap. The next one is the earlier of the two first ones.
//!
//! A removed timer stays where it is as a husk, told by its number, which the slab does not know
//! any more. Husks are dropped when it is their turn, and all at once when they outnumber the
//! timers, so that they cost each removal a constant time and never more memory than the timers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Key;
use super::slab::Slab;
use crate::moment::Moment;

/// How many husks are not worth a purge.
const HUSKS_MIN: usize = 32;

/// Room for so many is never given back.
const KEPT: usize = 1024;

/// Deadline, arrival, place in the slab; the arrival is unique.
type Item = Reverse<(Moment, u64, u32)>;

/// Timers in their order.
#[derive(Debug, Default)]
pub(super) struct Near {
    /// The last one is the first that is due.
    sorted: Vec<Item>,
    heap: BinaryHeap<Item>,
    /// How many of the items are removed timers.
    husks: usize,
}

impl Near {
    pub(super) fn push(&mut self, deadline: Moment, arrival: u64, index: u32) {
        self.heap.push(Reverse((deadline, arrival, index)));
    }

    /// Adds one of a slot, to be sorted before anything else is done.
    #[inline]
    pub(super) fn add(&mut self, deadline: Moment, arrival: u64, index: u32) {
        self.sorted.push(Reverse((deadline, arrival, index)));
    }

    pub(super) fn sort(&mut self) {
        self.sorted.sort_unstable();
    }

    /// Whether there is nothing; asked after [`pop_due`](Near::pop_due), which leaves no husk in
    /// front.
    pub(super) fn is_empty(&self) -> bool {
        self.sorted.is_empty() && self.heap.is_empty()
    }

    /// One of the timers is about to be removed from the slab.
    pub(super) fn forget_one(&mut self) {
        self.husks += 1;
    }

    /// Drops the husks when they are many.
    pub(super) fn purge(&mut self, slab: &Slab) {
        let count = self.sorted.len() + self.heap.len();
        if self.husks > HUSKS_MIN && self.husks > count / 2 {
            self.sorted.retain(|item| is_live(item, slab));
            self.sorted.shrink_to(2 * self.sorted.len());
            self.heap.retain(|item| is_live(item, slab));
            self.heap.shrink_to(2 * self.heap.len());
            self.husks = 0;
        }
    }

    /// The earliest deadline.
    pub(super) fn first(&mut self, slab: &Slab) -> Option<Moment> {
        self.drop_husks(slab);
        let first = self.sorted.last().max(self.heap.peek());
        first.map(|Reverse((deadline, _, _))| *deadline)
    }

    /// The earliest timer, if it is due.
    pub(super) fn pop_due(&mut self, now: Moment, slab: &Slab) -> Option<u32> {
        if self.first(slab)? > now {
            return None;
        }
        // What is due earlier is greater.
        let Reverse((_, _, index)) = match self.sorted.last() >= self.heap.peek() {
            true => self.sorted.pop()?,
            false => self.heap.pop()?,
        };
        Some(index)
    }

    /// Gives the memory of a burst back when nothing is left of it.
    pub(super) fn give_back(&mut self) {
        if self.is_empty() {
            self.sorted.shrink_to(KEPT);
            self.heap.shrink_to(KEPT);
        }
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.sorted.capacity() + self.heap.capacity()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.sorted.len() + self.heap.len()
    }

    pub(super) fn clear(&mut self) {
        *self = Near::default();
    }

    /// Drops the husks in front.
    #[inline]
    fn drop_husks(&mut self, slab: &Slab) {
        // PERF: `timers_1m`: no timer is looked at where none can be one.
        if self.husks > 0 {
            self.drop_husks_in_front(slab);
        }
    }

    fn drop_husks_in_front(&mut self, slab: &Slab) {
        while self.sorted.last().is_some_and(|item| !is_live(item, slab)) {
            self.sorted.pop();
            self.husks -= 1;
        }
        while self.heap.peek().is_some_and(|item| !is_live(item, slab)) {
            self.heap.pop();
            self.husks -= 1;
        }
    }
}

fn is_live(Reverse((_, arrival, index)): &Item, slab: &Slab) -> bool {
    let (arrival, index) = (*arrival, *index);
    slab.deadline(Key { arrival, index }).is_some()
}
