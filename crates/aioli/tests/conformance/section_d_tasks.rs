//! Section D: tasks and their cancellation.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use aioli_flow::promise;
use aioli_task::{
    Runner, Stop, Task, call_soon, catch, current, exit, spawn, time, try_current, yield_now,
};
use aioli_time::{call_later, sleep};

use crate::support::{
    Log, builder, cancelled, forever, in_any_order, in_order, message, noted, passes, reports,
    settle,
};

#[test]
fn c055_cancelled_while_it_sleeps() {
    in_any_order(async || {
        let log = Log::default();
        let task = spawn(noted(log.clone(), "cancelled", sleep(10)));
        let handle = task.handle();
        settle().await;
        assert!(task.cancel());
        assert!(!task.is_done() && !task.is_cancelled());
        cancelled(task).await;
        assert!(handle.is_done() && handle.is_cancelled());
        assert!(!handle.cancel());
        assert_eq!(
            (log.timed(), time()),
            (vec!["cancelled at 0".to_owned()], 0.0)
        );
    });
}

#[test]
fn c056_what_a_task_waits_for_is_cancelled_by_others() {
    in_any_order(async || {
        let log = Log::default();
        let inner = spawn(forever());
        let inner_handle = inner.handle();
        let noting = log.clone();
        let task = spawn(async move {
            inner.await;
            noting.put("never");
        });
        settle().await;
        inner_handle.cancel_with("by others");
        assert_eq!(cancelled(task).await.as_deref(), Some("by others"));

        // A promise that is given up cancels who waits for it, as a cancelled future does.
        let (promise, promised) = promise::<()>();
        let task = spawn(promised);
        settle().await;
        drop(promise);
        cancelled(task).await;
        assert!(log.is_empty());
    });
}

#[test]
fn c057_both_the_task_and_what_it_waits_for_are_cancelled() {
    in_any_order(async || {
        for task_first in [true, false] {
            let inner = spawn(forever());
            let inner_handle = inner.handle();
            let task = spawn(inner);
            settle().await;
            if task_first {
                task.cancel();
                inner_handle.cancel();
            } else {
                inner_handle.cancel();
                task.cancel();
            }
            cancelled(task).await;
            assert!(inner_handle.is_cancelled());
        }
        assert_eq!(time(), 0.0);
    });
}

#[test]
fn c058_cancellation_is_caught_and_a_value_returned() {
    in_any_order(async || {
        let (first, first_future) = promise::<()>();
        let (second, second_future) = promise::<()>();
        let task = spawn(async {
            first_future.await;
            match catch(second_future).await {
                Ok(()) => 0,
                Err(_) => 42,
            }
        });
        let handle = task.handle();
        settle().await;
        first.set(()).unwrap();
        settle().await;
        assert!(!second.is_abandoned());
        task.cancel();
        assert_eq!(task.await, 42);
        assert!(second.is_abandoned());
        assert!(handle.is_done() && !handle.is_cancelled());
    });
}

#[test]
fn c060_task_cancels_itself_and_sleeps() {
    in_any_order(async || {
        let log = Log::default();
        let noting = log.clone();
        let task = spawn(async move {
            assert!(current().cancel());
            noting.put("goes on to the sleep");
            sleep(100).await;
            noting.put("never");
        });
        cancelled(task).await;
        assert_eq!(
            (log.names(), time()),
            (vec!["goes on to the sleep".to_owned()], 0.0)
        );
    });
}

/// The value is kept: nothing may be lost.
#[test]
fn c061_task_cancels_itself_and_does_not_suspend_again() {
    in_any_order(async || {
        let task = spawn(async {
            yield_now().await;
            current().cancel();
            12
        });
        let handle = task.handle();
        assert_eq!(task.await, 12);
        assert!(!handle.is_cancelled());
        assert_eq!(handle.cancelling(), 1);
    });
}

#[test]
fn c063_cancelled_twice_before_it_runs() {
    in_any_order(async || {
        let log = Log::default();
        let task = spawn(noted(log.clone(), "cancelled", sleep(10)));
        settle().await;
        assert_eq!(task.cancelling(), 0);
        assert!(task.cancel());
        assert_eq!(task.cancelling(), 1);
        assert!(task.cancel());
        assert_eq!(task.cancelling(), 2);
        cancelled(task).await;
        assert_eq!((log.names(), time()), (vec!["cancelled".to_owned()], 0.0));
    });
}

