//! Threads without an executor, among each other and beside tasks.

use aioli_sync::{CapacityLimiter, Lock, OnceCell, Queue, SenderGone, budget, channel, oneshot};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

#[test]
fn threads_take_turns_with_a_lock() {
    let lock = Lock::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1000).for_each(|_| *lock.blocking_lock() += 1));
        }
        futures::executor::block_on(async {
            for _ in 0..1000 {
                *lock.lock().await += 1;
            }
        });
    });
    assert_eq!(lock.stats().waiting, 0);
    assert_eq!(lock.into_inner(), 5000);
}

#[test]
fn threads_hand_on_through_a_queue_that_is_always_full() {
    let queue = Queue::new(1);
    let sum = thread::scope(|scope| {
        scope.spawn(|| {
            (0..1000).for_each(|n| queue.blocking_put(n).unwrap());
            queue.shutdown();
        });
        std::iter::from_fn(|| queue.blocking_get().ok()).sum::<u32>()
    });
    assert_eq!(sum, 499_500);
}

#[test]
fn a_channel_between_threads_ends() {
    let (tx, rx) = channel(2);
    let sender = thread::spawn(move || (0..1000).for_each(|n| tx.blocking_send(n).unwrap()));
    let received: Vec<u32> = std::iter::from_fn(|| rx.blocking_recv().ok()).collect();
    assert_eq!(received, (0..1000).collect::<Vec<_>>());
    sender.join().unwrap();
}

#[test]
fn a_thread_learns_that_nothing_will_come() {
    let (tx, rx) = oneshot::channel::<u32>();
    let waiter = thread::spawn(|| rx.blocking_recv());
    drop(tx);
    assert_eq!(waiter.join().unwrap(), Err(SenderGone));
}

#[test]
fn a_thread_waits_for_a_token_in_its_own_name() {
    let limiter = CapacityLimiter::new(1);
    let token = limiter.try_acquire().expect("it is free");
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let token = limiter.blocking_acquire_on_behalf_of(7)?;
            assert!(limiter.blocking_acquire_on_behalf_of(7).is_err());
            drop(token);
            limiter.blocking_acquire_on_behalf_of(7).map(drop)
        });
        while limiter.stats().waiting == 0 {
            thread::yield_now();
        }
        drop(token);
        waiter.join().unwrap().unwrap();
    });
    assert_eq!(limiter.available(), 1);
}

#[test]
fn threads_and_a_task_fill_a_cell_once() {
    let (cell, calls) = (OnceCell::new(), AtomicU32::new(0));
    let init = || {
        thread::yield_now();
        calls.fetch_add(1, Ordering::Relaxed)
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(*cell.blocking_get_or_init(init), 0));
        }
        let task = cell.get_or_init(async || init());
        assert_eq!(*futures::executor::block_on(task), 0);
    });
    assert_eq!(calls.into_inner(), 1);
}

/// A spent budget sends a task back to its loop, and a blocked thread has none.
#[test]
fn a_spent_budget_does_not_keep_a_thread_busy() {
    let queue = Queue::unbounded();
    queue.try_put(1).unwrap();
    budget::refill(0);
    assert_eq!(queue.blocking_get(), Ok(1));
    assert_eq!(budget::remaining(), Some(0), "it is as it was");
    budget::unlimited();
}
