//! Beginning and end of a loop.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use aioli_task::{
    LoopClosed, LoopHandle, Report, Runner, Stop, adopt, all_tasks, current, shield, spawn,
    to_thread, try_current, yield_now,
};

use crate::support::{Log, finally, forever, passes};

#[test]
fn main_may_borrow_and_its_value_comes_out() {
    let text = String::from("borrowed");
    let length = aioli_task::run(async {
        yield_now().await;
        text.len()
    });
    assert_eq!(length, 8);
    assert!(try_current().is_none());
}

#[test]
fn what_is_left_is_cancelled_cleaned_up_and_waited_for() {
    let log = Log::default();
    let l = log.clone();
    let value = aioli_task::run(async move {
        let l2 = l.clone();
        spawn(finally(forever(), async move {
            passes(3).await;
            l2.put("clean");
            // A clean-up may spawn and leave clean-ups behind.
            let l3 = l2.clone();
            adopt(async move {
                passes(2).await;
                l3.put("orphan");
            });
        }));
        yield_now().await;
        5
    });
    assert_eq!(value, 5);
    assert_eq!(log.joined(), "clean,orphan");
}

#[test]
fn a_loop_does_not_run_inside_a_loop() {
    let result = catch_unwind(AssertUnwindSafe(|| {
        aioli_task::run(async {
            let ran = Rc::new(Cell::new(false));
            let flag = ran.clone();
            let nested = catch_unwind(AssertUnwindSafe(|| {
                aioli_task::run(async move { flag.set(true) });
            }));
            assert!(nested.is_err());
            assert!(!ran.get());
            yield_now().await;
            current().name()
        })
    }));
    assert_eq!(result.unwrap(), "Task-1");
}

#[test]
fn a_runner_runs_several_mains_that_share_tasks() {
    let mut runner = Runner::builder().virtual_clock().build();
    let mut task = runner.run(async { Some(spawn(async { 1 })) }).unwrap();
    let value = runner.run(async { task.take().unwrap().await }).unwrap();
    assert_eq!(value, 1);
    assert_eq!(runner.run(async { all_tasks().len() }).unwrap(), 1);
    runner.close();
    runner.close();
    let closed = catch_unwind(AssertUnwindSafe(|| runner.run(async {})));
    assert!(closed.is_err());
}

#[test]
fn a_cancelled_main_is_returned_by_the_runner_and_panics_in_run() {
    let mut runner = Runner::new();
    let stop = runner.run(async {
        current().cancel_with("by itself");
        forever().await;
    });
    let Err(Stop::Cancelled(reason)) = stop else {
        panic!("{stop:?}")
    };
    assert_eq!(reason.message(), Some("by itself"));
    let panic = catch_unwind(|| {
        aioli_task::run(async {
            current().cancel();
            forever().await;
        });
    });
    let payload = panic.unwrap_err();
    let message = payload.downcast_ref::<String>().unwrap();
    assert!(message.starts_with("cancelled"), "{message}");
}

#[test]
fn a_closed_loop_refuses_what_other_threads_send() {
    let (handle, submitted) = aioli_task::run(async {
        let handle = LoopHandle::current();
        let submitted = handle.submit(forever).unwrap();
        passes(2).await;
        (handle, submitted)
    });
    assert_eq!(handle.call_soon(|| {}), Err(LoopClosed));
    assert!(handle.submit(|| async {}).is_err());
    assert!(matches!(submitted.wait(), Err(Stop::Cancelled(_))));
}

#[test]
fn submitted_work_is_waited_for_timed_out_and_cancelled_from_a_thread() {
    aioli_task::run(async {
        let handle = LoopHandle::current();
        let from_thread = to_thread(move || {
            let value = handle
                .submit(|| async { *Rc::new(4) })
                .unwrap()
                .wait()
                .unwrap();
            let pending = handle.submit(forever).unwrap();
            let pending = pending.wait_timeout(Duration::ZERO).unwrap_err();
            pending.cancel();
            let cancelled = matches!(pending.wait(), Err(Stop::Cancelled(_)));
            let panicking = handle.submit(|| async { panic!("over there") }).unwrap();
            let panicked = catch_unwind(AssertUnwindSafe(|| panicking.wait())).is_err();
            (value, cancelled, panicked)
        });
        assert_eq!(from_thread.await, (4, true, true));
    });
}