#[test]
fn c064_uncancel() {
    in_any_order(async || {
        let task = spawn(async {
            if catch(sleep(10)).await.is_err() {
                current().uncancel();
                sleep(10).await;
            }
        });
        let handle = task.handle();
        let seen = || (handle.cancelling(), handle.is_cancelled(), handle.is_done());
        settle().await;
        assert_eq!(seen(), (0, false, false));
        assert!(task.cancel());
        assert_eq!(seen(), (1, false, false));
        settle().await;
        assert_eq!(seen(), (0, false, false));
        assert!(task.cancel());
        assert_eq!(seen(), (1, false, false));
        cancelled(task).await;
        assert_eq!(seen(), (1, true, true));
        handle.uncancel();
        assert!(handle.is_cancelled() && handle.is_done());
        assert_eq!(time(), 0.0);
    });
}

#[test]
fn c065_timeout_written_by_hand() {
    in_any_order(async || {
        let log = Log::default();
        let block = async |seconds: f64| {
            let task = current();
            let timer = call_later(0.1, move || {
                task.cancel();
            });
            let body = async {
                sleep(seconds).await;
                log.put("block finished");
            };
            let out = catch(body).await;
            timer.cancel();
            match out {
                Ok(()) => Ok(()),
                Err(_) if current().uncancel() == 0 => Err("timed out"),
                Err(cancelled) => cancelled.raise().await,
            }
        };
        assert_eq!((block(10.0).await, time()), (Err("timed out"), 0.1));
        sleep(0.01).await;
        assert_eq!((log.is_empty(), current().cancelling()), (true, 0));
        assert_eq!(
            (block(0.05).await, log.count("block finished")),
            (Ok(()), 1)
        );
        sleep(1).await;
        assert_eq!(current().cancelling(), 0);
    });
}

#[test]
fn c067_cancelled_with_a_message() {
    in_any_order(async || {
        let seen = Rc::new(RefCell::new(None));
        let inside = seen.clone();
        let task = spawn(async move {
            let cancelled = catch(sleep(10)).await.expect_err("it is cancelled");
            *inside.borrow_mut() = cancelled.reason().message().map(str::to_owned);
            cancelled.raise().await
        });
        settle().await;
        task.cancel_with("my message");
        let handle = task.handle();
        match task.outcome().await {
            Err(Stop::Cancelled(reason)) => {
                assert_eq!(reason.message(), Some("my message"));
                assert!(reason.location().file().ends_with("section_d_tasks.rs"));
            }
            _ => panic!("it was cancelled"),
        }
        assert_eq!(seen.borrow().as_deref(), Some("my message"));
        assert!(handle.is_cancelled());
    });
}

#[test]
fn c068_cancelled_before_it_starts() {
    in_any_order(async || {
        let log = Log::default();
        let (noting, dropped) = (log.clone(), log.on_drop("dropped"));
        let task = spawn(async move {
            let _dropped = dropped;
            noting.put("started");
            sleep(10).await;
        });
        task.cancel_with("my message");
        assert_eq!(cancelled(task).await.as_deref(), Some("my message"));
        assert_eq!((log.names(), time()), (vec!["dropped".to_owned()], 0.0));
    });
}

#[test]
fn c069_parent_sees_the_cancellation_of_a_sleeping_task() {
    in_any_order(async || {
        let parent = spawn(async {
            let task = spawn(sleep(5000));
            let handle = task.handle();
            call_later(0.1, move || {
                handle.cancel();
            });
            let seen = catch(task).await.is_err();
            (seen, time(), current().cancelling())
        });
        assert_eq!(parent.await, (true, 0.1, 0));
    });
}

#[test]
fn c070_cancellation_passes_from_inner_to_outer() {
    in_any_order(async || {
        let (promise, promised) = promise::<()>();
        let (proof, log) = (Rc::new(Cell::new(0)), Log::default());
        let (outer_proof, outer_log) = (proof.clone(), log.clone());
        let task = spawn(async move {
            let inner = async {
                let out = catch(promised).await;
                if let Err(cancelled) = out {
                    outer_proof.set(outer_proof.get() + 1);
                    outer_log.put("inner");
                    cancelled.raise().await
                }
            };
            if catch(inner).await.is_err() {
                outer_proof.set(outer_proof.get() + 100);
                outer_log.put("outer");
            }
        });
        let handle = task.handle();
        settle().await;
        task.cancel();
        task.await;
        assert_eq!(
            (proof.get(), log.names()),
            (101, vec!["inner".into(), "outer".into()])
        );
        assert!(promise.is_abandoned());
        assert!(handle.is_done() && !handle.is_cancelled());
    });
}

