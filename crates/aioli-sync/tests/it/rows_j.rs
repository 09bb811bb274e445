//! Section J of the conformance list, first half: lock, event, condition.
//!
//! Each test asserts what CPython's, trio's or anyio's test of that row expects, as far as it
//! can be said without tasks: a waiter is a future polled by hand, a cancellation its drop.
//! Rows 195, 211 and the first half of 199 (releasing or using a lock that one does not
//! hold, notifying or waiting without it) cannot be written: a guard is the only way.

use crate::harness::{Task, pending, ready, start};
use aioli_sync::{Condition, Event, Lock, Semaphore};
use std::cell::RefCell;
use std::task::Poll;

#[test]
fn c190_lock_acquire() {
    let lock = Lock::new(Vec::new());
    let holder = ready(lock.lock());
    let first = pending(lock.lock());
    let second = pending(lock.lock());
    drop(holder);

    let mut guard = first.finish();
    guard.push(1);
    assert_eq!(*guard, [1]);
    let third = pending(lock.lock());
    assert!(!second.is_woken() && !third.is_woken());
    drop(guard);

    let mut guard = second.finish();
    guard.push(2);
    assert!(!third.is_woken());
    drop(guard);
    third.finish().push(3);
    assert_eq!(lock.into_inner(), [1, 2, 3]);
}

#[test]
fn c191_lock_acquire_cancel() {
    let lock = Lock::new(());
    let _holder = ready(lock.lock());
    let waiter = pending(lock.lock());
    assert_eq!(lock.stats().waiting, 1);
    waiter.cancel();
    assert_eq!(lock.stats().waiting, 0);
}

#[test]
fn c192_lock_cancel_race() {
    let lock = Lock::new(());
    let a = ready(lock.lock());
    let b = pending(lock.lock());
    let c = pending(lock.lock());
    drop(a);
    b.cancel();
    drop(c.finish());
    assert!(!lock.is_locked());
}

#[test]
fn c193_lock_cancel_release_race() {
    let lock = Lock::new(());
    let holder = ready(lock.lock());
    let [first, second, third] = [(); 3].map(|()| pending(lock.lock()));
    first.cancel();
    drop(holder);
    let guard = second.finish();
    assert!(!third.is_woken());
    drop(guard);
    drop(third.finish());
    assert!(!lock.is_locked());
}

#[test]
fn c196_lock_cancel_after_release() {
    let lock = Lock::new(());
    let holder = ready(lock.lock());
    let waiter = pending(lock.lock());
    drop(holder);
    assert!(
        waiter.is_woken() && lock.is_locked(),
        "granted, not merely free"
    );
    waiter.cancel();
    assert!(!lock.is_locked());
    assert_eq!(lock.stats().waiting, 0);
}

#[test]
fn c197_lock_cancel_during_acquire() {
    for released_first in [true, false] {
        let lock = Lock::new(());
        let mut holder = Some(ready(lock.lock()));
        let waiter = pending(lock.lock());
        if released_first {
            holder = None;
        }
        waiter.cancel();
        drop(holder);
        assert!(!lock.is_locked());
    }
}

/// Everybody asks again before it releases, so a round serves them in the order of the last.
#[test]
fn c198_lock_like_fifo_fairness() {
    let lock = Lock::new(());
    let semaphore = Semaphore::new(1);
    let (tx, rx) = aioli_sync::channel(1);
    tx.try_send('t').expect("it is empty");

    fn check<'a, G: 'a>(acquire: impl Fn() -> Task<'a, G>, release: impl Fn(G), first: G) {
        let mut line = (0..5).map(|name| (name, acquire())).collect::<Vec<_>>();
        release(first);
        let mut served = Vec::new();
        for _ in 0..15 {
            let (name, task) = line.remove(0);
            let held = task.finish();
            line.push((name, acquire()));
            served.push(name);
            release(held);
        }
        assert_eq!(served, [[0, 1, 2, 3, 4]; 3].concat());
    }
    check(|| pending(lock.lock()), drop, ready(lock.lock()));
    check(
        || pending(semaphore.acquire()),
        drop,
        ready(semaphore.acquire()),
    );
    let give_back = |token| tx.try_send(token).expect("the token's slot is free");
    let token = ready(rx.recv()).expect("sent above");
    check(
        || {
            let mut task = start(async { rx.recv().await.expect("the sender lives") });
            assert!(task.poll().is_pending());
            task
        },
        give_back,
        token,
    );
}

#[test]
fn c199_try_acquire_of_a_held_lock() {
    let lock = Lock::new(());
    let guard = lock.try_lock();
    assert!(guard.is_some());
    assert!(lock.try_lock().is_none());
    assert!(
        lock.try_lock().is_none(),
        "a failed attempt changes nothing"
    );
    drop(guard);
    assert!(lock.try_lock().is_some());
}

