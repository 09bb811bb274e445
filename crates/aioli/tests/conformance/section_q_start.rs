//! Section Q: starting a child that reports when it is up.

use aioli_flow::{CancelScope, StartError, Started, TaskGroup, checkpoint, finally, timeout};
use aioli_task::{Exit, catch, exit, time, yield_now};
use aioli_time::sleep;

use crate::support::{
    Log, ValueError, ZeroDivision, arrive, cancelled, forever, in_any_order, message, noted, settle,
};

/// Reports a number after so many seconds, and runs on as long again.
async fn up_after(seconds: u32, started: Started<u32>) {
    sleep(seconds).await;
    started.send(seconds).expect("somebody waits");
    sleep(seconds).await;
}

#[test]
fn c361_start_gives_what_the_child_reported() {
    in_any_order(async || {
        let group = TaskGroup::scope(async |tg| {
            let value = tg.start(async |started| up_after(5, started).await).await?;
            assert_eq!((value, time(), tg.len()), (5, 5.0, 1));
            Ok(value)
        });
        assert_eq!((group.await.expect("nobody fails"), time()), (5, 10.0));
        // By a child of the group, while its block waits at the end.
        let group = TaskGroup::scope(async |tg| {
            let handle = tg.clone();
            tg.spawn(async move {
                let value = handle.start(async |started| up_after(1, started).await);
                assert_eq!(value.await.expect("it starts"), 1);
            });
            Ok(())
        });
        group.await.expect("nobody fails");
        assert_eq!(time(), 12.0);
        // One that ends with its report.
        let group = TaskGroup::scope(async |tg| {
            let at_once = tg.start(async |started| started.send("up").unwrap());
            assert!(tg.is_empty());
            Ok(at_once.await?)
        });
        assert_eq!(group.await.expect("nobody fails"), "up");
    });
}

#[test]
fn c362_child_that_fails_before_its_report() {
    in_any_order(async || {
        let group = TaskGroup::scope(async |tg| {
            let failed = tg.start(async |_started: Started<()>| {
                sleep(1).await;
                Err::<(), _>(ValueError)
            });
            match failed.await {
                Err(StartError::Failed(error)) => assert!(error.is::<ValueError>()),
                other => panic!("it was to fail: {other:?}"),
            }
            // The group has nothing to do with it.
            assert!(!tg.is_closing() && tg.is_empty());
            let panicking = tg.start::<(), ()>(async |_| {
                yield_now().await;
                panic!("no port");
            });
            match exit(panicking).await {
                Exit::Panicked(panic) => assert_eq!(message(&*panic), "no port"),
                other => panic!("it was to panic: {other:?}"),
            }
            assert!(!tg.is_closing());
            Ok(())
        });
        group.await.expect("the errors came out of `start`");
    });
}

#[test]
fn c362_child_that_fails_after_its_report() {
    in_any_order(async || {
        let log = Log::default();
        let group = TaskGroup::scope(async |tg| {
            let value = tg.start(async |started| {
                up_after(1, started).await;
                Err::<(), _>(ValueError)
            });
            log.put(value.await?);
            noted(log.clone(), "body", forever()).await;
            Ok(())
        });
        let errors = group.await.expect_err("the child fails");
        assert!(errors.errors().len() == 1 && errors.contains::<ValueError>());
        assert_eq!(log.timed(), ["1 at 1", "body at 2"]);
    });
}

#[test]
fn c363_child_that_never_reports() {
    in_any_order(async || {
        let group = TaskGroup::scope(async |tg| {
            let silent = tg.start(async |started: Started<u32>| {
                drop(started);
                sleep(1).await;
            });
            assert!(matches!(silent.await, Err(StartError::NotReported)));
            assert_eq!(time(), 1.0);
            Ok(())
        });
        group.await.expect("nobody fails");
    });
}

#[test]
fn c364_start_in_a_cancelled_scope() {
    in_any_order(async || {
        let log = Log::default();
        let group = TaskGroup::scope(async |tg| {
            let scope = CancelScope::new();
            scope.cancel();
            let noting = log.clone();
            let suspends = tg.start(async move |started| {
                started.send("up").expect("somebody waits");
                noted(noting, "child cancelled", sleep(9)).await;
            });
            assert!(scope.run(suspends).await.is_none());
            assert!(scope.cancelled_caught() && tg.is_empty());
            // One that never suspends has started, and there is nothing to catch.
            let scope = CancelScope::new();
            scope.cancel();
            let at_once = tg.start(async |started| started.send("up").unwrap());
            let out = scope.run(at_once).await;
            assert_eq!(out.expect("it does not suspend")?, "up");
            assert!(!scope.cancelled_caught());
            Ok(())
        });
        group.await.expect("nobody fails");
        assert_eq!(log.timed(), ["child cancelled at 0"]);
    });
}

/// Cancelled while it waits: the child goes first, and its clean-up is awaited.
#[test]
fn c364_start_that_is_cancelled_while_it_waits() {
    in_any_order(async || {
        let log = Log::default();
        let group = TaskGroup::scope(async |tg| {
            let noting = log.clone();
            let slow = tg.start(async move |started: Started<()>| {
                finally(noted(noting, "child", forever()), sleep(2)).await;
                started.send(()).ok();
            });
            assert!(timeout(1, slow).await.is_err());
            assert_eq!((time(), tg.len()), (3.0, 0));
            // Dropped, it asks the child, and the group waits.
            let noting = log.clone();
            let dropped = tg.start(async move |_: Started<()>| {
                noted(noting, "dropped", forever()).await;
            });
            drop(dropped);
            Ok(())
        });
        group.await.expect("nobody fails");
        assert_eq!(log.timed(), ["child at 1", "dropped at 3"]);
    });
}

#[test]
fn c366_failing_sibling_cancels_a_start_that_waits() {
    in_any_order(async || {
        let log = Log::default();
        let noting = log.clone();
        let slow = async move |started: Started<()>| {
            noted(noting.clone(), "slow child cancelled", sleep(1)).await;
            noting.put("never");
            started.send(()).expect("somebody waits");
        };
        let outer = TaskGroup::scope(async |outer| {
            let inner = TaskGroup::scope(async |inner| {
                inner.spawn(async {
                    settle().await;
                    Err::<(), _>(ValueError)
                });
                outer.start(slow).await?;
                Ok(())
            });
            inner.await?;
            Ok(())
        });
        let errors = outer.await.expect_err("the sibling fails");
        assert!(errors.contains::<ValueError>());
        assert_eq!(log.timed(), ["slow child cancelled at 0"]);
        // The group itself is closing: who starts a child there is cancelled.
        let log = Log::default();
        let noting = log.clone();
        let group = TaskGroup::scope(async |tg| {
            let handle = tg.clone();
            tg.spawn(async move {
                assert!(catch(forever()).await.is_err());
                let refused = handle.start::<(), ()>(async |_| panic!("it never starts"));
                noted(noting, "refused", refused).await.ok();
            });
            checkpoint().await;
            checkpoint().await;
            Err::<(), _>(ZeroDivision.into())
        });
        assert_eq!(group.await.expect_err("the body fails").errors().len(), 1);
        assert_eq!(log.names(), ["refused"]);
        // A child that others cancel before it reports cancels who waits.
        let group = TaskGroup::scope(async |tg| {
            let handle = tg.clone();
            let waiter = arrive(async move {
                let child = async |_: Started<()>| {
                    aioli_task::current().cancel();
                    forever().await;
                };
                handle.start(child).await.ok();
            });
            cancelled(waiter.await).await;
            Ok(())
        });
        group.await.expect("being cancelled is no failure");
    });
}
