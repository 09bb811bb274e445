//! Long programs on the virtual clock: the same seed does the same, and a year takes no time.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use aioli_tally::OwnTime;
use aioli_task::{Runner, now, spawn, time};
use aioli_time::{interval, sleep};

use crate::{Log, ms};

/// What a program of sleepers does with a seed: who woke, and when.
fn trace(seed: u64) -> Vec<String> {
    let log = Log::default();
    let noting = log.clone();
    let mut runner = Runner::builder().virtual_clock().shuffle(seed).build();
    let ended = runner.run(async move {
        let sleepers: Vec<_> = (0..20_u64)
            .map(|n| {
                let log = noting.clone();
                spawn(async move {
                    for step in 0..10 {
                        sleep(ms((n * 7 + step * 13) % 5)).await;
                        log.put((n, step, time()));
                    }
                })
            })
            .collect();
        for task in sleepers {
            task.await;
        }
    });
    ended.expect("nobody cancels it");
    log.0.take()
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..20 {
        let twice = || assert_eq!(trace(seed), trace(seed));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(twice)) {
            eprintln!("two runs differ with seed {seed}");
            resume_unwind(panic);
        }
    }
    assert_ne!(trace(1), trace(2), "a seed decides something");
}

#[test]
fn a_year_of_timers_passes_in_under_a_second() {
    const DAY: u64 = 24 * 60 * 60;
    let real = OwnTime::begin();
    crate::run(async {
        let begin = now();
        let hourly = spawn(async {
            let mut ticks = interval(60 * 60);
            for _ in 0..=365 * 24 {
                ticks.tick().await;
            }
        });
        let daily: Vec<_> = (1..=365)
            .map(|day| spawn(sleep(Duration::from_secs(day * DAY))))
            .collect();
        for task in daily {
            task.await;
        }
        hourly.await;
        assert_eq!(now() - begin, Duration::from_secs(365 * DAY));
    });
    let taken = real.taken();
    assert!(taken < Duration::from_secs(1), "{taken:?}");
}
