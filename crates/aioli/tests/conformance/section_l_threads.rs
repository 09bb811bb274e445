//! Section L: threads, context variables.

use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use aioli_flow::{Gather, promise};
use aioli_sync::oneshot;
use aioli_task::{
    ContextVar, Exit, LoopHandle, Runner, SpawnAll, Stop, all_tasks, copy_context, current, exit,
    is_abandoned, shield, spawn, spawn_in, time, to_thread, yield_now,
};
use aioli_time::sleep;

use crate::support::{Log, arrive, cancelled, in_any_order, in_order, message, settle};

#[test]
fn c262_error_of_the_function() {
    in_order(async || {
        let failed = to_thread(|| Err::<(), _>("no such file")).await;
        assert_eq!(failed, Err("no such file"));
        match exit(to_thread(|| panic!("in the thread"))).await {
            Exit::Panicked(panic) => assert_eq!(message(&*panic), "in the thread"),
            other => panic!("it was to panic: {other:?}"),
        }
    });
}

#[test]
fn c263_context_variables_are_seen_in_the_thread() {
    static NAME: ContextVar<&str> = ContextVar::new();
    in_order(async || {
        assert_eq!(to_thread(|| NAME.get()).await, None);
        NAME.set("parrot");
        assert_eq!(to_thread(|| NAME.get()).await, Some("parrot"));
    });
}

#[test]
fn c264_context_variables_set_in_the_thread_stay_there() {
    static NAME: ContextVar<&str> = ContextVar::new();
    in_order(async || {
        NAME.set("main");
        let seen = to_thread(|| {
            let before = NAME.get();
            NAME.set("worker");
            (before, NAME.get())
        });
        assert_eq!(seen.await, (Some("main"), Some("worker")));
        assert_eq!(NAME.get(), Some("main"));
    });
}

#[test]
fn c265_ten_calls_together() {
    in_order(async || {
        let calls = Arc::new(AtomicUsize::new(0));
        let all = (0..10).map(|number| {
            let calls = calls.clone();
            to_thread(move || {
                calls.fetch_add(1, Ordering::SeqCst);
                number
            })
        });
        assert_eq!(all.gather().await, (0..10).collect::<Vec<_>>());
        assert_eq!(calls.load(Ordering::SeqCst), 10);
    });
}

#[test]
fn c266_thread_that_ends_after_its_loop_posts_nothing() {
    let (stop, stopped) = mpsc::channel::<()>();
    let (ended, end) = mpsc::channel();
    let mut runner = Runner::builder()
        .shutdown_timeout(0)
        .on_error(|_| ())
        .build();
    runner
        .run(async move {
            let (started, start) = oneshot::channel();
            let task = spawn(to_thread(move || {
                started.send(()).expect("main waits");
                let _ = stopped.recv();
                ended.send(is_abandoned()).expect("the test waits");
            }));
            start.await.expect("the thread runs");
            task.cancel();
            cancelled(task).await;
        })
        .unwrap();
    runner.close();
    stop.send(()).expect("the thread waits");
    assert_eq!(end.recv(), Ok(true));
}

