//! What is weighed without a bound that anything could reach.

use super::kind::queue::{Fifo, Lifo, Order, OrderedQueue, Priority};

/// What went out no longer weighs anything, so that the next has room.
#[track_caller]
fn check<O: Order<usize>>() {
    let heavy = usize::MAX / 2 + 1;
    let queue = OrderedQueue::<usize, O>::builder();
    let queue = queue.max_bytes(usize::MAX, |weight| *weight).build();
    for _ in 0..3 {
        queue.try_put(heavy).expect("there is room");
        assert_eq!(
            (queue.stats().bytes, queue.stats().max_bytes),
            (heavy, None)
        );
        assert_eq!(queue.try_get(), Ok(heavy));
        assert_eq!(queue.stats().bytes, 0);
    }
}

#[test]
fn weights_come_and_go_in_every_order() {
    check::<Fifo>();
    check::<Lifo>();
    check::<Priority>();
}
