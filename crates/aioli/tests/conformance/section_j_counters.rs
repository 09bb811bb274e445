//! Section J, second half: semaphore, barrier and limiter.

use std::panic::catch_unwind;
use std::rc::Rc;

use aioli_flow::{Gather, timeout};
use aioli_sync::{
    AlreadyBorrowing, Barrier, BarrierPhase, Broken, CapacityLimiter, Event, Semaphore,
};
use aioli_task::{SpawnAll, Task, spawn, time, yield_now};

use crate::support::{Log, arrive, cancelled, in_any_order, in_order, settle};

/// A task that takes a permit for good, and notes it.
async fn taker(semaphore: &Rc<Semaphore>, log: &Log, name: u32) -> Task<()> {
    let (semaphore, log) = (semaphore.clone(), log.clone());
    arrive(async move {
        semaphore.acquire().await.forget();
        log.put(name);
    })
    .await
}

#[test]
fn c214_semaphore_lets_in_exactly_as_many_as_it_has_permits() {
    in_any_order(async || {
        let (semaphore, log) = (Rc::new(Semaphore::new(3)), Log::default());
        semaphore.acquire().await.forget();
        semaphore.acquire().await.forget();
        let mut tasks = Vec::new();
        for name in 1..=3 {
            tasks.push(taker(&semaphore, &log, name).await);
        }
        assert_eq!(
            (log.names(), semaphore.is_locked()),
            (vec!["1".to_owned()], true)
        );
        semaphore.add_permits(2);
        assert_eq!(semaphore.available(), 0, "both are somebody's already");
        let fourth = taker(&semaphore, &log, 4).await;
        assert_eq!((log.names().len(), semaphore.available()), (3, 0));
        assert!(tasks.iter().all(|task| task.is_done()) && !fourth.is_done());
        semaphore.add_permits(1);
        fourth.await;
        assert_eq!((log.names().len(), semaphore.available()), (4, 0));
    });
}

#[test]
fn c215_first_two_of_four_waiters_are_cancelled() {
    in_any_order(async || {
        let (semaphore, log) = (Rc::new(Semaphore::new(0)), Log::default());
        let mut waiters = Vec::new();
        for name in 1..=4 {
            waiters.push(taker(&semaphore, &log, name).await);
        }
        waiters[0].cancel();
        waiters[1].cancel();
        semaphore.add_permits(1);
        settle().await;
        assert_eq!(
            (log.names(), semaphore.stats().waiting),
            (vec!["3".to_owned()], 1)
        );
        assert!(waiters[0].is_cancelled() && waiters[1].is_cancelled() && !waiters[3].is_done());
        semaphore.add_permits(1);
        settle().await;
        assert_eq!(
            (log.names(), semaphore.available()),
            (vec!["3".into(), "4".into()], 0)
        );
    });
}

#[test]
fn c216_release_and_cancelled_first_waiter_in_one_turn() {
    in_any_order(async || {
        for is_released_first in [true, false] {
            let (semaphore, log) = (Rc::new(Semaphore::new(1)), Log::default());
            let permit = semaphore.acquire().await;
            let first = taker(&semaphore, &log, 1).await;
            let second = taker(&semaphore, &log, 2).await;
            if is_released_first {
                drop(permit);
                first.cancel();
            } else {
                first.cancel();
                drop(permit);
            }
            second.await;
            cancelled(first).await;
            assert_eq!(
                (log.names(), semaphore.is_locked()),
                (vec!["2".to_owned()], true)
            );
        }
    });
}

#[test]
fn c217_waiter_cancelled_right_after_the_release() {
    in_any_order(async || {
        let (semaphore, log) = (Rc::new(Semaphore::new(1)), Log::default());
        let permit = semaphore.acquire().await;
        let waiter = taker(&semaphore, &log, 1).await;
        drop(permit);
        waiter.cancel();
        cancelled(waiter).await;
        assert!(timeout(1, semaphore.acquire()).await.is_ok());
        assert_eq!(
            (time(), semaphore.available(), log.is_empty()),
            (0.0, 1, true)
        );
    });
}

