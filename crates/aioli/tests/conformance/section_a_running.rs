//! Section A: running, shutdown.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use aioli_flow::{BoxError, Group, TaskGroup, generator};
use aioli_sync::oneshot;
use aioli_task::testing::counts;
use aioli_task::{
    LoopClosed, LoopHandle, ReasonKind, Runner, Stop, catch, is_debug, run, spawn, time, to_thread,
    yield_now,
};
use aioli_time::sleep;

use crate::support::{Log, ValueError, ZeroDivision, builder, forever, message, noted, settle};

/// What a call that must panic says.
#[track_caller]
fn panic_of<T>(call: impl FnOnce() -> T) -> String {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(_) => panic!("it was to panic"),
        Err(panic) => message(&*panic).to_owned(),
    }
}

/// Leaves a generator half-way that notes how it ends, and gives it to a task that holds it.
async fn hold_a_generator(log: &Log) {
    let log = log.clone();
    let mut numbers = generator(async move |y| {
        noted(log, "generator closed", async {
            y.put(1).await;
            y.put(2).await;
        })
        .await;
    });
    assert_eq!(numbers.next().await, Some(1));
    drop(spawn(async move {
        forever().await;
        drop(numbers);
    }));
}

#[test]
fn c001_run_gives_the_value_and_closes_the_loop() {
    let log = Log::default();
    let noting = log.clone();
    let (value, handle) = run(async move {
        hold_a_generator(&noting).await;
        sleep(0).await;
        (42, LoopHandle::current())
    });
    assert_eq!(value, 42);
    assert_eq!(handle.call_soon(|| ()), Err(LoopClosed));
    assert_eq!(log.names(), ["generator closed"]);
}

#[test]
fn c002_run_passes_an_error_on_and_closes_everything() {
    let log = Log::default();
    let noting = log.clone();
    let mut handle = None;
    let ended = run(async {
        handle = Some(LoopHandle::current());
        hold_a_generator(&noting).await;
        Err::<(), _>(ValueError)
    });
    assert_eq!(ended, Err(ValueError));
    assert_eq!(log.names(), ["generator closed"]);
    let panics = panic_of(|| {
        run(async {
            hold_a_generator(&noting).await;
            panic!("spam");
        })
    });
    assert_eq!((panics.as_str(), log.names().len()), ("spam", 2));
    assert_eq!(
        handle.expect("main has run").call_soon(|| ()),
        Err(LoopClosed)
    );
}

#[test]
fn c003_run_inside_run_is_refused() {
    let started = Rc::new(Cell::new(false));
    let inner = started.clone();
    run(async move {
        let refused = panic_of(|| run(async move { inner.set(true) }));
        assert!(refused.contains("loop"), "{refused}");
        yield_now().await;
    });
    assert!(!started.get());
}

#[test]
fn c004_task_left_over_is_cancelled_when_run_returns() {
    let log = Log::default();
    let noting = log.clone();
    let mut runner = builder().build();
    let mut left_over = None;
    let value = runner.run(async {
        left_over = Some(spawn(noted(noting, "cancelled", sleep(0.1))));
        settle().await;
        123
    });
    assert_eq!((value.unwrap(), log.is_empty()), (123, true));
    runner.close();
    let task = left_over.expect("main has spawned it");
    assert!(task.is_cancelled());
    assert_eq!(log.timed(), ["cancelled at 0"]);
}

#[test]
fn c006_generator_is_closed_although_a_task_fails_at_shutdown() {
    let (log, reported) = (Log::default(), Log::default());
    let (noting, reporting) = (log.clone(), reported.clone());
    let mut runner = builder()
        .on_error(move |report| reporting.put(report))
        .build();
    let ended = runner.run(async {
        let closing = noting.clone();
        let mut numbers = generator(async move |y| {
            noted(closing, "generator closed", async {
                y.put(0).await;
                forever().await;
            })
            .await;
        });
        drop(spawn(async move {
            let iterating = async {
                while let Some(number) = numbers.next().await {
                    noting.put(number);
                    forever().await;
                }
            };
            let _ = catch(iterating).await;
            panic!("fails on cancellation");
        }));
        settle().await;
        Err::<(), _>(ValueError)
    });
    assert_eq!(ended.unwrap(), Err(ValueError));
    runner.close();
    assert_eq!(log.names(), ["0", "generator closed"]);
    let reported = reported.names();
    assert!(
        reported.len() == 1 && reported[0].contains("fails on cancellation"),
        "{reported:?}"
    );
}

/// The environment is the process's, so only what the tests run with is looked at.
#[test]
fn c007_debug_flag_beats_the_environment() {
    let environment =
        std::env::var("AIOLI_DEBUG").is_ok_and(|value| !value.is_empty() && value != "0");
    for (flag, expected) in [
        (Some(true), true),
        (Some(false), false),
        (None, environment),
    ] {
        let mut builder = builder();
        if let Some(flag) = flag {
            builder = builder.debug(flag);
        }
        assert_eq!(builder.build().run(async { is_debug() }).unwrap(), expected);
    }
    assert!(!is_debug());
}

#[test]
fn c008_runner_that_was_left_is_closed() {
    let mut runner = builder().build();
    let (value, handle) = runner
        .run(async { ("done", LoopHandle::current()) })
        .unwrap();
    assert_eq!((value, handle.call_soon(|| ())), ("done", Ok(())));
    runner.close();
    assert_eq!(handle.call_soon(|| ()), Err(LoopClosed));
    assert!(panic_of(|| runner.run(async {})).contains("closed"));
}

