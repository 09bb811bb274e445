//! Racing: who wins, and how losers leave.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;

use aioli_flow::{
    Attempt, Of2, Of3, RaceAll, TimeoutScope, finally, race, staggered, timeout, timeout_scope,
    with,
};
use aioli_sync::Queue;
use aioli_task::{Stop, catch, current, shield, spawn};
use aioli_time::{interval, sleep};

use crate::{Conn, Log, at, caught, check, run, run_any_order};

async fn after<T>(seconds: f64, value: T) -> T {
    sleep(seconds).await;
    value
}

#[test]
fn the_first_result_wins() {
    let out = run_any_order(|| async {
        let tuple = race((after(3.0, 'a'), after(1.0, "b"), pending::<u8>())).await;
        let array = race([3, 1, 2].map(|n| after(f64::from(n), n))).await;
        let vec = race(vec![after(2.0, 2), after(1.0, 1)]).await;
        let iterator = (1..=3).rev().map(|n| after(f64::from(n), n)).race().await;
        (tuple, array, vec, iterator, at())
    });
    assert_eq!(out, (Of3::B("b"), 1, 1, 1, "4.0".into()));
}

#[test]
fn the_first_in_order_wins_a_tie() {
    run(async {
        assert_eq!(race((async { 1 }, async { 2 })).await, Of2::A(1));
        assert_eq!(race((after(1.0, 1), after(1.0, 2))).await.into_inner(), 1);
        assert_eq!(race([after(1.0, 1), after(1.0, 2)]).await, 1);
    });
}

#[test]
fn a_loser_that_only_waits_is_gone_in_the_same_pass() {
    run(async {
        let before = aioli_task::testing::counts().handlers;
        let winner = race((pending::<()>(), after(1.0, 7), sleep(99))).await;
        assert_eq!(winner, Of3::B(7));
        assert_eq!((at().as_str(), aioli_time::stats().pending), ("1.0", 0));
        assert_eq!(aioli_task::testing::counts().handlers, before);
    });
}

#[test]
fn a_loser_with_clean_up_is_drained() {
    let body = |log: Log| async move {
        let loser = with(Conn(log.clone()), async |_| pending::<u8>().await);
        let winner = race((loser, after(1.0, 7))).await;
        (winner, at())
    };
    check(body, "closing,closed", "(B(7), \"1.5\")");
    let body = |log: Log| async move {
        let racer = |n: u32| {
            let log = log.clone();
            finally(
                after(f64::from(n), n),
                async move { log.put(format!("{n}")) },
            )
        };
        let winner = (1..=3).map(racer).race().await;
        (winner, at())
    };
    check(body, "1,2,3", "(1, \"1.0\")");
}

#[test]
fn a_lost_get_leaves_the_item() {
    run(async {
        let queue = Queue::unbounded();
        let winner = race((async { "first" }, queue.get())).await;
        assert_eq!(winner, Of2::A("first"));
        queue.try_put(7).expect("the queue is unbounded");
        // Both are ready: only the winner takes.
        assert_eq!(
            race((async { "first" }, queue.get())).await,
            Of2::A("first")
        );
        assert_eq!(queue.try_get(), Ok(7));
        // A wake-up that goes to the loser goes on.
        let other = spawn({
            let queue = queue.clone();
            async move { queue.get().await }
        });
        sleep(1).await;
        let both = race((queue.get(), after(1.0, "tick")));
        assert_eq!(both.await, Of2::B("tick"));
        queue.try_put(8).expect("the queue is unbounded");
        assert_eq!(other.await, Ok(8));
    });
}

#[test]
fn the_select_loop_loses_nothing() {
    let out = run_any_order(|| async {
        let queue = Queue::unbounded();
        let producer = spawn({
            let queue = queue.clone();
            async move {
                for n in 0..10 {
                    sleep(0.3).await;
                    queue.try_put(n).expect("the queue is unbounded");
                }
            }
        });
        let mut ticks = interval(1);
        let mut stop = Box::pin(sleep(4.5));
        let (mut items, mut n_ticks) = (Vec::new(), 0);
        loop {
            match race((queue.get(), ticks.next(), &mut stop)).await {
                Of3::A(item) => items.push(item.expect("the queue is open")),
                Of3::B(_) => n_ticks += 1,
                Of3::C(()) => break,
            }
        }
        producer.await;
        (items, n_ticks)
    });
    assert_eq!(out, ((0..10).collect(), 5));
}

