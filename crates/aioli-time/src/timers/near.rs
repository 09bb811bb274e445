//! The near timers, in the order in which they are due.
//!
//! A removed timer stays in the heap as a husk, told by its number, which the slab does not know
//! any more. Husks are dropped when they come to the top, and all at once when they outnumber the
//! timers, so that they cost each removal a constant time and never more memory than the timers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Key;
use super::slab::Slab;
use crate::moment::Moment;

/// How many husks are not worth a purge.
const HUSKS_MIN: usize = 32;

/// Deadline, arrival, place in the slab; the arrival is unique.
type Item = Reverse<(Moment, u64, u32)>;

/// A heap of timers.
#[derive(Debug, Default)]
pub(super) struct Near {
    heap: BinaryHeap<Item>,
    /// How many of the items are removed timers.
    husks: usize,
}

impl Near {
    pub(super) fn push(&mut self, deadline: Moment, arrival: u64, index: u32) {
        self.heap.push(Reverse((deadline, arrival, index)));
    }

    /// Whether there is nothing at the top; asked after [`pop_due`](Near::pop_due), which leaves
    /// no husk there.
    pub(super) fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// One of the timers is about to be removed from the slab.
    pub(super) fn forget_one(&mut self) {
        self.husks += 1;
    }

    /// Drops the husks when they are many.
    pub(super) fn purge(&mut self, slab: &Slab) {
        if self.husks > HUSKS_MIN && self.husks > self.heap.len() / 2 {
            self.heap.retain(|item| is_live(item, slab));
            self.heap.shrink_to(2 * self.heap.len());
            self.husks = 0;
        }
    }

    /// The earliest deadline.
    pub(super) fn first(&mut self, slab: &Slab) -> Option<Moment> {
        self.drop_husks(slab);
        self.heap.peek().map(|Reverse((deadline, _, _))| *deadline)
    }

    /// The earliest timer, if it is due.
    pub(super) fn pop_due(&mut self, now: Moment, slab: &Slab) -> Option<u32> {
        if self.first(slab)? > now {
            return None;
        }
        let Reverse((_, _, index)) = self.heap.pop()?;
        Some(index)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    pub(super) fn clear(&mut self) {
        *self = Near::default();
    }

    /// Drops the husks at the top.
    fn drop_husks(&mut self, slab: &Slab) {
        while self.heap.peek().is_some_and(|top| !is_live(top, slab)) {
            self.heap.pop();
            self.husks -= 1;
        }
    }
}

fn is_live(Reverse((_, arrival, index)): &Item, slab: &Slab) -> bool {
    let (arrival, index) = (*arrival, *index);
    slab.deadline(Key { arrival, index }).is_some()
}