#[test]
fn c218_three_tasks_acquire_twice_each() {
    in_any_order(async || {
        let (semaphore, log) = (Rc::new(Semaphore::new(1)), Log::default());
        let start = Rc::new(Event::new());
        let mut tasks = Vec::new();
        for name in ["c1", "c2", "c3"] {
            let (semaphore, log, start) = (semaphore.clone(), log.clone(), start.clone());
            let task = arrive(async move {
                for _ in 0..2 {
                    let _permit = semaphore.acquire().await;
                    start.wait().await;
                    yield_now().await;
                    log.put(name);
                }
            });
            tasks.push(task.await);
        }
        start.set();
        for task in tasks {
            task.await;
        }
        assert_eq!(log.names(), ["c1", "c2", "c3", "c1", "c2", "c3"]);
        assert_eq!(semaphore.available(), 1);
    });
}

#[test]
fn c219_nobody_overtakes_a_waiter() {
    in_order(async || {
        let (semaphore, log) = (Rc::new(Semaphore::new(1)), Log::default());
        let first = semaphore.clone();
        let c1 = {
            let log = log.clone();
            async move {
                let permit = first.acquire().await;
                log.put(1);
                yield_now().await;
                drop(permit);
            }
        };
        let second = semaphore.clone();
        let c2 = {
            let log = log.clone();
            async move {
                let permit = second.acquire().await;
                log.put(2);
                drop(permit);
                let _permit = second.acquire().await;
                log.put(4);
            }
        };
        let third = semaphore.clone();
        let c3 = {
            let log = log.clone();
            async move {
                let _permit = third.acquire().await;
                log.put(3);
            }
        };
        let tasks = (spawn(c1), spawn(c2), spawn(c3));
        tasks.0.await;
        tasks.1.await;
        tasks.2.await;
        assert_eq!(
            (log.names().join(" "), semaphore.available()),
            ("1 2 3 4".into(), 1)
        );
    });
}

#[test]
fn c220_first_of_three_waiters_cancelled_and_two_releases() {
    in_any_order(async || {
        let (semaphore, log) = (Rc::new(Semaphore::new(0)), Log::default());
        let mut waiters = Vec::new();
        for name in 1..=3 {
            waiters.push(taker(&semaphore, &log, name).await);
        }
        waiters[0].cancel();
        semaphore.add_permits(1);
        semaphore.add_permits(1);
        settle().await;
        assert_eq!(
            (log.names().join(" "), semaphore.available()),
            ("2 3".into(), 0)
        );
        assert!(waiters[0].is_cancelled());
    });
}

/// What a permit gives back is what it has taken, and there is no other way to give back.
#[test]
fn c222_permits_return_to_the_bound_and_not_above() {
    in_any_order(async || {
        let semaphore = Rc::new(Semaphore::new(2));
        let tasks = (0..5).map(|_| {
            let semaphore = semaphore.clone();
            async move {
                let _permit = semaphore.acquire_many(2).await;
                yield_now().await;
            }
        });
        for task in tasks.spawn_all() {
            task.await;
        }
        assert_eq!(semaphore.available(), 2);
    });
}

#[test]
fn c223_released_permit_is_the_waiters_at_once() {
    in_any_order(async || {
        let (semaphore, log) = (Rc::new(Semaphore::new(1)), Log::default());
        let permit = semaphore.acquire().await;
        let waiter = taker(&semaphore, &log, 1).await;
        drop(permit);
        assert_eq!((semaphore.available(), log.is_empty()), (0, true));
        assert!(semaphore.try_acquire().is_none());
        waiter.await;
        assert_eq!(semaphore.available(), 0);
    });
}

/// A task that waits at the barrier.
async fn party(barrier: &Rc<Barrier>) -> Task<Result<usize, Broken>> {
    let barrier = barrier.clone();
    arrive(async move { barrier.wait().await }).await
}

#[test]
fn c224_three_parties_arrive_one_by_one() {
    in_any_order(async || {
        let barrier = Rc::new(Barrier::new(3));
        let first = party(&barrier).await;
        assert_eq!((barrier.n_waiting(), first.is_done()), (1, false));
        let second = party(&barrier).await;
        assert_eq!((barrier.n_waiting(), second.is_done()), (2, false));
        let third = party(&barrier).await;
        assert_eq!(
            (first.await, second.await, third.await),
            (Ok(0), Ok(1), Ok(2))
        );
        assert_eq!((barrier.n_waiting(), barrier.is_broken()), (0, false));
    });
}