#[test]
fn c009_runner_closed_twice() {
    let mut runner = builder().build();
    let log = Log::default();
    let noting = log.clone();
    runner
        .run(async move { drop(spawn(noted(noting, "cancelled", forever()))) })
        .unwrap();
    runner.close();
    runner.close();
    drop(runner);
    // The task has not begun by the time main is done; it never does.
    assert!(log.is_empty());
}

#[test]
fn c010_closed_runner_does_not_run() {
    let mut runner = builder().build();
    let ran = Rc::new(Cell::new(0));
    let count = ran.clone();
    runner
        .run(async move { count.set(count.get() + 1) })
        .unwrap();
    runner.close();
    for _ in 0..2 {
        let count = ran.clone();
        let refused = panic_of(|| runner.run(async move { count.set(count.get() + 1) }));
        assert!(refused.contains("closed"), "{refused}");
    }
    assert_eq!(ran.get(), 1);
}

#[test]
fn c012_runner_inside_a_main_on_the_same_thread() {
    let mut outer = builder().build();
    let mut inner = builder().build();
    let ran = Rc::new(Cell::new(false));
    let flag = ran.clone();
    outer
        .run(async {
            let refused = panic_of(|| inner.run(async move { flag.set(true) }));
            assert!(refused.contains("loop"), "{refused}");
        })
        .unwrap();
    assert!(!ran.get());
}

/// Signals are the main thread's; on others no handler is installed.
#[test]
fn c017_run_goes_on_where_no_handler_can_be_installed() {
    let other = std::thread::spawn(|| {
        let mut runner = builder().interrupt(true).build();
        runner.run(async { sleep(1).await }).unwrap();
        runner.run(async { time() }).unwrap()
    });
    assert_eq!(other.join().expect("it does not panic"), 1.0);
}

#[test]
fn c018_close_three_times_and_run() {
    let mut runner = builder().build();
    for _ in 0..3 {
        runner.close();
    }
    assert!(panic_of(|| runner.run(async {})).contains("closed"));
}

#[test]
fn c019_shutdown_does_not_wait_for_a_stuck_thread() {
    let (stop, stopped) = mpsc::channel::<()>();
    let reported = Log::default();
    let reporting = reported.clone();
    let mut runner = Runner::builder()
        .shutdown_timeout(Duration::from_millis(10))
        .on_error(move |report| reporting.put(report.message()))
        .build();
    runner
        .run(async move {
            let (give, take) = oneshot::channel();
            let stuck = spawn(to_thread(move || {
                give.send(()).expect("main waits");
                stopped.recv()
            }));
            take.await.expect("the thread runs");
            drop(stuck);
        })
        .unwrap();
    runner.close();
    assert_eq!(
        reported.names(),
        ["a blocking job did not end in time and is left running"]
    );
    drop(stop);
}

#[test]
fn c021_failing_clean_up_of_a_generator_is_reported_once() {
    let reported = Log::default();
    let reporting = reported.clone();
    let mut runner = builder()
        .on_error(move |report| reporting.put(report))
        .build();
    let ended = runner.run(async {
        let mut numbers = generator(async |y| {
            let _ = catch(async {
                y.put(1).await;
                y.put(2).await;
            })
            .await;
            panic!("clean-up fails");
        });
        assert_eq!(numbers.next().await, Some(1));
        drop(spawn(async move {
            forever().await;
            drop(numbers);
        }));
        settle().await;
        "done"
    });
    assert_eq!(ended.unwrap(), "done");
    runner.close();
    let reported = reported.names();
    assert!(
        reported.len() == 1 && reported[0].contains("clean-up fails"),
        "{reported:?}"
    );
}

#[test]
fn c022_loop_inside_a_loop() {
    run(async {
        let refused = panic_of(|| Runner::new().run(async { 1 }));
        assert!(refused.contains("loop"), "{refused}");
        // Another thread may have one.
        let other = std::thread::spawn(|| run(async { 2 }));
        assert_eq!(other.join().expect("it does not panic"), 2);
    });
}

#[test]
fn c024_run_after_a_fatal_error() {
    let mut runner = builder().build();
    for number in 0..2 {
        let ended = runner.run(async {
            sleep(1).await;
            if number == 0 {
                panic!("fatal");
            }
            number
        });
        match ended {
            Err(Stop::Panicked(panic)) => assert_eq!((panic.message(), number), ("fatal", 0)),
            other => assert_eq!(other.expect("it ends by itself"), 1),
        }
    }
    let left = runner.run(async { (counts().tasks, time()) });
    assert_eq!(left.unwrap(), (1, 2.0));
}

#[test]
fn c025_main_and_a_child_fail_at_the_same_time() {
    let group: Group = builder()
        .build()
        .run(TaskGroup::scope(async |tg| {
            tg.spawn(async {
                let out = catch(forever()).await;
                let cancelled = out.expect_err("the body fails");
                assert_eq!(cancelled.reason().kind(), ReasonKind::Group);
                Err::<(), _>(ValueError)
            });
            yield_now().await;
            yield_now().await;
            Err::<(), BoxError>(ZeroDivision.into())
        }))
        .unwrap()
        .expect_err("both fail");
    let errors: Vec<_> = group.errors().iter().map(ToString::to_string).collect();
    assert_eq!(errors, ["ValueError", "ZeroDivision"]);
}

#[test]
fn c026_submission_from_a_thread_after_the_end() {
    let handle = run(async { LoopHandle::current() });
    let thread = std::thread::spawn(move || {
        let called = handle.call_soon(|| panic!("never"));
        (called, handle.submit(|| async { 1 }).err())
    });
    assert_eq!(
        thread.join().expect("it does not panic"),
        (Err(LoopClosed), Some(LoopClosed))
    );
}
