//! Section J of the conformance list, second half: semaphore, barrier and limiter.

use crate::harness::{Task, pending, ready};
use aioli_sync::{AlreadyBorrowing, Barrier, BarrierPhase, Broken, CapacityLimiter, Semaphore};
use std::cell::{Cell, RefCell};
use std::task::Poll;

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
    let task = async |name| {
        let _token = semaphore.acquire().await;
        order.borrow_mut().push(name);
        yield_now().await;
    };
    futures::executor::block_on(futures::future::join3(task(0), task(1), task(2)));
    assert_eq!(*order.borrow(), [0, 1, 2]);
}

#[test]
fn c235_limiter_change_total_tokens() {
    let limiter = CapacityLimiter::new(2);
    let mut out = vec![ready(limiter.acquire()), ready(limiter.acquire())];
    let [three, four, five] = [(); 3].map(|()| pending(limiter.acquire()));
    limiter.set_total(4);
    out.extend([three.finish(), four.finish()]);
    assert_eq!((limiter.stats().borrowed, limiter.stats().waiting), (4, 1));
    limiter.set_total(1);
    assert_eq!((limiter.stats().borrowed, limiter.available()), (4, 0));
    out.truncate(1);
    assert!(!five.is_woken(), "one is out and one is the total");
    assert!(limiter.try_acquire().is_none());
    out.clear();
    drop(five.finish());
    assert_eq!(limiter.available(), 1);
}

#[test]
fn c236_limiter_refuses_a_second_loan() {
    let limiter = CapacityLimiter::new(1);
    let token = ready(limiter.acquire_on_behalf_of(1)).unwrap();
    let again = ready(limiter.acquire_on_behalf_of(1)).unwrap_err();
    assert_eq!(again, AlreadyBorrowing);
    assert_eq!((limiter.stats().borrowed, limiter.stats().waiting), (1, 0));
    // Who waits in a name has it too, and gives it up with the place in line.
    let waiter = pending(limiter.acquire_on_behalf_of(2));
    assert!(ready(limiter.acquire_on_behalf_of(2)).is_err());
    waiter.cancel();
    let waiter = pending(limiter.acquire_on_behalf_of(2));
    drop(token);
    waiter.cancel();
    assert_eq!(limiter.available(), 1);
    drop(ready(limiter.acquire_on_behalf_of(2)).unwrap());
}

#[test]
fn c237_limiter_serves_in_order() {
    let limiter = CapacityLimiter::new(1);
    let mut token = ready(limiter.acquire());
    let waiters = [(); 3].map(|()| pending(limiter.acquire()));
    for waiter in waiters {
        assert!(!waiter.is_woken());
        drop(token);
        token = waiter.finish();
    }
}