#[test]
fn c267_cancelled_while_the_thread_runs_before_it_starts_and_without_abandoning() {
    in_order(async || {
        // Left at once; the thread runs on and hears of it.
        let (stop, stopped) = mpsc::channel::<()>();
        let (ended, end) = mpsc::channel();
        let (started, start) = oneshot::channel();
        let task = spawn(to_thread(move || {
            started.send(()).expect("the test waits");
            let _ = stopped.recv();
            ended.send(is_abandoned()).expect("the test waits");
        }));
        start.await.expect("the thread runs");
        task.cancel();
        cancelled(task).await;
        assert!(end.try_recv().is_err());
        stop.send(()).expect("the thread waits");
        assert_eq!(end.recv(), Ok(true));

        // Behind a shield: left when the thread is done.
        let log = Log::default();
        let (stop, stopped) = mpsc::channel::<()>();
        let (started, start) = oneshot::channel();
        let noting = log.clone();
        let task = spawn(async move {
            let job = to_thread(move || {
                started.send(()).expect("the test waits");
                let _ = stopped.recv();
                is_abandoned()
            });
            noting.put(format!("abandoned {}", shield(job).await));
            yield_now().await;
            noting.put("never");
        });
        start.await.expect("the thread runs");
        task.cancel();
        settle().await;
        assert!(!task.is_done() && log.is_empty());
        stop.send(()).expect("the thread waits");
        cancelled(task).await;
        assert_eq!(log.names(), ["abandoned false"]);

        // Cancelled before: no thread ever runs it.
        let ran = Arc::new(AtomicUsize::new(0));
        let counting = ran.clone();
        let job = move || counting.fetch_add(1, Ordering::SeqCst);
        let task = spawn(async { to_thread(job).await });
        task.cancel();
        cancelled(task).await;
        assert_eq!(
            (ran.load(Ordering::SeqCst), Arc::strong_count(&ran)),
            (0, 1)
        );
    });
}

#[test]
fn c269_thread_looks_whether_its_task_was_cancelled() {
    in_order(async || {
        let (started, start) = oneshot::channel();
        let (ended, end) = mpsc::channel();
        let task = spawn(to_thread(move || {
            assert!(!is_abandoned());
            started.send(()).expect("the test waits");
            while !is_abandoned() {
                thread::yield_now();
            }
            ended.send("saw it").expect("the test waits");
        }));
        start.await.expect("the thread runs");
        task.cancel();
        cancelled(task).await;
        assert_eq!(end.recv(), Ok("saw it"));
    });
}

/// Runs `f` on a thread of its own that has a handle of this loop, and waits for it.
async fn on_a_thread<T: Send + 'static>(f: impl FnOnce(LoopHandle) -> T + Send + 'static) -> T {
    let home = LoopHandle::current();
    to_thread(move || f(home)).await
}

async fn add(a: u32, b: u32) -> u32 {
    yield_now().await;
    a + b
}

#[test]
fn c270_future_submitted_from_a_thread() {
    in_order(async || {
        let sum = on_a_thread(|home| {
            let task = home.submit(|| {
                let one = Rc::new(1);
                async move { add(*one, 2).await }
            });
            task.expect("the loop runs").wait()
        });
        assert_eq!(sum.await.unwrap(), 3);
    });
}

#[test]
fn c271_thread_that_gives_up_and_cancels() {
    Runner::new()
        .run(async {
            on_a_thread(|home| {
                let task = home.submit(|| sleep(1000)).expect("the loop runs");
                let task = task
                    .wait_timeout(Duration::ZERO)
                    .expect_err("it takes its time");
                task.cancel();
            })
            .await;
            settle().await;
            assert_eq!(all_tasks(), [current()]);
        })
        .unwrap();
}

#[test]
fn c272_cancelled_from_the_side_of_the_thread() {
    Runner::new()
        .run(async {
            let (started, start) = mpsc::channel();
            let outcome = on_a_thread(move |home| {
                let task = home
                    .submit(move || async move {
                        started.send(current()).expect("the thread waits");
                        sleep(10).await;
                    })
                    .expect("the loop runs");
                let handle = start.recv().expect("the task says that it has begun");
                task.cancel();
                (task.wait(), handle)
            });
            let (outcome, handle) = outcome.await;
            assert!(outcome.is_err_and(|stop| stop.is_cancelled()));
            assert!(handle.is_cancelled());
        })
        .unwrap();
}

#[test]
fn c273_future_that_cancels_itself() {
    in_order(async || {
        let outcome = on_a_thread(|home| {
            let task = home.submit(|| async {
                current().cancel_with("by itself");
                yield_now().await;
            });
            task.expect("the loop runs").wait()
        });
        match outcome.await {
            Err(Stop::Cancelled(reason)) => assert_eq!(reason.message(), Some("by itself")),
            other => panic!("it was to end cancelled: {other:?}"),
        }
    });
}

