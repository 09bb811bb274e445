//! Section J, first half: lock, event, condition.

use std::cell::Cell;
use std::rc::Rc;

use aioli_flow::timeout;
use aioli_sync::{Condition, Event, Lock, Semaphore, channel};
use aioli_task::{Task, catch, spawn, time, yield_now};
use aioli_time::sleep;

use crate::support::{Log, arrive, cancelled, in_any_order, in_order, settle};

/// A task that takes the lock, notes it, and holds the lock until the event is set.
async fn holder(lock: &Rc<Lock<()>>, log: &Log, name: u32) -> (Task<()>, Rc<Event>) {
    let (lock, log, release) = (lock.clone(), log.clone(), Rc::new(Event::new()));
    let released = release.clone();
    let task = arrive(async move {
        let _guard = lock.lock().await;
        log.put(name);
        released.wait().await;
    });
    (task.await, release)
}

#[test]
fn c190_lock_in_the_order_of_arrival() {
    in_any_order(async || {
        let (lock, log) = (Rc::new(Lock::new(())), Log::default());
        let guard = lock.lock().await;
        let (one, release_one) = holder(&lock, &log, 1).await;
        let (two, release_two) = holder(&lock, &log, 2).await;
        assert!(log.is_empty());
        drop(guard);
        settle().await;
        assert_eq!(log.names(), ["1"]);
        let (three, release_three) = holder(&lock, &log, 3).await;
        release_one.set();
        settle().await;
        assert_eq!(log.names(), ["1", "2"]);
        release_two.set();
        settle().await;
        assert_eq!(log.names(), ["1", "2", "3"]);
        release_three.set();
        for task in [one, two, three] {
            task.await;
        }
        assert!(!lock.is_locked());
    });
}

#[test]
fn c191_only_waiter_for_a_lock_is_cancelled() {
    in_any_order(async || {
        let (lock, log) = (Rc::new(Lock::new(())), Log::default());
        let _guard = lock.lock().await;
        let (waiter, _) = holder(&lock, &log, 1).await;
        assert_eq!(lock.stats().waiting, 1);
        waiter.cancel();
        cancelled(waiter).await;
        assert_eq!((lock.stats().waiting, log.is_empty()), (0, true));
    });
}

#[test]
fn c192_lock_released_and_its_first_waiter_cancelled_in_one_pass() {
    in_any_order(async || {
        let (lock, log) = (Rc::new(Lock::new(())), Log::default());
        let (a, release_a) = holder(&lock, &log, 1).await;
        let (b, _) = holder(&lock, &log, 2).await;
        let (c, release_c) = holder(&lock, &log, 3).await;
        release_a.set();
        b.cancel();
        settle().await;
        assert_eq!(log.names(), ["1", "3"]);
        release_c.set();
        cancelled(b).await;
        a.await;
        c.await;
        assert!(!lock.is_locked());
        assert_eq!(lock.stats().waiting, 0);
    });
}

#[test]
fn c193_first_waiter_cancelled_and_lock_released_in_one_callback() {
    in_any_order(async || {
        let (lock, log) = (Rc::new(Lock::new(())), Log::default());
        let guard = lock.try_lock().expect("it is free");
        let (first, _) = holder(&lock, &log, 1).await;
        let (second, release_second) = holder(&lock, &log, 2).await;
        let (third, release_third) = holder(&lock, &log, 3).await;
        first.cancel();
        drop(guard);
        settle().await;
        assert_eq!(log.names(), ["2"]);
        release_second.set();
        release_third.set();
        cancelled(first).await;
        second.await;
        third.await;
        assert_eq!(
            (log.names(), lock.is_locked()),
            (vec!["2".into(), "3".into()], false)
        );
    });
}

#[test]
fn c196_waiter_cancelled_that_has_just_been_handed_the_lock() {
    in_any_order(async || {
        let (lock, log) = (Rc::new(Lock::new(())), Log::default());
        let guard = lock.lock().await;
        let (waiter, _) = holder(&lock, &log, 1).await;
        drop(guard);
        assert!(lock.is_locked(), "it is the waiter's by now");
        waiter.cancel();
        cancelled(waiter).await;
        assert_eq!(
            (lock.is_locked(), lock.stats().waiting, log.is_empty()),
            (false, 0, true)
        );
    });
}

#[test]
fn c197_waiter_cancelled_before_and_after_the_release() {
    in_any_order(async || {
        for is_released_first in [true, false] {
            let (lock, log) = (Rc::new(Lock::new(())), Log::default());
            let guard = lock.lock().await;
            let (waiter, _) = holder(&lock, &log, 1).await;
            waiter.cancel();
            if is_released_first {
                drop(guard);
                cancelled(waiter).await;
            } else {
                cancelled(waiter).await;
                drop(guard);
            }
            assert!(log.is_empty() && !lock.is_locked());
        }
    });
}

