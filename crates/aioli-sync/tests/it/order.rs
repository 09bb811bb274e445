//! An order that panics is one caller's misfortune: the queue goes on, and no waker is lost.

use crate::harness::{pending, ready};
use aioli_sync::{PriorityQueue, local};
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

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
    assert_eq!(second.wakers(), 0, "it was woken");
    queue.try_put(Moody(3)).unwrap();
    let mut got = [first.finish(), second.finish(), ready(queue.get())].map(|item| item.unwrap().0);
    got.sort_unstable();
    assert_eq!(got, [1, 2, 3]);
    let joining = pending(queue.join());
    for _ in 0..3 {
        queue.task_done().unwrap();
    }
    joining.finish();
}

#[cfg(feature = "sink")]
#[test]
fn what_a_sink_puts_in_an_order_that_panics_is_there_for_who_waits() {
    use futures::SinkExt as _;
    let queue = PriorityQueue::unbounded();
    let first = pending(queue.get());
    let second = pending(queue.get());
    queue.try_put(Moody(2)).unwrap();
    let mut sink = queue.clone().into_sink();
    moody(|| sink.start_send_unpin(Moody(1)));
    assert_eq!(second.wakers(), 0, "it was woken");
    let mut got = [first.finish(), second.finish()].map(|item| item.unwrap().0);
    got.sort_unstable();
    assert_eq!(got, [1, 2]);
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
    assert_eq!(put.wakers(), 0, "it was woken");
    assert_eq!(put.finish(), Ok(()));
    assert_eq!(queue.len(), 3);
}

#[test]
fn a_getter_whose_item_cannot_be_taken_lets_a_putter_in() {
    let queue = PriorityQueue::new(3);
    let get = pending(queue.get());
    for n in 0..3 {
        queue.try_put(Moody(n)).unwrap();
    }
    let put = pending(queue.put(Moody(3)));
    moody(|| get.finish());
    assert_eq!(put.wakers(), 0, "it was woken");
    assert_eq!(put.finish(), Ok(()));
    assert_eq!(queue.len(), 3);
}

#[test]
fn what_cannot_be_taken_weighs_nothing_any_more() {
    let queue = PriorityQueue::builder()
        .max_bytes(30, |_: &Moody| 10)
        .build();
    for n in [0, 2, 4] {
        queue.try_put(Moody(n)).unwrap();
    }
    moody(|| queue.try_get());
    assert_eq!((queue.stats().len, queue.stats().bytes), (2, 20));
    queue.try_put(Moody(6)).unwrap();
    assert!(queue.try_put(Moody(8)).is_err(), "it is full");
}

#[test]
fn a_queue_that_is_emptied_in_an_order_that_panics_is_shut_down_and_empty() {
    let queue = PriorityQueue::new(5);
    for n in 0..5 {
        queue.try_put(Moody(n)).unwrap();
    }
    let (put, joining) = (pending(queue.put(Moody(5))), pending(queue.join()));
    moody(|| queue.shutdown_now());
    let stats = queue.stats();
    assert!(stats.shut_down);
    assert_eq!((stats.len, stats.bytes, stats.unfinished), (0, 0, 0));
    assert!(put.finish().is_err());
    joining.finish();
}

/// An item that looks at its queue when it is dropped, and notes what it sees.
struct Looking {
    order: Moody,
    queue: local::PriorityQueue<Looking>,
    seen: Rc<RefCell<Vec<usize>>>,
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.seen.borrow_mut().push(self.queue.len());
    }
}

impl Ord for Looking {
    fn cmp(&self, other: &Looking) -> Ordering {
        self.order.cmp(&other.order)
    }
}

impl PartialOrd for Looking {
    fn partial_cmp(&self, other: &Looking) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Looking {
    fn eq(&self, other: &Looking) -> bool {
        self.order == other.order
    }
}

impl Eq for Looking {}

/// Puts three items in that look at the queue, and returns what they will have seen.
fn fill(queue: &local::PriorityQueue<Looking>) -> Rc<RefCell<Vec<usize>>> {
    let seen = Rc::default();
    for n in 0..3 {
        let looking = Looking {
            order: Moody(n),
            queue: queue.clone(),
            seen: Rc::clone(&seen),
        };
        assert!(queue.try_put(looking).is_ok());
    }
    seen
}

/// Runs `f`, in which a comparison panics and nothing else does.
#[track_caller]
fn moody_alone<T>(f: impl FnOnce() -> T) {
    IS_MOODY.set(true);
    let panicked = catch_unwind(AssertUnwindSafe(|| drop(f())));
    IS_MOODY.set(false);
    let panic = panicked.expect_err("it compares");
    assert_eq!(panic.downcast_ref(), Some(&"not now"));
}

#[test]
fn what_is_left_of_an_order_that_panics_is_dropped_when_the_queue_can_be_used() {
    let queue = local::PriorityQueue::unbounded();
    let seen = fill(&queue);
    moody_alone(|| queue.shutdown_now());
    assert_eq!(*seen.borrow(), [0, 0, 0]);
}

#[test]
fn an_item_that_is_lost_is_dropped_when_the_queue_can_be_used() {
    let queue = local::PriorityQueue::unbounded();
    let seen = fill(&queue);
    moody_alone(|| queue.try_get());
    assert_eq!(*seen.borrow(), [2]);
    queue.shutdown_now();
    assert_eq!(*seen.borrow(), [2, 0, 0]);
}

#[test]
fn an_item_that_a_getter_loses_is_dropped_when_the_queue_can_be_used() {
    let queue = local::PriorityQueue::unbounded();
    let seen = fill(&queue);
    moody_alone(|| ready(queue.get()));
    assert_eq!(*seen.borrow(), [2]);
    queue.shutdown_now();
}

#[test]
fn an_item_that_a_getter_in_line_loses_is_dropped_when_the_queue_can_be_used() {
    let queue = local::PriorityQueue::unbounded();
    let get = pending(queue.get());
    let seen = fill(&queue);
    moody_alone(|| get.finish());
    assert_eq!(*seen.borrow(), [2]);
    queue.shutdown_now();
}
