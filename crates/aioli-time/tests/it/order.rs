//! When, and in which order, sleeps end.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use aioli_task::testing::PassInfo;
use aioli_task::{Runner, call_soon, now, spawn, yield_now};
use aioli_time::{Deadline, sleep, sleep_until};

use crate::{Log, ms, run, since};

#[test]
fn sleeps_end_by_deadline_and_by_arrival_among_equals() {
    let log = Log::default();
    run(async {
        let tasks = [3, 1, 2, 1, 3, 2]
            .into_iter()
            .enumerate()
            .map(|(place, seconds)| {
                let log = log.clone();
                spawn(async move {
                    sleep(seconds).await;
                    log.put((seconds, place));
                })
            });
        for task in tasks.collect::<Vec<_>>() {
            task.await;
        }
    });
    log.check(&["(1, 1)", "(1, 3)", "(2, 2)", "(2, 5)", "(3, 0)", "(3, 4)"]);
}

#[test]
fn the_virtual_clock_advances_by_exactly_the_length() {
    run(async {
        let begin = now();
        sleep(0.05).await;
        sleep(ms(50)).await;
        assert_eq!(since(begin), ms(100));
        sleep(Duration::from_nanos(1)).await;
        assert_eq!(since(begin), ms(100) + Duration::from_nanos(1));
        sleep(86_400 * 365).await;
        assert_eq!(
            since(begin),
            ms(100) + Duration::from_nanos(1) + Duration::from_secs(86_400 * 365)
        );
    });
}

#[test]
fn an_upcoming_moment_ends_when_it_has_come_and_a_past_one_in_the_next_pass() {
    run(async {
        let begin = now();
        for (moment, end) in [(ms(50), ms(50)), (ms(30), ms(50)), (ms(60), ms(60))] {
            let mut nap = sleep_until(begin + moment);
            let mut polls = 0;
            poll_fn(|cx| {
                polls += 1;
                nap.poll_upcoming(cx)
            })
            .await;
            assert_eq!((since(begin), polls), (end, 2));
            assert!(nap.is_over());
        }
        assert_eq!(aioli_time::stats().pending, 0);
    });
}

#[test]
fn a_sleep_of_zero_is_one_pass() {
    for zero in [0.0, -1.0, f64::NEG_INFINITY] {
        let log = Log::default();
        run(async {
            let begin = now();
            let other = log.clone();
            call_soon(move || other.put("before"));
            let task = spawn({
                let log = log.clone();
                async move {
                    log.put("task, first pass");
                    yield_now().await;
                    log.put("task, second pass");
                }
            });
            sleep(zero).await;
            log.put("after one pass");
            task.await;
            assert_eq!(since(begin), Duration::ZERO);
        });
        log.check(&[
            "\"before\"",
            "\"task, first pass\"",
            "\"after one pass\"",
            "\"task, second pass\"",
        ]);
    }
}

#[test]
fn a_moment_in_the_past_is_one_pass() {
    run(async {
        let begin = now();
        sleep(10).await;
        sleep_until(begin).await;
        sleep_until(now()).await;
        assert_eq!(since(begin), Duration::from_secs(10));
    });
}

#[test]
fn the_length_begins_at_the_first_poll() {
    run(async {
        let begin = now();
        let late = sleep(1);
        sleep(5).await;
        late.await;
        assert_eq!(since(begin), Duration::from_secs(6));
    });
}

#[test]
fn what_is_infinite_or_beyond_every_clock_never_ends_and_needs_no_timer() {
    run(async {
        let before = aioli_time::stats().pending;
        for length in [f64::INFINITY, 1e300] {
            let task = spawn(sleep(length));
            sleep(1).await;
            assert!(!task.is_done());
            assert_eq!(aioli_time::stats().pending, before);
            task.stop().await;
        }
        let task = spawn(sleep(Duration::MAX));
        sleep(1).await;
        assert!(!task.is_done());
        task.stop().await;
    });
}

#[test]
fn nan_is_refused() {
    let panic = std::panic::catch_unwind(|| sleep(f64::NAN)).expect_err("NaN is no length of time");
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    let text = text
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .expect("a text");
    assert!(text.contains("NaN"), "{text}");
}

#[test]
fn a_finished_sleep_stays_finished() {
    run(async {
        let mut nap = sleep(1);
        assert!(nap.deadline().is_none() && !nap.is_over());
        (&mut nap).await;
        assert!(nap.is_over());
        let begin = now();
        nap.await;
        assert_eq!(since(begin), Duration::ZERO);
    });
}

#[test]
fn tiny_sleeps_need_few_passes() {
    let passes = Rc::new(Cell::new(0));
    let counter = passes.clone();
    let hook = move |pass: PassInfo<'_>| counter.set(pass.number());
    let mut runner = Runner::builder().virtual_clock().pass_hook(hook).build();
    let run = runner.run(async {
        let before = passes.get();
        for exponent in [-2, -4, -6, -8, -10] {
            sleep(10f64.powi(exponent)).await;
        }
        passes.get() - before
    });
    let n = run.expect("main is not stopped");
    assert!(n <= 5, "one pass a sleep would do, {n} ran");
}

#[test]
fn one_deadline_bounds_several_steps() {
    run(async {
        let begin = now();
        let deadline = Deadline::after(10);
        assert_eq!(deadline.moment(), Some(begin + Duration::from_secs(10)));
        sleep(4).await;
        assert_eq!(deadline.remaining(), Some(Duration::from_secs(6)));
        assert!(!deadline.is_past());
        deadline.wait().await;
        assert_eq!(since(begin), Duration::from_secs(10));
        assert!(deadline.is_past());
        assert_eq!(deadline.remaining(), Some(Duration::ZERO));
        assert_eq!(Deadline::after(f64::INFINITY), Deadline::NEVER);
        assert_eq!(Deadline::NEVER.remaining(), None);
        assert!(!Deadline::NEVER.is_past());
        assert!(deadline < Deadline::NEVER && Deadline::at(begin) < deadline);
        assert_eq!(Deadline::from(Some(begin)), Deadline::from(begin));
    });
}
