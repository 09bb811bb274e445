//! What containers keep after a burst, and what that costs.

use super::{Fifo, Lifo, Order, Priority, Weighed};
use crate::buffer::Items;
use std::collections::VecDeque;

const BURST: usize = 1_000_000;

/// The capacity of a container, in items.
trait Capacity {
    fn capacity(&self) -> usize;
}

impl<T> Capacity for Weighed<VecDeque<T>, VecDeque<usize>> {
    fn capacity(&self) -> usize {
        let weights = self.weights.as_ref().map_or(0, VecDeque::capacity);
        self.items.capacity().max(weights)
    }
}

impl<T> Capacity for Weighed<Vec<T>, Vec<usize>> {
    fn capacity(&self) -> usize {
        self.items.capacity()
    }
}

impl<T> Capacity for super::StableHeap<T> {
    fn capacity(&self) -> usize {
        self.entries.capacity()
    }
}

/// Fills and empties: afterwards nearly nothing is kept, and it was given back in few steps.
#[track_caller]
fn check<O: Order<u64, Items: Capacity>>(weighs: bool) {
    let mut items = O::Items::default();
    if weighs {
        items.keep_weights();
    }
    for item in 0..BURST {
        items.push(item as u64, item);
    }
    assert!(items.capacity() >= BURST);
    let (mut changes, mut last) = (0, items.capacity());
    while let Ok(Some((item, weight))) = items.pop() {
        assert!(
            !weighs || weight == item as usize,
            "weights go with their items"
        );
        changes += usize::from(items.capacity() != last);
        last = items.capacity();
    }
    assert!(last <= 1024, "{last} slots are kept");
    assert!(changes <= 32, "{changes} changes are not amortised");
}

#[test]
fn a_burst_is_given_back() {
    check::<Fifo>(false);
    check::<Fifo>(true);
    check::<Lifo>(false);
    check::<Priority>(false);
}

#[test]
fn a_steady_ebb_and_flow_keeps_its_memory() {
    let mut items = VecDeque::new();
    (0..4096).for_each(|n: u64| items.push(n, 0));
    let capacity = items.capacity();
    for _ in 0..10 {
        (0..2048).for_each(|_| assert!(matches!(Items::pop(&mut items), Ok(Some(_)))));
        (0..2048).for_each(|n| items.push(n, 0));
        assert_eq!(items.capacity(), capacity);
    }
}

#[test]
fn items_of_no_size_cost_nothing() {
    let mut items = VecDeque::new();
    (0..4096).for_each(|_| items.push((), 0));
    while let Ok(Some(((), _))) = Items::pop(&mut items) {}
    assert_eq!(Items::len(&items), 0);
}