#[test]
fn a_branch_that_is_cancelled_by_itself_is_lost() {
    let out = run_any_order(|| async {
        let victim = spawn(sleep(99));
        let handle = victim.handle();
        let cancel = spawn(async move {
            sleep(1).await;
            handle.cancel();
        });
        let winner = race((victim, after(2.0, 7))).await;
        cancel.await;
        (winner, at())
    });
    assert_eq!(out, (Of2::B(7), "2.0".into()));
}

#[test]
fn when_all_are_cancelled_by_themselves_so_is_the_race() {
    let out = run_any_order(|| async {
        let tasks = [spawn(sleep(99)), spawn(sleep(98))];
        for task in &tasks {
            task.cancel();
        }
        caught(spawn(async move { race(tasks).await })).await
    });
    assert_eq!(out, Err("cancelled"));
}

#[test]
fn a_request_ends_the_race_after_all_clean_up() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            let cleanup = async move {
                sleep(1).await;
                own.put("clean");
            };
            race((finally(sleep(99), cleanup), sleep(98))).await
        });
        sleep(1).await;
        task.cancel();
        let out = caught(task).await;
        (out.is_err(), at())
    };
    check(body, "clean", "(true, \"2.0\")");
}

#[test]
fn a_winner_that_answers_a_request_answers_it_for_all() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            let winner = race((
                finally(sleep(99), sleep(1)),
                caught(sleep(98)),
                finally(sleep(97), sleep(1)),
            ));
            let answered = matches!(winner.await, Of3::B(Err(_)));
            sleep(5).await; // The request must not arrive a second time.
            own.put("flushed");
            answered
        });
        sleep(1).await;
        task.cancel();
        let out = caught(task).await;
        (out, at())
    };
    check(body, "flushed", "(Ok(true), \"7.0\")");
}

#[test]
fn a_request_while_losers_drain_comes_after_the_result() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            let winner = race((finally(sleep(99), sleep(5)), after(1.0, 7))).await;
            own.put(format!("{winner:?}"));
            sleep(1).await;
            own.put("never");
        });
        sleep(3).await;
        task.cancel();
        let out = caught(task).await;
        (out, at())
    };
    check(body, "B(7)", "(Err(\"cancelled\"), \"6.0\")");
}

#[test]
fn an_enclosing_timeout_that_expires_while_losers_drain_is_not_lost() {
    let out = run_any_order(|| async {
        let body = async {
            race((finally(sleep(99), sleep(5)), after(1.0, 7))).await;
            sleep(1000).await;
        };
        (timeout(3, body).await.is_err(), at())
    });
    assert_eq!(out, (true, "6.0".into()));
}

#[test]
fn a_shield_in_a_branch_keeps_a_request_for_later() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            let winner = race((shield(after(3.0, "shielded")), sleep(99))).await;
            own.put(format!("{winner:?}"));
            sleep(9).await;
            own.put("never");
        });
        sleep(1).await;
        task.cancel();
        let out = caught(task).await;
        (out, at())
    };
    check(body, "A(\"shielded\")", "(Err(\"cancelled\"), \"3.0\")");
}

#[test]
fn a_panic_in_a_branch_ends_the_others_and_goes_on() {
    let body = |log: Log| async move {
        let task = spawn(async move {
            let other = finally(sleep(50), async move { log.put("clean") });
            let panics = async {
                sleep(1).await;
                std::panic::panic_any("planned")
            };
            race((other, panics)).await
        });
        match task.outcome().await {
            Err(Stop::Panicked(panic)) => panic.message().to_owned(),
            _ => unreachable!("it panics"),
        }
    };
    check(body, "clean", "\"planned\"");
}

#[test]
fn a_race_of_nobody_never_ends() {
    run_any_order(|| async {
        let nobody: Vec<std::future::Ready<u8>> = Vec::new();
        assert!(timeout(1, race(nobody)).await.is_err());
    });
}

