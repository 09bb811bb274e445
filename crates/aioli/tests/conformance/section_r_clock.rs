//! Section R: virtual time, and schedules that can be repeated.

use aioli_task::{spawn, time, yield_now};
use aioli_time::sleep;

use crate::support::{Log, builder, in_any_order};

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