#[test]
fn c225_each_party_has_an_index_of_its_own() {
    in_any_order(async || {
        let barrier = Rc::new(Barrier::new(5));
        let parties = (0..5).map(|_| {
            let barrier = barrier.clone();
            async move { barrier.wait().await.expect("nobody breaks it") }
        });
        let mut indices = parties.spawn_all().gather().await;
        indices.sort_unstable();
        assert_eq!(indices, [0, 1, 2, 3, 4]);
    });
}

#[test]
fn c226_barrier_of_one_twice() {
    in_any_order(async || {
        let barrier = Barrier::new(1);
        for _ in 0..2 {
            let passed = timeout(0, barrier.wait()).await.expect("it does not wait");
            assert_eq!(passed, Ok(0));
        }
        assert_eq!((barrier.n_waiting(), barrier.is_broken()), (0, false));
    });
}

#[test]
fn c227_one_of_two_waiting_parties_is_cancelled() {
    in_any_order(async || {
        let barrier = Rc::new(Barrier::new(3));
        let (first, second) = (party(&barrier).await, party(&barrier).await);
        first.cancel();
        cancelled(first).await;
        assert_eq!(barrier.n_waiting(), 1);
        let (third, fourth) = (party(&barrier).await, party(&barrier).await);
        let mut indices = [second, third, fourth].gather().await;
        indices.sort_by_key(|index| index.as_ref().ok().copied());
        assert_eq!(indices, [Ok(0), Ok(1), Ok(2)]);
        assert_eq!((barrier.n_waiting(), barrier.is_broken()), (0, false));
    });
}

#[test]
fn c228_barrier_drains_until_the_last_has_left() {
    in_any_order(async || {
        let barrier = Rc::new(Barrier::new(3));
        let log = Log::default();
        let parties = (0..3).map(|_| {
            let (barrier, log) = (barrier.clone(), log.clone());
            async move {
                barrier.wait().await.expect("nobody breaks it");
                log.put(barrier.stats().phase == BarrierPhase::Draining);
            }
        });
        for party in parties.spawn_all() {
            party.await;
        }
        assert_eq!(log.names(), ["true", "true", "false"]);
        assert_eq!(barrier.stats().phase, BarrierPhase::Filling);
    });
}

#[test]
fn c229_parties_that_come_back_are_held_until_the_others_have_left() {
    in_any_order(async || {
        let barrier = Rc::new(Barrier::new(3));
        let log = Log::default();
        let parties = (0..3).map(|_| {
            let (barrier, log) = (barrier.clone(), log.clone());
            async move {
                for meeting in 0..4 {
                    let index = barrier.wait().await.expect("nobody breaks it");
                    log.put(format!("{meeting} {index}"));
                }
            }
        });
        for party in parties.spawn_all() {
            party.await;
        }
        let meetings: Vec<_> = log
            .names()
            .iter()
            .map(|entry| entry[..1].to_owned())
            .collect();
        assert_eq!(meetings.concat(), "000111222333", "nobody runs ahead");
        for meeting in 0..4 {
            for index in 0..3 {
                assert_eq!(log.count(&format!("{meeting} {index}")), 1);
            }
        }
        assert_eq!((barrier.n_waiting(), barrier.stats().leaving), (0, 0));
    });
}

#[test]
fn c230_reset_breaks_those_who_wait() {
    in_any_order(async || {
        let barrier = Rc::new(Barrier::new(4));
        let parties = [
            party(&barrier).await,
            party(&barrier).await,
            party(&barrier).await,
        ];
        assert_eq!(barrier.n_waiting(), 3);
        barrier.reset();
        assert_eq!(parties.gather().await, [Err(Broken); 3]);
        assert_eq!((barrier.n_waiting(), barrier.is_broken()), (0, false));
        assert_eq!(barrier.stats().phase, BarrierPhase::Filling);
    });
}

#[test]
fn c232_abort_while_half_leave_and_half_wait() {
    in_any_order(async || {
        let barrier = Rc::new(Barrier::new(2));
        let waiting = || {
            let barrier = barrier.clone();
            spawn(async move { barrier.wait().await })
        };
        let first = waiting();
        settle().await;
        // The second fills the barrier; before the first has left, a third one comes.
        let (second, third) = (barrier.wait().await, barrier.clone());
        assert_eq!(
            (second, barrier.stats().phase),
            (Ok(1), BarrierPhase::Draining)
        );
        let mut third = Box::pin(async move { third.wait().await });
        let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(third.as_mut().poll(cx)));
        assert!(polled.await.is_pending());
        assert_eq!((barrier.stats().leaving, barrier.stats().waiting), (1, 1));
        barrier.abort();
        assert_eq!((first.await, third.await), (Err(Broken), Err(Broken)));
        assert!(barrier.is_broken());
        assert_eq!(barrier.wait().await, Err(Broken));
    });
}