#[test]
fn c274_thread_waits_for_a_future_while_main_ends() {
    let (started, start) = mpsc::channel();
    let (home, handle) = mpsc::channel::<LoopHandle>();
    let thread = thread::spawn(move || {
        let home = handle.recv().expect("main sends it");
        let task = home.submit(move || async move {
            started.send(()).expect("main waits");
            std::future::pending::<()>().await;
        });
        task.expect("the loop runs").wait()
    });
    let mut runner = Runner::new();
    runner
        .run(async move {
            home.send(LoopHandle::current()).expect("the thread waits");
            to_thread(move || start.recv())
                .await
                .expect("the task has begun");
        })
        .unwrap();
    runner.close();
    let outcome = thread.join().expect("it does not panic");
    assert!(outcome.is_err_and(|stop| stop.is_cancelled()));
}

#[test]
fn c275_context_is_copied_when_a_task_is_spawned() {
    static NAME: ContextVar<&str> = ContextVar::new();
    in_any_order(async || {
        NAME.set("parent");
        let (go_on, wait) = promise();
        let child = arrive(async move {
            let first = NAME.get();
            NAME.set("child");
            wait.await;
            (first, NAME.get())
        });
        let child = child.await;
        assert_eq!(NAME.get(), Some("parent"));
        NAME.set("changed");
        go_on.set(()).unwrap();
        assert_eq!(child.await, (Some("parent"), Some("child")));
        assert_eq!(NAME.get(), Some("changed"));
    });
}

#[test]
fn c276_hundred_tasks_change_one_variable() {
    static NUMBER: ContextVar<usize> = ContextVar::new();
    in_any_order(async || {
        NUMBER.set(1000);
        let tasks = (0..100_usize).map(|number| async move {
            for step in 0..10 {
                NUMBER.set(number + step);
                sleep((number * 7919 + step * 104_729) as f64 % 13.0).await;
                assert_eq!(NUMBER.get(), Some(number + step));
            }
        });
        for task in tasks.spawn_all() {
            task.await;
        }
        assert_eq!(NUMBER.get(), Some(1000));
        assert!(time() > 10.0);
    });
}

/// A context is a value: a task runs in a copy of what it is given.
#[test]
fn c277_tasks_in_a_given_context() {
    static NUMBER: ContextVar<u32> = ContextVar::new();
    in_any_order(async || {
        let mut context = copy_context();
        context.run(|| NUMBER.set(10));
        for add in [1, 2] {
            let task = spawn_in(context.clone(), async move {
                NUMBER.set(NUMBER.get().expect("it is given") + add);
                yield_now().await;
                NUMBER.get()
            });
            assert_eq!(task.await, Some(10 + add));
        }
        assert_eq!(
            (context.run(|| NUMBER.get()), NUMBER.get()),
            (Some(10), None)
        );
        context.run(|| NUMBER.set(11));
        assert_eq!(context.run(|| NUMBER.get()), Some(11));
    });
}

#[test]
fn c278_two_tasks_with_a_precision_of_their_own() {
    static PRECISION: ContextVar<usize> = ContextVar::new();
    in_any_order(async || {
        PRECISION.set(28);
        let third = |precision: usize| {
            spawn(async move {
                let show = || format!("{:.*}", PRECISION.get().unwrap_or_default(), 1.0 / 3.0);
                PRECISION.set(precision);
                let before = show();
                sleep(0.01 * precision as f64).await;
                (before, show())
            })
        };
        let (two, six) = (third(2), third(6));
        assert_eq!(two.await, ("0.33".to_owned(), "0.33".to_owned()));
        assert_eq!(six.await, ("0.333333".to_owned(), "0.333333".to_owned()));
        assert_eq!(PRECISION.get(), Some(28));
    });
}