#[test]
fn c198_rounds_in_the_order_of_the_first() {
    in_any_order(async || {
        /// Five tasks take and give back three times each; every round is in the same order.
        async fn check(use_it: impl AsyncFn() + Clone + 'static) {
            let log = Log::default();
            let mut tasks = Vec::new();
            for name in 0..5 {
                let (log, use_it) = (log.clone(), use_it.clone());
                let task = spawn(async move {
                    for _ in 0..3 {
                        log.put(name);
                        use_it().await;
                    }
                });
                tasks.push(task);
            }
            for task in tasks {
                task.await;
            }
            let names = log.names();
            let (first, rest) = names.split_at(5);
            assert!(rest.chunks(5).all(|round| round == first), "{names:?}");
        }
        let lock = Rc::new(Lock::new(()));
        check(async move || {
            let guard = lock.lock().await;
            yield_now().await;
            drop(guard);
        })
        .await;
        let semaphore = Rc::new(Semaphore::new(1));
        check(async move || {
            let permit = semaphore.acquire().await;
            yield_now().await;
            drop(permit);
        })
        .await;
        let (tx, rx) = channel(1);
        tx.try_send(()).unwrap();
        check(async move || {
            rx.recv().await.expect("the sender lives");
            yield_now().await;
            tx.send(()).await.expect("the receiver lives");
        })
        .await;
    });
}

#[test]
fn c199_lock_held_already() {
    in_any_order(async || {
        let lock = Rc::new(Lock::new(()));
        let guard = lock.lock().await;
        assert!(lock.try_lock().is_none());
        // The owner has no second time coming: asking again waits, and never for its own.
        assert!(timeout(1, lock.lock()).await.is_err());
        assert_eq!((time(), lock.stats().waiting), (1.0, 0));
        drop(guard);
        assert!(lock.try_lock().is_some());
    });
}

#[test]
fn c200_event_passes_the_one_that_has_not_started_first() {
    in_order(async || {
        let (event, log) = (Rc::new(Event::new()), Log::default());
        let waiter = |name: u32| {
            let (event, log) = (event.clone(), log.clone());
            async move {
                event.wait().await;
                log.put(name);
            }
        };
        let one = spawn(waiter(1));
        let two = spawn(waiter(2));
        settle().await;
        assert_eq!(event.stats().waiting, 2);
        let three = spawn(waiter(3));
        event.set();
        for task in [one, two, three] {
            task.await;
        }
        assert_eq!(log.names(), ["3", "1", "2"]);
    });
}

#[test]
fn c200_event_cleared_in_the_same_turn_wakes_those_who_slept() {
    in_any_order(async || {
        let event = Rc::new(Event::new());
        let waiting = event.clone();
        let sleeper = arrive(async move { waiting.wait().await }).await;
        event.set();
        event.clear();
        sleeper.await;
        assert!(!event.is_set());
        assert!(timeout(1, event.wait()).await.is_err());
    });
}

#[test]
fn c202_waiter_for_an_event_is_cancelled() {
    in_any_order(async || {
        let event = Rc::new(Event::new());
        let waiting = event.clone();
        let waiter = arrive(async move { waiting.wait().await }).await;
        assert_eq!(event.stats().waiting, 1);
        waiter.cancel();
        cancelled(waiter).await;
        assert_eq!(event.stats().waiting, 0);
    });
}

/// A lock with a condition, and a number that the condition is about.
#[derive(Default)]
struct Shared {
    value: Lock<u32>,
    changed: Condition,
}

/// A task that waits for one notification, notes it, and lets the lock go.
async fn notified(cell: &Rc<Shared>, log: &Log, name: u32) -> Task<()> {
    let (cell, log) = (cell.clone(), log.clone());
    arrive(async move {
        let guard = cell.value.lock().await;
        let _guard = cell.changed.wait(guard).await;
        log.put(name);
    })
    .await
}

#[test]
fn c203_condition_wakes_nobody_before_the_lock_is_released() {
    in_order(async || {
        let (cell, log) = (Rc::new(Shared::default()), Log::default());
        let mut waiters = Vec::new();
        for name in 1..=3 {
            waiters.push(notified(&cell, &log, name).await);
        }
        let guard = cell.value.lock().await;
        cell.changed.notify(1);
        settle().await;
        assert!(log.is_empty());
        drop(guard);
        settle().await;
        assert_eq!(log.names(), ["1"]);
        let guard = cell.value.lock().await;
        cell.changed.notify(2);
        settle().await;
        assert_eq!(log.names(), ["1"]);
        drop(guard);
        for waiter in waiters {
            waiter.await;
        }
        assert_eq!(log.names(), ["1", "2", "3"]);
        assert!(!cell.value.is_locked());
    });
}