#[test]
fn c233_abort_meet_elsewhere_reset_and_meet_again() {
    in_any_order(async || {
        let (first, second) = (Rc::new(Barrier::new(3)), Rc::new(Barrier::new(3)));
        let log = Log::default();
        let parties = (0..3).map(|number| {
            let (first, second, log) = (first.clone(), second.clone(), log.clone());
            async move {
                if number == 0 {
                    settle().await;
                    first.abort();
                }
                if first.wait().await.is_err() {
                    log.put("broken");
                }
                if second.wait().await == Ok(0) {
                    first.reset();
                }
                second.wait().await.expect("nobody breaks it");
                if first.wait().await.is_ok() {
                    log.put("passes");
                }
            }
        });
        for party in parties.spawn_all() {
            party.await;
        }
        assert_eq!((log.count("broken"), log.count("passes")), (3, 3));
        assert_eq!((first.is_broken(), first.n_waiting()), (false, 0));
    });
}

#[test]
fn c234_barrier_of_nobody() {
    assert!(catch_unwind(|| Barrier::new(0)).is_err());
    assert_eq!(Barrier::new(1).parties(), 1);
}

/// A task that borrows a token until it is told to give it back, and notes it.
async fn borrower(limiter: &Rc<CapacityLimiter>, log: &Log, name: u32) -> (Task<()>, Rc<Event>) {
    let enough = Rc::new(Event::new());
    let (limiter, log, until) = (limiter.clone(), log.clone(), enough.clone());
    let task = arrive(async move {
        let _token = limiter.acquire().await;
        log.put(name);
        until.wait().await;
    });
    (task.await, enough)
}

#[test]
fn c235_total_of_a_limiter_changes_while_it_is_borrowed_from() {
    in_order(async || {
        let (limiter, log) = (Rc::new(CapacityLimiter::new(2)), Log::default());
        let mut borrowers = Vec::new();
        for name in 1..=5 {
            borrowers.push(borrower(&limiter, &log, name).await);
        }
        settle().await;
        assert_eq!(limiter.stats().borrowed, 2);

        limiter.set_total(4);
        settle().await;
        assert_eq!((limiter.stats().borrowed, limiter.stats().waiting), (4, 1));

        limiter.set_total(1);
        settle().await;
        assert_eq!(limiter.stats().borrowed, 4, "nothing is taken away");

        for (_, enough) in &borrowers[..3] {
            enough.set();
            settle().await;
            assert_eq!(limiter.stats().waiting, 1, "not yet below the total");
        }
        borrowers[3].1.set();
        settle().await;
        assert_eq!((limiter.stats().borrowed, limiter.stats().waiting), (1, 0));
        borrowers[4].1.set();
        for (task, _) in borrowers {
            task.await;
        }
        assert_eq!(limiter.available(), 1);
    });
}

#[test]
fn c236_second_loan_to_one_borrower_is_refused() {
    in_order(async || {
        let limiter = CapacityLimiter::new(2);
        let token = limiter.acquire_on_behalf_of(1).await.unwrap();
        let again = limiter.acquire_on_behalf_of(1).await.unwrap_err();
        assert_eq!(again, AlreadyBorrowing);
        assert_eq!(limiter.stats().borrowed, 1);
        drop(token);
        assert_eq!(limiter.stats().borrowed, 0);
    });
}

#[test]
fn c237_limiter_serves_in_order_of_arrival() {
    in_order(async || {
        let (limiter, log) = (Rc::new(CapacityLimiter::new(1)), Log::default());
        let token = limiter.acquire().await;
        let mut borrowers = Vec::new();
        for name in 0..3 {
            let (task, enough) = borrower(&limiter, &log, name).await;
            enough.set();
            borrowers.push(task);
        }
        drop(token);
        for task in borrowers {
            task.await;
        }
        assert_eq!(log.names(), ["0", "1", "2"]);
    });
}