#[test]
fn the_end_of_a_run_waits_for_its_blocking_jobs_but_not_for_ever() {
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let mut runner = Runner::builder()
        .shutdown_timeout(Duration::from_millis(20))
        .on_error(|_| {})
        .build();
    runner
        .run(async move {
            drop(to_thread(move || wait.recv()));
            // Let the job start, so that it is abandoned and not removed.
            to_thread(|| {}).await;
        })
        .unwrap();
    let before = Instant::now();
    runner.close();
    assert!(before.elapsed() < Duration::from_secs(20));
    drop(release);
}

#[test]
fn a_task_that_does_not_end_is_dropped_and_reported_at_the_end() {
    let reports = Rc::new(Cell::new(0));
    let count = reports.clone();
    let mut runner = Runner::builder()
        .shutdown_timeout(Duration::ZERO)
        .on_error(move |_| count.set(count.get() + 1))
        .build();
    runner
        .run(async {
            spawn(shield(forever()));
            yield_now().await;
        })
        .unwrap();
    runner.close();
    assert_eq!(reports.get(), 1);
}

#[test]
fn a_runner_may_be_dropped_while_the_thread_panics() {
    let dropped = Rc::new(Cell::new(false));
    struct Flag(Rc<Cell<bool>>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let flag = Flag(dropped.clone());
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut runner = Runner::new();
        runner
            .run(async {
                spawn(async move {
                    let _flag = flag;
                    forever().await;
                });
                yield_now().await;
            })
            .unwrap();
        panic!("while a task lives");
    }));
    assert!(result.is_err());
    assert!(dropped.get());
}

#[test]
fn deadlocks_are_told_where_the_test_asks_for_it() {
    let mut runner = Runner::builder()
        .virtual_clock()
        .panic_when_idle(true)
        .build();
    let result = catch_unwind(AssertUnwindSafe(|| runner.run(forever())));
    let payload = result.map(|_| ()).unwrap_err();
    assert!(
        payload
            .downcast_ref::<&str>()
            .unwrap()
            .starts_with("deadlock")
    );
}

#[test]
fn debug_mode_tells_of_adopted_cleanups_and_where_they_come_from() {
    let places = Rc::new(std::cell::RefCell::new(Vec::new()));
    let log = places.clone();
    let mut runner = Runner::builder()
        .debug(true)
        .on_error(move |report| log.borrow_mut().push(report.location().unwrap().file()))
        .build();
    runner.run(async { adopt(async {}) }).unwrap();
    runner.close();
    assert_eq!(*places.borrow(), [file!()]);
}

#[test]
fn a_run_that_fails_tells_its_seed() {
    let reported = |seed: Option<u64>, fails: bool| {
        let log = Rc::new(RefCell::new(Vec::new()));
        let noting = log.clone();
        let note = move |report: &Report| noting.borrow_mut().push(report.message().to_owned());
        let mut builder = Runner::builder().virtual_clock().on_error(note);
        if let Some(seed) = seed {
            builder = builder.shuffle(seed);
        }
        let ended = builder.build().run(async { assert!(!fails, "it fails") });
        assert_eq!(ended.is_err(), fails);
        log.take()
    };
    assert_eq!(reported(None, true), [""; 0]);
    assert_eq!(reported(Some(7), false), [""; 0]);
    let told = "a run failed whose tasks were shuffled with seed 7";
    assert_eq!(reported(Some(7), true), [told]);
    // A deadlock unwinds out of the loop itself.
    let hangs = || {
        let builder = Runner::builder().virtual_clock().panic_when_idle(true);
        let log = Rc::new(RefCell::new(Vec::new()));
        let noting = log.clone();
        let note = move |report: &Report| noting.borrow_mut().push(report.message().to_owned());
        let mut runner = builder.shuffle(8).on_error(note).build();
        let run = || runner.run(std::future::pending::<()>());
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        log.take()
    };
    assert_eq!(
        hangs(),
        ["a run failed whose tasks were shuffled with seed 8"]
    );
}
