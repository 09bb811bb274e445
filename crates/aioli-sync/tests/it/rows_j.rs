//! Section J of the conformance list: lock, event, condition, semaphore, barrier.
//!
//! Each test asserts what CPython's, trio's or anyio's test of that row expects, as far as it
//! can be said without tasks: a waiter is a future polled by hand, a cancellation its drop.
//! Rows 195, 211 and the first half of 199 (releasing or using a lock that one does not
//! hold, notifying or waiting without it) cannot be written: a guard is the only way.

use crate::harness::{Task, pending, ready, start};
use aioli_sync::{Barrier, BarrierPhase, Broken, Condition, Event, Lock, Semaphore};
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use std::cell::{Cell, RefCell};
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
    tx.try_send(()).expect("it is empty");

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

#[test]
fn c214_semaphore_acquire() {
    let semaphore = Semaphore::new(3);
    let mut held = vec![ready(semaphore.acquire()), ready(semaphore.acquire())];
    let third = ready(semaphore.acquire());
    let [four, five, six] = [(); 3].map(|()| pending(semaphore.acquire()));
    held.clear();
    let granted = (four.finish(), five.finish());
    assert!(!six.is_woken());
    assert_eq!(semaphore.available(), 0);
    drop((granted, third));
    six.finish().forget();
    assert_eq!(semaphore.available(), 2);
}

#[test]
fn c215_semaphore_acquire_cancel_before_awoken() {
    let semaphore = Semaphore::new(0);
    let [one, two, three, four] = [(); 4].map(|()| pending(semaphore.acquire()));
    one.cancel();
    two.cancel();
    semaphore.add_permits(1);
    three.finish().forget();
    assert!(!four.is_woken());
}

#[test]
fn c216_semaphore_acquire_hang() {
    let semaphore = Semaphore::new(0);
    let first = pending(semaphore.acquire());
    let second = pending(semaphore.acquire());
    semaphore.add_permits(1);
    first.cancel();
    let permit = second.finish();
    assert!(semaphore.is_locked());
    drop(permit);
}

#[test]
fn c217_semaphore_acquire_no_hang() {
    let semaphore = Semaphore::new(1);
    let holder = ready(semaphore.acquire());
    let waiter = pending(semaphore.acquire());
    drop(holder);
    waiter.cancel();
    drop(ready(semaphore.acquire()));
}

/// Three tasks that acquire twice each, under an executor that runs them in turn.
#[test]
fn c218_semaphore_acquire_fifo_order() {
    let semaphore = Semaphore::new(1);
    let order = RefCell::new(Vec::new());
    let coro = async |tag| {
        for _ in 0..2 {
            let _permit = semaphore.acquire().await;
            order.borrow_mut().push(tag);
            yield_now().await;
        }
    };
    let join = futures::future::join3(coro("c1"), coro("c2"), coro("c3"));
    futures::executor::block_on(join);
    assert_eq!(*order.borrow(), ["c1", "c2", "c3", "c1", "c2", "c3"]);
}

/// Back of the line for a while, so that others run.
async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[test]
fn c219_semaphore_acquire_fifo_order_2() {
    let semaphore = Semaphore::new(1);
    let first = ready(semaphore.acquire());
    let second = pending(semaphore.acquire());
    let third = pending(semaphore.acquire());
    drop(first);
    drop(second.finish());
    assert!(
        semaphore.try_acquire().is_none(),
        "no barging past a waiter"
    );
    let fourth = pending(semaphore.acquire());
    drop(third.finish());
    drop(fourth.finish());
}

#[test]
fn c220_semaphore_acquire_fifo_order_3() {
    let semaphore = Semaphore::new(0);
    let [one, two, three] = [(); 3].map(|()| pending(semaphore.acquire()));
    one.cancel();
    semaphore.add_permits(2);
    two.finish().forget();
    three.finish().forget();
}

/// A permit can be given back once, and there is no negative number of permits to start
/// with; what is left of the row is that a bound holds.
#[test]
fn c222_semaphore_is_bounded_by_its_permits() {
    let semaphore = Semaphore::new(1);
    drop(semaphore.try_acquire());
    drop(ready(semaphore.acquire()));
    assert_eq!(semaphore.available(), 1);
}

#[test]
fn c223_semaphore_waiter_owns_what_it_is_granted() {
    let semaphore = Semaphore::new(0);
    let waiter = pending(semaphore.acquire());
    semaphore.add_permits(1);
    assert_eq!(semaphore.available(), 0);
    assert!(semaphore.try_acquire().is_none());
    drop(waiter.finish());
}

#[test]
fn c224_barrier_filling_task_by_task() {
    let barrier = Barrier::new(3);
    let one = pending(barrier.wait());
    assert_eq!(barrier.n_waiting(), 1);
    let two = pending(barrier.wait());
    assert_eq!(barrier.n_waiting(), 2);
    assert_eq!(ready(barrier.wait()), Ok(2));
    assert_eq!((one.finish(), two.finish()), (Ok(0), Ok(1)));
    assert_eq!(barrier.n_waiting(), 0);
    assert!(!barrier.is_broken());
}

#[test]
fn c225_barrier_indices_are_distinct() {
    let barrier = Barrier::new(5);
    let all = futures::future::join_all((0..5).map(|_| barrier.wait()));
    let mut indices: Vec<_> = futures::executor::block_on(all);
    indices.sort_by_key(|index| *index.as_ref().expect("nobody breaks it"));
    assert_eq!(indices, (0..5).map(Ok).collect::<Vec<_>>());
}