#[test]
fn c204_waiter_for_a_condition_is_cancelled() {
    in_any_order(async || {
        let (cell, log) = (Rc::new(Shared::default()), Log::default());
        let waiter = notified(&cell, &log, 1).await;
        assert_eq!(
            (cell.changed.stats().waiting, cell.value.is_locked()),
            (1, false)
        );
        waiter.cancel();
        cancelled(waiter).await;
        assert_eq!(cell.changed.stats().waiting, 0);
        assert!(!cell.value.is_locked() && log.is_empty());
    });
}

#[test]
fn c205_waiter_cancelled_while_it_takes_the_lock_again() {
    in_any_order(async || {
        let (cell, log) = (Rc::new(Shared::default()), Log::default());
        let waiter = notified(&cell, &log, 1).await;
        let guard = cell.value.lock().await;
        cell.changed.notify(1);
        settle().await;
        assert_eq!(cell.value.stats().waiting, 1);
        waiter.cancel();
        cancelled(waiter).await;
        assert_eq!(cell.value.stats().waiting, 0);
        drop(guard);
        assert!(!cell.value.is_locked() && log.is_empty());
    });
}

#[test]
fn c206_wake_up_goes_on_when_the_notified_consumer_is_cancelled() {
    in_any_order(async || {
        for runs_in_between in [false, true] {
            let cell = Rc::new(Shared::default());
            let consume = || {
                let cell = cell.clone();
                arrive(async move {
                    let guard = cell.value.lock().await;
                    let mut guard = cell.changed.wait_for(guard, |value| *value > 0).await;
                    *guard -= 1;
                })
            };
            let first = consume().await;
            let second = consume().await;
            let mut guard = cell.value.lock().await;
            *guard += 1;
            cell.changed.notify(1);
            if runs_in_between {
                settle().await;
            }
            first.cancel();
            drop(guard);
            second.await;
            cancelled(first).await;
            assert_eq!(*cell.value.lock().await, 0);
        }
        assert_eq!(time(), 0.0);
    });
}

#[test]
fn c208_wait_for_returns_after_the_second_notification() {
    in_any_order(async || {
        let (cell, log) = (Rc::new(Shared::default()), Log::default());
        let (waiting, noting) = (cell.clone(), log.clone());
        let waiter = arrive(async move {
            let guard = waiting.value.lock().await;
            let guard = waiting.changed.wait_for(guard, |value| *value == 2).await;
            noting.put(format!("sees {}", *guard));
        })
        .await;
        for seen in [0, 1] {
            assert_eq!(log.names().len(), 0, "notified {seen} times");
            sleep(1).await;
            *cell.value.lock().await += 1;
            cell.changed.notify(1);
            settle().await;
        }
        waiter.await;
        assert_eq!(log.timed(), ["sees 2 at 2"]);
    });
}

#[test]
fn c209_wait_for_what_is_true_already() {
    in_any_order(async || {
        let cell = Shared::default();
        let looked = Cell::new(0);
        let guard = cell.value.lock().await;
        let waiting = cell.changed.wait_for(guard, |_| {
            looked.set(looked.get() + 1);
            true
        });
        let guard = timeout(0, waiting).await.expect("it does not wait");
        assert_eq!(
            (*guard, looked.get(), cell.changed.stats().waiting),
            (0, 1, 0)
        );
    });
}

#[test]
fn c210_notify_one_and_then_more_than_there_are() {
    in_order(async || {
        let (cell, log) = (Rc::new(Shared::default()), Log::default());
        let mut waiters = Vec::new();
        for name in 1..=3 {
            waiters.push(notified(&cell, &log, name).await);
        }
        cell.changed.notify(1);
        settle().await;
        assert_eq!(log.names(), ["1"]);
        cell.changed.notify(2048);
        settle().await;
        assert_eq!(log.names(), ["1", "2", "3"]);
        for waiter in waiters {
            waiter.await;
        }
    });
}

#[test]
fn c212_timeout_of_a_wait_inside_the_block() {
    in_any_order(async || {
        let cell = Shared::default();
        let guard = cell.value.lock().await;
        let waited = timeout(0.5, cell.changed.wait(guard)).await;
        assert!(waited.is_err());
        assert_eq!(
            (time(), cell.changed.stats().waiting, cell.value.is_locked()),
            (0.5, 0, false)
        );
    });
}

#[test]
fn c213_notification_goes_past_a_waiter_that_is_being_cancelled() {
    in_any_order(async || {
        let (cell, log) = (Rc::new(Shared::default()), Log::default());
        let first = notified(&cell, &log, 1).await;
        let second = notified(&cell, &log, 2).await;
        let guard = cell.value.lock().await;
        first.cancel();
        cell.changed.notify(1);
        drop(guard);
        second.await;
        cancelled(first).await;
        assert_eq!(log.names(), ["2"]);
        assert_eq!(cell.changed.stats().waiting, 0);
        assert!(catch(cell.value.lock()).await.is_ok());
    });
}