#[test]
fn c200_event_wait() {
    let event = Event::new();
    let order = RefCell::new(Vec::new());
    let waiter = async |name| {
        event.wait().await;
        order.borrow_mut().push(name);
    };
    let one = pending(waiter(1));
    let two = pending(waiter(2));
    let three = start(waiter(3));
    event.set();
    assert_eq!({ three }.poll(), Poll::Ready(()));
    one.finish();
    two.finish();
    assert_eq!(*order.borrow(), [3, 1, 2]);
}

#[test]
fn c200_event_set_and_cleared_at_once_releases_those_who_waited() {
    let event = Event::new();
    let waiter = pending(event.wait());
    event.set();
    event.clear();
    waiter.finish();
    pending(event.wait()).cancel();
}

#[test]
fn c202_event_wait_cancel() {
    let event = Event::new();
    pending(event.wait()).cancel();
    assert_eq!(event.stats().waiting, 0);
}

#[test]
fn c203_condition_wait() {
    let lock = Lock::new(());
    let condition = Condition::new();
    let wait = || pending(condition.wait(ready(lock.lock())));
    let [mut one, mut two, mut three] = [wait(), wait(), wait()];

    let guard = ready(lock.lock());
    condition.notify(1);
    assert!(
        one.is_woken() && one.poll().is_pending(),
        "the lock is held"
    );
    drop(guard);
    let guard = one.finish();
    condition.notify(2);
    assert!(two.poll().is_pending() && three.poll().is_pending());
    drop(guard);
    drop(two.finish());
    drop(three.finish());
    assert!(!lock.is_locked());
}

#[test]
fn c204_condition_wait_cancel() {
    let lock = Lock::new(());
    let condition = Condition::new();
    let waiter = pending(condition.wait(ready(lock.lock())));
    waiter.cancel();
    assert_eq!(condition.stats().waiting, 0);
    assert!(!lock.is_locked(), "the guard is simply gone");
}

#[test]
fn c205_condition_wait_cancel_after_notify() {
    let lock = Lock::new(());
    let condition = Condition::new();
    let mut waiter = pending(condition.wait(ready(lock.lock())));
    let guard = ready(lock.lock());
    condition.notify(1);
    assert!(waiter.poll().is_pending(), "it takes the lock again");
    assert_eq!(lock.stats().waiting, 1);
    waiter.cancel();
    assert_eq!(lock.stats().waiting, 0);
    drop(guard);
    assert!(!lock.is_locked());
}

#[test]
fn c206_condition_cancelled_wakeup() {
    for polled_in_between in [false, true] {
        let state = Lock::new(0);
        let condition = Condition::new();
        let consume = async || {
            let guard = state.lock().await;
            let mut guard = condition.wait_for(guard, |state| *state > 0).await;
            *guard -= 1;
        };
        let mut first = pending(consume());
        let second = pending(consume());
        let mut guard = ready(state.lock());
        *guard += 1;
        condition.notify(1);
        if polled_in_between {
            assert!(first.poll().is_pending(), "the lock is held");
        }
        first.cancel();
        drop(guard);
        second.finish();
        assert_eq!(state.into_inner(), 0);
    }
}

#[test]
fn c208_condition_wait_for() {
    let value = Lock::new(0);
    let condition = Condition::new();
    let mut waiter = pending(async {
        let guard = value.lock().await;
        *condition.wait_for(guard, |value| *value == 2).await
    });
    for _ in 0..2 {
        assert!(waiter.poll().is_pending());
        *ready(value.lock()) += 1;
        condition.notify(1);
    }
    assert_eq!(waiter.finish(), 2);
}

/// The half without the lock cannot be written: the predicate sees the value by the guard.
#[test]
fn c209_condition_wait_for_what_is_true() {
    let value = Lock::new(true);
    let condition = Condition::new();
    let guard = ready(value.lock());
    assert!(*ready(condition.wait_for(guard, |value| *value)));
}

#[test]
fn c210_condition_notify() {
    let lock = Lock::new(());
    let condition = Condition::new();
    let wait = || pending(condition.wait(ready(lock.lock())));
    let [one, two, three] = [wait(), wait(), wait()];
    condition.notify(1);
    drop(one.finish());
    assert!(!two.is_woken() && !three.is_woken());
    condition.notify(2048);
    drop(two.finish());
    drop(three.finish());
}

/// Without a clock the timeout is a drop; there is no guard left to release.
#[test]
fn c212_condition_timeout_in_block() {
    let lock = Lock::new(());
    let condition = Condition::new();
    let block = start(async {
        let guard = lock.lock().await;
        let mut wait = std::pin::pin!(condition.wait(guard));
        futures::future::poll_immediate(&mut wait).await.is_none()
    });
    assert_eq!({ block }.poll(), Poll::Ready(true));
    assert!(!lock.is_locked());
}

#[test]
fn c213_condition_notification_handover_on_cancel() {
    let lock = Lock::new(());
    let condition = Condition::new();
    let first = pending(condition.wait(ready(lock.lock())));
    let second = pending(condition.wait(ready(lock.lock())));
    let guard = ready(lock.lock());
    first.cancel();
    condition.notify(1);
    drop(guard);
    drop(second.finish());
}