#[test]
fn c226_barrier_filling_one_task_twice() {
    let barrier = Barrier::new(1);
    assert_eq!(ready(barrier.wait()), Ok(0));
    assert_eq!(ready(barrier.wait()), Ok(0));
}

#[test]
fn c227_barrier_filling_tasks_cancel_one() {
    let barrier = Barrier::new(3);
    let one = pending(barrier.wait());
    let two = pending(barrier.wait());
    one.cancel();
    assert_eq!(barrier.n_waiting(), 1);
    let three = pending(barrier.wait());
    assert_eq!(ready(barrier.wait()), Ok(2));
    assert_eq!((two.finish(), three.finish()), (Ok(0), Ok(1)));
}

#[test]
fn c228_barrier_draining_state() {
    let barrier = Barrier::new(4);
    let draining = || barrier.stats().phase == BarrierPhase::Draining;
    let waiting = [(); 3].map(|()| pending(barrier.wait()));
    ready(barrier.wait()).expect("nobody breaks it");
    let mut seen = vec![draining()];
    for task in waiting {
        task.finish().expect("nobody breaks it");
        seen.push(draining());
    }
    assert_eq!(seen, [true, true, true, false]);
}

#[test]
fn c229_barrier_blocks_newcomers_while_draining() {
    let barrier = Barrier::new(3);
    let one = pending(barrier.wait());
    let two = pending(barrier.wait());
    ready(barrier.wait()).expect("nobody breaks it");
    assert!(one.finish().is_ok());

    let one_again = pending(barrier.wait());
    let three_again = pending(barrier.wait());
    let four = pending(barrier.wait());
    assert_eq!(barrier.n_waiting(), 0, "held, not counted");
    assert!(!one_again.is_woken());
    assert!(two.finish().is_ok());

    let indices = [one_again, three_again, four].map(Task::finish);
    assert_eq!(indices, [Ok(0), Ok(1), Ok(2)]);
    assert_eq!(barrier.stats().phase, BarrierPhase::Filling);
}

#[test]
fn c230_barrier_reset_while_tasks_waiting() {
    let barrier = Barrier::new(4);
    let waiting = [(); 3].map(|()| pending(barrier.wait()));
    barrier.reset();
    assert_eq!(waiting.map(Task::finish), [Err(Broken); 3]);
    assert_eq!(barrier.stats().phase, BarrierPhase::Filling);
    assert!(!barrier.is_broken());
}

#[test]
fn c230_barrier_reset_while_draining_lets_the_blocked_ones_fill() {
    let barrier = Barrier::new(2);
    let inside = pending(barrier.wait());
    ready(barrier.wait()).expect("nobody breaks it");
    let blocked = pending(barrier.wait());
    barrier.reset();
    assert_eq!(inside.finish(), Err(Broken));
    assert_eq!(barrier.n_waiting(), 1);
    assert_eq!(ready(barrier.wait()), Ok(1));
    assert_eq!(blocked.finish(), Ok(0));
}

#[test]
fn c232_barrier_abort_while_half_draining_half_blocking() {
    let barrier = Barrier::new(4);
    let inside = [(); 3].map(|()| pending(barrier.wait()));
    ready(barrier.wait()).expect("nobody breaks it");
    let blocked = [(); 2].map(|()| pending(barrier.wait()));
    barrier.abort();
    assert_eq!(inside.map(Task::finish), [Err(Broken); 3]);
    assert_eq!(blocked.map(Task::finish), [Err(Broken); 2]);
    assert!(barrier.is_broken());
    assert_eq!(ready(barrier.wait()), Err(Broken));
}

#[test]
fn c233_barrier_abort_then_reset() {
    let (first, second) = (Barrier::new(3), Barrier::new(3));
    let passed = Cell::new(0);
    let party = async |aborts: bool| {
        if aborts {
            first.abort();
        } else {
            assert_eq!(first.wait().await, Err(Broken));
        }
        if second.wait().await == Ok(2) {
            first.reset();
        }
        second.wait().await.expect("nobody breaks it");
        first.wait().await.expect("it was reset");
        passed.set(passed.get() + 1);
    };
    let parties = futures::future::join3(party(false), party(true), party(false));
    futures::executor::block_on(parties);
    assert_eq!(passed.get(), 3);
}

#[test]
fn c234_barrier_parties() {
    let panicked = std::panic::catch_unwind(|| Barrier::new(0));
    assert!(panicked.is_err());
    assert_eq!(Barrier::new(7).parties(), 7);
}

#[test]
fn c237_ordered_queue_on_one_token() {
    let semaphore = Semaphore::new(1);
    let order = RefCell::new(Vec::new());
    let mut pool = LocalPool::new();
    let (semaphore, order) = (
        &*Box::leak(Box::new(semaphore)),
        &*Box::leak(Box::new(order)),
    );
    for name in 0..3 {
        let task = async move {
            let _token = semaphore.acquire().await;
            order.borrow_mut().push(name);
        };
        pool.spawner().spawn_local(task).expect("the pool is alive");
    }
    pool.run();
    assert_eq!(*order.borrow(), [0, 1, 2]);
}
