//! Promises: set, failed, dropped, given up.

use aioli_flow::{promise, timeout};
use aioli_task::{call_soon, spawn, yield_now};
use aioli_time::{call_later, sleep};

use crate::{at, caught, run, run_any_order};

#[test]
fn a_promise_wakes_who_waits() {
    run_any_order(|| async {
        let (promise, promised) = promise();
        call_later(1, move || promise.set(7).expect("somebody waits"));
        assert_eq!((promised.await, at().as_str()), (7, "1.0"));
    });
}

#[test]
fn a_value_that_is_set_before_is_kept() {
    run(async {
        let (sender, mut promised) = promise();
        assert!(!promised.is_done() && promised.try_take().is_none());
        sender.set(7).expect("somebody waits");
        assert!(promised.is_done());
        assert_eq!(promised.try_take(), Some(7));
        let (sender, promised) = promise::<Result<u8, &str>>();
        sender.fail("no").expect("somebody waits");
        assert_eq!(promised.await, Err("no"));
    });
}

#[test]
fn a_dropped_promise_cancels_who_waits() {
    let out = run_any_order(|| async {
        let (promise, promised) = promise::<u8>();
        let task = spawn(promised);
        call_soon(move || drop(promise));
        caught(task).await
    });
    assert_eq!(out, Err("cancelled"));
}

#[test]
fn a_value_that_nobody_waits_for_comes_back() {
    run(async {
        let (first, promised) = promise();
        assert!(!first.is_abandoned());
        drop(promised);
        assert!(first.is_abandoned());
        assert_eq!(first.set(7), Err(7));
        let (second, promised) = promise::<Result<u8, &str>>();
        let task = spawn(promised);
        yield_now().await;
        task.stop().await;
        assert_eq!(second.fail("no"), Err("no"));
    });
}

#[test]
fn a_timeout_gives_a_promise_up() {
    run(async {
        let (promise, promised) = promise::<u8>();
        assert!(timeout(1, promised).await.is_err());
        assert!(promise.is_abandoned());
        sleep(0).await;
    });
}

#[test]
fn a_promise_is_kept_from_another_thread() {
    let mut runner = aioli_task::Runner::new();
    let out = runner.run(async {
        let (promise, promised) = promise();
        let thread = std::thread::spawn(move || promise.set(7));
        let value = promised.await;
        assert_eq!(thread.join().expect("the thread does not panic"), Ok(()));
        value
    });
    assert_eq!(out.expect("main is not stopped"), 7);
}