#[test]
fn staggered_starts_the_next_when_one_fails() {
    let out = run_any_order(|| async {
        let made = Cell::new(0);
        let racers = (0..3).map(|n| {
            made.set(made.get() + 1);
            async move {
                if n == 0 {
                    Err("value error")
                } else {
                    after(1.0, Ok(n)).await
                }
            }
        });
        let race = staggered(f64::INFINITY, racers).await;
        (race.winner, race.attempts, made.get(), at())
    });
    let attempts = vec![Attempt::Failed("value error"), Attempt::Won];
    assert_eq!(out, (Some((1, 1)), attempts, 2, "1.0".into()));
}

#[test]
fn staggered_starts_the_next_after_the_delay() {
    let out = run_any_order(|| async {
        let racers = [10.0, 0.5, 0.2].map(|seconds| after(seconds, Ok::<_, ()>(seconds)));
        let race = staggered(0.1, racers).await;
        (race.winner, race.attempts, at())
    });
    let attempts = vec![Attempt::Cancelled, Attempt::Cancelled, Attempt::Won];
    assert_eq!(out, (Some((2, 0.2)), attempts, "0.4".into()));
}

#[test]
fn staggered_reports_when_all_fail() {
    let out = run_any_order(|| async {
        let race = staggered(0.1, ["a", "b"].map(|error| after(1.0, Err::<(), _>(error)))).await;
        (race.winner, race.attempts, at())
    });
    let attempts = vec![Attempt::Failed("a"), Attempt::Failed("b")];
    assert_eq!(out, (None, attempts, "1.1".into()));
    run(async {
        let race = staggered(0, Vec::<std::future::Ready<Result<(), ()>>>::new()).await;
        assert!(race.winner.is_none() && race.attempts.is_empty());
    });
}

#[test]
fn staggered_drains_its_losers_and_passes_requests_on() {
    let body = |log: Log| async move {
        let racer = move |n: u32| {
            let log = log.clone();
            let cleanup = async move {
                sleep(1).await;
                log.put(format!("clean {n}"));
            };
            finally(after(f64::from(10 - n), Ok::<_, ()>(n)), cleanup)
        };
        let task = spawn(staggered(1, (0..9).map(racer)));
        sleep(1.5).await;
        task.cancel();
        let out = caught(task).await;
        (out.is_err(), at())
    };
    check(body, "clean 0,clean 1", "(true, \"2.5\")");
    let two_at_once = run(async {
        staggered(0, [1.0, 1.0].map(|seconds| after(seconds, Ok::<_, ()>(())))).await
    });
    assert_eq!(two_at_once.winner, Some((0, ())));
    assert_eq!(two_at_once.attempts, [Attempt::Won, Attempt::Cancelled]);
}

#[test]
fn staggered_is_cancelled_though_its_racer_suppresses() {
    let body = |log: Log| async move {
        let (scopes, own) = (
            Rc::new(RefCell::new(Vec::<TimeoutScope>::new())),
            log.clone(),
        );
        let (outer_slot, inner_slot, slots) = (scopes.clone(), scopes.clone(), scopes);
        let racer = async move {
            for (n, scope) in [1, 0].into_iter().enumerate() {
                let scope: TimeoutScope = slots.borrow()[scope].clone();
                scope.reschedule(-1).expect("it is active");
                if caught(sleep(9)).await.is_err() {
                    own.put(format!("cancelled {}", n + 1));
                }
            }
            Ok::<(), ()>(())
        };
        let out = timeout_scope(f64::INFINITY, async |outer| {
            outer_slot.borrow_mut().push(outer);
            timeout_scope(f64::INFINITY, async |inner| {
                inner_slot.borrow_mut().push(inner);
                match catch(staggered(f64::INFINITY, [racer])).await {
                    Ok(_) => log.put("returned"),
                    Err(cancelled) => {
                        log.put("cancelled 3");
                        cancelled.raise().await
                    }
                }
            })
            .await
        });
        out.await
    };
    check(body, "cancelled 1,cancelled 2,cancelled 3", "Err(Elapsed)");
}

#[test]
fn draining_counts_as_unwinding() {
    run(async {
        let seen = Cell::new(0);
        let cleanup = async { seen.set(current().cancelling()) };
        race((finally(sleep(9), cleanup), sleep(1))).await;
        assert_eq!((seen.get(), current().cancelling()), (1, 0));
    });
}
