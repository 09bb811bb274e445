//! An order that panics is one caller's misfortune: the queue goes on, and no waker is lost.

use crate::harness::{pending, ready};
use aioli_sync::PriorityQueue;
use std::cell::Cell;
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static IS_MOODY: Cell<bool> = const { Cell::new(false) };
}

/// An item that at times cannot be compared.
#[derive(Debug, PartialEq, Eq)]
struct Moody(u32);

impl Ord for Moody {
    fn cmp(&self, other: &Moody) -> Ordering {
        assert!(!IS_MOODY.get(), "not now");
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Moody {
    fn partial_cmp(&self, other: &Moody) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Runs `f`, in which a comparison panics.
#[track_caller]
fn moody<T>(f: impl FnOnce() -> T) {
    IS_MOODY.set(true);
    let ended = catch_unwind(AssertUnwindSafe(f));
    IS_MOODY.set(false);
    assert!(ended.is_err(), "it compares");
}

#[test]
fn what_was_put_in_an_order_that_panics_is_there_and_counts() {
    let queue = PriorityQueue::unbounded();
    let first = pending(queue.get());
    let second = pending(queue.get());
    queue.try_put(Moody(2)).unwrap();
    moody(|| queue.try_put(Moody(1)));
    assert_eq!((queue.stats().len, queue.stats().unfinished), (2, 2));
    assert_eq!(second.wakers(), 1, "it is in line");
    queue.try_put(Moody(3)).unwrap();
    assert_eq!(second.wakers(), 0, "it was woken");
    let mut got = [first.finish(), second.finish(), ready(queue.get())].map(|item| item.unwrap().0);
    got.sort_unstable();
    assert_eq!(got, [1, 2, 3]);
    let joining = pending(queue.join());
    for _ in 0..3 {
        queue.task_done().unwrap();
    }
    joining.finish();
}

#[test]
fn a_slot_that_was_filled_in_an_order_that_panics_is_taken_and_counts() {
    let queue = PriorityQueue::new(2);
    queue.try_put(Moody(1)).unwrap();
    queue.try_put(Moody(2)).unwrap();
    let put = pending(queue.put(Moody(3)));
    assert_eq!(queue.try_get(), Ok(Moody(1)));
    moody(|| put.finish());
    assert_eq!((queue.stats().len, queue.stats().unfinished), (2, 3));
    assert!(queue.try_put(Moody(4)).is_err(), "it is full");
}

#[test]
fn who_waits_for_a_slot_outlasts_an_order_that_panics() {
    let queue = PriorityQueue::new(3);
    for n in 0..3 {
        queue.try_put(Moody(n)).unwrap();
    }
    let put = pending(queue.put(Moody(3)));
    moody(|| queue.try_get());
    assert_eq!(put.wakers(), 1, "it is in line");
    queue.try_get().unwrap();
    assert_eq!(put.wakers(), 0, "it was woken");
    assert_eq!(put.finish(), Ok(()));
}
