//! How tasks end: panics, drops, and what is told to whom.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::Waker;
use std::thread;

use aioli_task::{
    Runner, SpawnAll, Stop, call_soon, current, spawn, testing, to_thread, yield_now,
};

use crate::support::{Log, finally, forever, passes, run};

/// Runs `main` with an error handler that notes the reports.
fn reports<F: Future>(main: F) -> (Result<F::Output, Stop>, Vec<String>) {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = seen.clone();
    let mut runner = Runner::builder()
        .virtual_clock()
        .panic_when_idle(true)
        .on_error(move |report| log.borrow_mut().push(report.to_string()))
        .build();
    let result = runner.run(main);
    runner.close();
    let seen = seen.borrow().clone();
    (result, seen)
}

#[test]
fn a_panic_resumes_in_the_awaiter_and_is_not_reported() {
    let (result, seen) = reports(async {
        let task = spawn(async { panic!("boom") });
        let awaiter = spawn(task);
        match awaiter.outcome().await {
            Err(Stop::Panicked(panic)) => panic.message().to_owned(),
            other => panic!("{other:?}"),
        }
    });
    assert_eq!(result.unwrap(), "boom");
    assert_eq!(seen, [""; 0]);
}

#[test]
fn a_panic_that_nobody_awaited_is_reported_once() {
    for detach_first in [true, false] {
        let (result, seen) = reports(async move {
            let task = spawn(async { panic!("lost") }).named("worker");
            if !detach_first {
                passes(2).await;
            }
            drop(task);
            passes(2).await;
        });
        result.unwrap();
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert!(
            seen[0].contains("\"worker\"") && seen[0].ends_with(": lost"),
            "{}",
            seen[0]
        );
        assert!(seen[0].contains("ends.rs:"), "{}", seen[0]);
    }
}

#[test]
fn a_panic_in_a_callback_is_reported_and_the_loop_goes_on() {
    let (result, seen) = reports(async {
        call_soon(|| panic!("callback"));
        passes(2).await;
        5
    });
    assert_eq!(result.unwrap(), 5);
    assert_eq!(seen, ["aioli: panic in a callback: callback"]);
}

#[test]
fn an_error_handler_that_panics_does_not_stop_the_loop() {
    let mut runner = Runner::builder().on_error(|_| panic!("handler")).build();
    let value = runner.run(async {
        call_soon(|| panic!("callback"));
        passes(2).await;
        5
    });
    assert_eq!(value.unwrap(), 5);
}

#[test]
fn a_panic_of_main_comes_out_of_run_after_the_cleanups() {
    let log = Log::default();
    let l = log.clone();
    let result = catch_unwind(AssertUnwindSafe(|| {
        aioli_task::run(async move {
            spawn(finally(forever(), async move {
                passes(2).await;
                l.put("cleaned");
            }));
            yield_now().await;
            panic!("main");
        })
    }));
    let payload = result.unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"main"));
    assert_eq!(log.joined(), "cleaned");
}

#[test]
fn of_two_panics_the_first_is_told() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("drop");
            }
        }
    }
    /// Panics in its poll, and once more when it is dropped.
    struct Twice(Bomb);
    impl Future for Twice {
        type Output = ();
        fn poll(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<()> {
            let _ = &self.0;
            panic!("poll");
        }
    }
    run(async {
        let both = spawn(Twice(Bomb));
        assert_eq!(
            both.outcome().await.unwrap_err().to_string(),
            "panicked: poll"
        );
        let after_value = spawn(async move {
            let bomb = Bomb;
            std::future::poll_fn(move |_| {
                let _ = &bomb;
                std::task::Poll::Ready(7)
            })
            .await
        });
        assert_eq!(
            after_value.outcome().await.unwrap_err().to_string(),
            "panicked: drop"
        );
        let in_drop = spawn(async {
            let _bomb = Bomb;
            forever().await;
        });
        passes(1).await;
        in_drop.cancel();
        assert_eq!(
            in_drop.outcome().await.unwrap_err().to_string(),
            "panicked: drop"
        );
    })
    .unwrap();
}

#[test]
fn a_future_that_wakes_itself_in_its_drop_is_polled_no_more() {
    struct Wakes(RefCell<Option<Waker>>, Rc<Cell<u32>>);
    impl Drop for Wakes {
        fn drop(&mut self) {
            self.1.set(self.1.get() + 1);
            self.0.borrow_mut().take().unwrap().wake();
        }
    }
    run(async {
        let drops = Rc::new(Cell::new(0));
        let guard = Wakes(RefCell::default(), drops.clone());
        let task = spawn(async move {
            let guard = guard;
            std::future::poll_fn(|cx| {
                *guard.0.borrow_mut() = Some(cx.waker().clone());
                std::task::Poll::<()>::Pending
            })
            .await;
        });
        passes(1).await;
        task.cancel();
        assert!(task.outcome().await.is_err());
        passes(2).await;
        assert_eq!(drops.get(), 1);
    })
    .unwrap();
}

#[test]
fn a_waker_may_outlive_its_loop_and_be_used_elsewhere() {
    let waker = Rc::new(RefCell::new(None));
    let slot = waker.clone();
    run(async move {
        let store = std::future::poll_fn(move |cx| {
            *slot.borrow_mut() = Some(cx.waker().clone());
            std::task::Poll::<()>::Pending
        });
        drop(spawn(store));
        passes(2).await;
    })
    .unwrap();
    let waker: Waker = waker.borrow_mut().take().unwrap();
    waker.wake_by_ref();
    std::thread::spawn(move || waker.wake()).join().unwrap();
}

