//! Section R: virtual time, and schedules that can be repeated.

use std::time::{Duration, Instant};

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
    let real = std::time::Instant::now();
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
    assert!(real.elapsed().as_secs_f64() < 1.0);
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
