//! The cooperative budget.

use crate::harness::{pending, ready, start};
use aioli_sync::{Queue, Semaphore, budget};
use std::thread;

/// Limits this thread's budget for the length of a test, on a thread of its own.
fn limited(operations: u32, test: impl FnOnce() + Send) {
    thread::scope(|scope| {
        scope.spawn(|| {
            budget::refill(operations);
            test();
        });
    });
}

#[test]
fn an_always_ready_loop_returns_to_its_executor() {
    limited(128, || {
        let queue = Queue::unbounded();
        (0..1000).for_each(|item| queue.try_put(item).expect("it is unbounded"));
        let mut drain = start(async {
            while !queue.is_empty() {
                queue.get().await.expect("nobody shuts down");
            }
        });
        let mut polls = 0;
        while drain.poll().is_pending() {
            assert!(
                drain.is_woken(),
                "it goes to the back of the line, it does not sleep"
            );
            polls += 1;
            assert_eq!(queue.len(), 1000 - 128 * polls);
            budget::refill(128);
        }
        assert_eq!(polls, 7);
    });
}

#[test]
fn an_exhausted_operation_takes_nothing_and_does_not_queue() {
    limited(0, || {
        let semaphore = Semaphore::new(1);
        let acquire = pending(semaphore.acquire());
        assert!(acquire.is_woken());
        assert_eq!((semaphore.available(), semaphore.stats().waiting), (1, 0));
        budget::unlimited();
        drop(acquire.finish());
    });
}

#[test]
fn an_exhausted_waiter_keeps_its_grant() {
    limited(1, || {
        let semaphore = Semaphore::new(0);
        let mut acquire = pending(semaphore.acquire());
        semaphore.add_permits(1);
        budget::refill(0);
        assert!(acquire.poll().is_pending());
        assert_eq!(semaphore.available(), 0);
        budget::refill(1);
        drop(acquire.finish());
    });
}

#[test]
fn waiting_is_free() {
    limited(1, || {
        let queue = Queue::<u32>::unbounded();
        let waiting: Vec<_> = (0..100).map(|_| pending(queue.get())).collect();
        assert_eq!(queue.stats().getting, 100);
        assert_eq!(budget::remaining(), Some(1));
        drop(waiting);
    });
}

#[test]
fn what_does_not_wait_is_free() {
    limited(1, || {
        let queue = Queue::unbounded();
        for item in 0..10 {
            queue.try_put(item).expect("it is unbounded");
            queue.try_get().expect("it was just put");
        }
        assert_eq!(budget::remaining(), Some(1));
    });
}

#[test]
fn a_condition_keeps_the_lock_until_it_is_in_line() {
    limited(1, || {
        let lock = aioli_sync::Lock::new(());
        let condition = aioli_sync::Condition::new();
        let guard = ready(lock.lock());
        let mut wait = pending(condition.wait(guard));
        assert_eq!(condition.stats().waiting, 0);
        assert!(
            lock.is_locked(),
            "released now, it could miss a notification"
        );
        budget::unlimited();
        assert!(wait.poll().is_pending());
        assert_eq!(condition.stats().waiting, 1);
        assert!(!lock.is_locked());
    });
}
