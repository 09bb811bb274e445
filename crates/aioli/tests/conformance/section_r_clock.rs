//! Section R: virtual time, and schedules that can be repeated.

use std::time::{Duration, Instant};

use aioli_flow::testing::{SequenceError, Sequencer, Turn};
use aioli_task::testing::{advance, set_rate, wait_all_tasks_blocked};
use aioli_task::{Runner, now, spawn, time, yield_now};
use aioli_time::sleep;

use crate::support::{Log, arrive, builder, in_any_order, in_order};

/// How far the virtual clock goes in a real millisecond, and bounds of what it may.
fn a_millisecond_at(rate: f64) -> (Duration, std::ops::RangeInclusive<Duration>) {
    let outer = Instant::now();
    set_rate(rate);
    let (before, inner) = (now(), Instant::now());
    while inner.elapsed() < Duration::from_millis(1) {}
    let least = inner.elapsed().mul_f64(rate);
    let gone = now() - before;
    // Lengths are rounded to nanoseconds.
    let slack = Duration::from_nanos(10);
    let range = least.saturating_sub(slack)..=outer.elapsed().mul_f64(rate) + slack;
    (gone, range)
}

#[test]
fn c367_clock_jumps_and_runs_at_any_rate() {
    let mut runner = Runner::builder().autojump(f64::INFINITY).build();
    let ended = runner.run(async {
        assert_eq!(time(), 0.0);
        assert_eq!(a_millisecond_at(0.0).0, Duration::ZERO);
        advance(10);
        assert_eq!(time(), 10.0);
        advance(-1);
        assert_eq!(time(), 10.0, "never backwards");
        for rate in [2.0, 0.5] {
            let (gone, range) = a_millisecond_at(rate);
            assert!(
                range.contains(&gone),
                "{gone:?} at {rate}, not in {range:?}"
            );
        }
        set_rate(0.0);
        let stopped = time();
        advance(5);
        assert!((time() - stopped - 5.0).abs() < 1e-6);
    });
    ended.expect("nobody cancels it");
}

#[test]
fn c368_sleeps_of_minutes_take_no_real_time() {
    let real = aioli_tally::OwnTime::begin();
    in_any_order(async || {
        let mut expected = 0.0;
        for tens in 0..10 {
            let seconds = 10.0 * f64::from(tens);
            sleep(seconds).await;
            expected += seconds;
            assert_eq!(time(), expected);
        }
        assert_eq!(time(), 450.0);
    });
    let taken = real.taken();
    assert!(taken.as_secs_f64() < 1.0, "{taken:?}");
}

#[test]
fn c369_quiet_comes_before_the_jump() {
    in_any_order(async || {
        let log = Log::default();
        let (sleeping, waiting) = (log.clone(), log.clone());
        let sleeper = spawn(async move {
            sleep(100).await;
            sleeping.put("yawn");
        });
        let waiter = spawn(async move {
            wait_all_tasks_blocked().await;
            waiting.put("waiter woke");
            sleep(1000).await;
            waiting.put("waiter done");
        });
        sleeper.await;
        waiter.await;
        let expected = ["waiter woke at 0", "yawn at 100", "waiter done at 1000"];
        assert_eq!(log.timed(), expected);
    });
}

#[test]
fn c370_waiting_for_quiet_lasts_until_nothing_can_run() {
    in_order(async || {
        let log = Log::default();
        let busy = log.clone();
        let mut tasks = vec![spawn(async move {
            for _ in 0..10 {
                yield_now().await;
            }
            busy.put("busy is exhausted");
        })];
        for _ in 0..3 {
            let log = log.clone();
            tasks.push(spawn(async move {
                wait_all_tasks_blocked().await;
                log.put("quiet");
            }));
        }
        for task in tasks {
            task.await;
        }
        assert_eq!(
            log.names(),
            ["busy is exhausted", "quiet", "quiet", "quiet"]
        );
    });
    // A wait can be cancelled.
    in_order(async || {
        let busy = spawn(async {
            for _ in 0..100 {
                yield_now().await;
            }
        });
        let waiting = arrive(wait_all_tasks_blocked()).await;
        waiting.cancel();
        assert!(waiting.outcome().await.is_err());
        assert!(!busy.is_done());
        busy.await;
    });
}

/// Takes the given steps one after the other, and notes each.
async fn take_steps(sequence: &Sequencer, log: &Log, numbers: &[u64]) {
    for &number in numbers {
        let _step = sequence.step(number).await.expect("nobody is cancelled");
        log.put(number.to_string());
        yield_now().await;
        log.put(format!("{number} is over"));
    }
}

#[test]
fn c371_steps_in_their_order_and_once_each() {
    in_any_order(async || {
        let (sequence, log) = (Sequencer::new(), Log::default());
        let tasks = [&[1, 3, 4][..], &[0, 2]].map(|numbers| {
            let (sequence, log) = (sequence.clone(), log.clone());
            spawn(async move { take_steps(&sequence, &log, numbers).await })
        });
        for task in tasks {
            task.await;
        }
        take_steps(&sequence, &log, &[5]).await;
        let each = (0..=5).flat_map(|number| [number.to_string(), format!("{number} is over")]);
        assert_eq!(log.names(), each.collect::<Vec<_>>());
        // Twice is refused: of a step that is over, and of one that is waited for.
        let taken = async |step: Turn| step.await.err();
        assert_eq!(taken(sequence.step(3)).await, Some(SequenceError::Taken));
        let waiting = arrive({
            let sequence = sequence.clone();
            async move { sequence.step(7).await.is_ok() }
        });
        let waiting = waiting.await;
        assert_eq!(taken(sequence.step(7)).await, Some(SequenceError::Taken));
        drop(sequence.step(6).await);
        assert!(waiting.await);
    });
}

#[test]
fn c371_one_wait_that_is_cancelled_breaks_the_sequence() {
    in_any_order(async || {
        let sequence = Sequencer::new();
        let wait = |number| {
            let sequence = sequence.clone();
            arrive(async move { sequence.step(number).await.err() })
        };
        let (one, other) = (wait(1).await, wait(2).await);
        // One that is never polled is not missed.
        drop(sequence.step(9));
        one.cancel();
        assert!(one.outcome().await.is_err());
        assert_eq!(other.await, Some(SequenceError::Broken));
        for number in [0, 9] {
            let refused = sequence.step(number).await.err();
            assert_eq!(refused, Some(SequenceError::Broken));
        }
    });
}

/// What ran in which order, with a given seed or without one.
fn schedule(seed: Option<u64>) -> Vec<String> {
    let log = Log::default();
    let noting = log.clone();
    let builder = match seed {
        Some(seed) => builder().shuffle(seed),
        None => builder(),
    };
    let ended = builder.build().run(async move {
        let tasks: Vec<_> = (0..5)
            .map(|number| {
                let log = noting.clone();
                spawn(async move {
                    for step in 0..5 {
                        yield_now().await;
                        log.put(format!("{number}.{step}"));
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await;
        }
    });
    ended.expect("nobody cancels it");
    log.names()
}

#[test]
fn c372_same_seed_same_schedule() {
    for seed in [1, 2, 3] {
        let first = schedule(Some(seed));
        for _ in 0..9 {
            assert_eq!(schedule(Some(seed)), first);
        }
    }
    let seeded: std::collections::BTreeSet<_> = (0..10).map(|seed| schedule(Some(seed))).collect();
    assert!(seeded.len() > 5, "seeds differ: {}", seeded.len());
    let in_turn: Vec<_> = (0..25).map(|n| format!("{}.{}", n % 5, n / 5)).collect();
    assert_eq!(schedule(None), in_turn);
}