/// A panic plays the part of an error that ends the run.
#[test]
fn c072_cancellation_turned_into_a_panic() {
    let failing = async || {
        let _ = catch(sleep(10)).await;
        panic!("SystemExit");
    };
    in_any_order(async || {
        let task = spawn(failing());
        let handle = task.handle();
        settle().await;
        task.cancel();
        match exit(task).await {
            aioli_task::Exit::Panicked(panic) => assert_eq!(message(&*panic), "SystemExit"),
            _ => panic!("it was to panic"),
        }
        assert!(handle.is_done() && handle.is_panicked() && !handle.is_cancelled());
    });
    let run = builder().build().run(async {
        let task = spawn(failing());
        settle().await;
        task.cancel();
        task.await
    });
    match run {
        Err(Stop::Panicked(panic)) => assert_eq!(message(&*panic.into_payload()), "SystemExit"),
        other => panic!("the run was to be left with the panic: {other:?}"),
    }
}

#[test]
fn c073_task_that_awaits_itself() {
    in_any_order(async || {
        let own = Rc::new(RefCell::new(None));
        let taken = own.clone();
        let task: Task<()> = spawn(async move {
            let own: Task<()> = taken.borrow_mut().take().expect("it is put there");
            match exit(own).await {
                aioli_task::Exit::Panicked(panic) => {
                    assert!(message(&*panic).contains("cannot await itself"));
                }
                _ => panic!("it was to fail"),
            }
        });
        let handle = task.handle();
        *own.borrow_mut() = Some(task);
        handle.done().await;
        assert!(!handle.is_panicked() && !handle.is_cancelled());
    });
}

/// A task of another loop may be awaited: its end is sent over.
#[test]
fn c073_task_of_another_loop() {
    let (give, take) = mpsc::channel();
    let (stop, stopped) = mpsc::channel::<()>();
    let other = thread::spawn(move || {
        Runner::new()
            .run(async move {
                let (promise, promised) = promise();
                let task = spawn(async { promised.await + 1 });
                give.send((task, promise)).expect("the test waits");
                aioli_task::to_thread(move || stopped.recv()).await
            })
            .expect("it ends by itself")
    });
    let (task, promise) = take.recv().expect("the thread sends it");
    let mut runner = Runner::new();
    let value = runner.run(async move {
        let waiter = spawn(task);
        yield_now().await;
        promise.set(41).expect("the task waits");
        waiter.await
    });
    assert_eq!(value.expect("it ends by itself"), 42);
    stop.send(()).expect("the thread waits");
    other
        .join()
        .expect("it does not panic")
        .expect("it was told to stop");
}

#[test]
fn c074_current_task_after_every_resumption() {
    in_any_order(async || {
        let log = Log::default();
        let worker = |name: &'static str| {
            let log = log.clone();
            spawn(async move {
                let own = current();
                own.set_name(name);
                for _ in 0..3 {
                    yield_now().await;
                    assert!(current() == own);
                    log.put(current().name());
                }
            })
        };
        let (a, b) = (worker("a"), worker("b"));
        let handles = [a.handle(), b.handle()];
        let outside = Log::default();
        let noting = outside.clone();
        call_soon(move || noting.put(format!("{:?}", try_current().map(|task| task.name()))));
        a.await;
        b.await;
        assert_eq!((log.count("a"), log.count("b")), (3, 3));
        assert_eq!(outside.names(), ["None"]);
        assert!(handles.iter().all(|handle| *handle != current()));
    });
    assert!(try_current().is_none());
}

#[test]
fn c075_failed_task_that_is_cancelled_afterwards_is_not_reported() {
    let failing = async |is_cancelled: bool| {
        let task = spawn(async { panic!("TypeError") });
        settle().await;
        assert!(task.is_done());
        if is_cancelled {
            assert!(!task.cancel());
        }
        drop::<Task<()>>(task);
    };
    assert_eq!(reports(None, async || failing(true).await), [""; 0]);
    let reported = reports(None, async || failing(false).await);
    assert!(
        reported.len() == 1 && reported[0].contains("TypeError"),
        "{reported:?}"
    );
}

#[test]
fn c076_every_round_has_one_record_of_each_task() {
    in_any_order(async || {
        let log = Log::default();
        let worker = |name: &'static str| {
            let log = log.clone();
            async move {
                for _ in 0..3 {
                    log.put(name);
                    yield_now().await;
                }
            }
        };
        let (a, b) = (spawn(worker("a")), spawn(worker("b")));
        a.await;
        b.await;
        let names = log.names();
        assert_eq!(names.len(), 6);
        for round in names.chunks(2) {
            let mut round = round.to_vec();
            round.sort();
            assert_eq!(round, ["a", "b"], "in {names:?}");
        }
    });
    in_order(async || passes(1).await);
}