#[test]
fn an_output_is_dropped_by_its_handle_wherever_that_is() {
    struct Counts(Arc<AtomicUsize>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let d = drops.clone();
    run(async move {
        let done = spawn({
            let d = d.clone();
            async move { Counts(d) }
        });
        let pending = spawn({
            let d = d.clone();
            async move {
                yield_now().await;
                Counts(d)
            }
        });
        passes(1).await;
        std::thread::spawn(move || drop((done, pending)))
            .join()
            .unwrap();
        assert_eq!(d.load(Ordering::SeqCst), 1);
        passes(2).await;
        assert_eq!(d.load(Ordering::SeqCst), 2);
    })
    .unwrap();
    assert_eq!(drops.load(Ordering::SeqCst), 2);
}

#[test]
fn a_task_that_awaits_itself_panics_instead_of_hanging() {
    run(async {
        let place: Rc<RefCell<Option<aioli_task::Task<()>>>> = Rc::default();
        let own = place.clone();
        let task = spawn(async move {
            yield_now().await;
            let own = own.borrow_mut().take().unwrap();
            own.await;
        });
        let handle = task.handle();
        *place.borrow_mut() = Some(task);
        handle.done().await;
        assert!(handle.is_panicked());
    })
    .unwrap();
}

#[test]
fn stop_asks_and_waits_and_returns_what_there_is() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let cleans = spawn(finally(forever(), async move {
            passes(3).await;
            l.put("clean");
        }));
        passes(1).await;
        assert_eq!(cleans.stop().await, None);
        assert_eq!(testing::counts().tasks, 1);
        let values = (0..3).map(|n| async move { n }).spawn_all();
        passes(1).await;
        assert_eq!(values.stop().await, [Some(0), Some(1), Some(2)]);
    })
    .unwrap();
    assert_eq!(log.joined(), "clean");
}

#[test]
fn a_hard_drop_asks_no_handler_and_tells_the_awaiter() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let task = spawn(finally(forever(), async move { l.put("never") }));
        passes(1).await;
        assert!(
            !testing::drop_future(&current()),
            "the running task cannot be dropped"
        );
        assert!(testing::drop_future(&task));
        assert!(!testing::drop_future(&task));
        assert!(task.outcome().await.unwrap_err().is_cancelled());
    })
    .unwrap();
    assert_eq!(log.joined(), "");
}

#[test]
fn a_request_that_was_taken_back_is_not_delivered() {
    run(async {
        let task = spawn(async {
            yield_now().await;
            3
        });
        assert!(task.cancel());
        assert_eq!(task.cancelling(), 1);
        assert_eq!(task.uncancel(), 0);
        assert_eq!(task.uncancel(), 0);
        assert_eq!(task.await, 3);
    })
    .unwrap();
}

#[test]
fn callbacks_run_in_the_order_of_adding_and_their_panics_are_reported() {
    let log = Log::default();
    let (first, third) = (log.clone(), log.clone());
    let (result, seen) = reports(async move {
        let task = spawn(async {});
        task.on_done(move |task| first.put(format!("first {}", task.is_done())));
        task.on_done(|_| panic!("in a callback"));
        task.on_done(move |_| third.put("third"));
        task.await;
        passes(1).await;
    });
    result.unwrap();
    assert_eq!(log.joined(), "first true,third");
    assert!(
        seen.len() == 1 && seen[0].contains("in a callback"),
        "{seen:?}"
    );
}

#[test]
fn a_callback_for_a_task_of_another_loop_runs_on_this_one() {
    let (give, take) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    let other = thread::spawn(move || {
        aioli_task::run(async move {
            let task = spawn(to_thread(move || wait.recv().is_ok()));
            give.send(task.handle()).expect("somebody waits");
            assert!(task.await);
        });
    });
    let task = take.recv().expect("the other loop runs");
    aioli_task::run(async {
        let called = Rc::new(Cell::new(None));
        let seen = called.clone();
        task.on_done(move |_| seen.set(Some(thread::current().id())));
        go.send(()).expect("the other loop runs");
        task.done().await;
        passes(2).await;
        assert_eq!(called.get(), Some(thread::current().id()));
    });
    other.join().expect("it does not panic");
}

/// What a callback that never ran does when it is dropped with its loop.
struct OnDrop(Option<Box<dyn FnOnce()>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.take().expect("it is dropped once")();
    }
}

#[test]
fn a_callback_that_is_dropped_at_the_end_may_spawn_and_call() {
    let kept = Arc::new(());
    let (in_task, in_call) = (kept.clone(), kept.clone());
    let mut runner = Runner::new();
    runner
        .run(async move {
            let last = OnDrop(Some(Box::new(move || {
                drop(spawn(async move { forever_with(in_task).await }));
                call_soon(move || drop(in_call));
            })));
            // Called in the next pass, which there is not.
            call_soon(move || drop(last));
        })
        .unwrap();
    runner.close();
    drop(runner);
    assert_eq!(Arc::strong_count(&kept), 1, "nothing outlives its loop");
}

async fn forever_with<T>(kept: T) {
    forever().await;
    drop(kept);
}
