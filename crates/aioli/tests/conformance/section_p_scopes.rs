//! Section P: cancel scopes, as far as timeouts, shields and tasks play their part.

use std::time::Duration;

use aioli_flow::{TaskGroup, finally, timeout, timeout_scope};
use aioli_sync::oneshot;
use aioli_task::{ReasonKind, Stop, catch, current, now, shield, spawn, time};
use aioli_time::sleep;

use crate::support::{Log, ZeroDivision, cancelled, forever, in_any_order, noted, settle};

/// Cancels a task by then, which must end cancelled.
async fn cancel_and_wait<T>(task: aioli_task::Task<T>) {
    settle().await;
    task.cancel();
    cancelled(task).await;
}

#[test]
fn c344_deadline_moved_into_the_past_strikes_next() {
    in_any_order(async || {
        let log = Log::default();
        let mut left = None;
        let scope = timeout_scope(10, async |scope| {
            left = Some(scope.clone());
            sleep(1).await;
            scope
                .reschedule_at(now() - Duration::from_secs(1))
                .expect("it is active");
            log.put("goes on to the sleep");
            noted(log.clone(), "cancelled", sleep(0)).await;
            log.put("never");
        });
        assert!(scope.await.is_err());
        assert_eq!(log.timed(), ["goes on to the sleep at 1", "cancelled at 1"]);
        assert!(left.expect("the body has run").expired());
        // The same by another task, while the body sleeps.
        let (give, take) = oneshot::channel();
        let task = spawn(timeout_scope(10, async move |scope| {
            give.send(scope).expect("main waits");
            sleep(5).await;
        }));
        let scope = take.await.expect("it is sent");
        scope.reschedule(-1).expect("it is active");
        assert!(task.await.is_err());
        assert_eq!(time(), 1.0);
        // A deadline that comes after the scope was left has no effect.
        assert!(timeout(1, sleep(0)).await.is_ok());
        noted(log.clone(), "never", sleep(5)).await;
        assert_eq!((log.names().len(), time()), (2, 6.0));
    });
}

#[test]
fn c345_deadline_that_passed_meanwhile_strikes_at_this_checkpoint() {
    in_any_order(async || {
        let log = Log::default();
        let scope = timeout(1, async {
            shield(sleep(5)).await;
            log.put("deadline has passed");
            noted(log.clone(), "cancelled", sleep(0)).await;
            log.put("never");
        });
        assert!(scope.await.is_err());
        assert_eq!(log.timed(), ["deadline has passed at 5", "cancelled at 5"]);
    });
}

#[test]
fn c349_shielded_scope_ends_at_its_own_deadline() {
    in_any_order(async || {
        let log = Log::default();
        let noting = log.clone();
        let task = spawn(async move {
            let elapsed = shield(timeout(3, forever())).await.is_err();
            noting.put(format!("elapsed {elapsed}"));
            forever().await;
        });
        cancel_and_wait(task).await;
        assert_eq!(log.timed(), ["elapsed true at 3"]);
        assert_eq!(time(), 3.0);
    });
}

#[test]
fn c351_shielded_inner_scope_absorbs_and_the_outer_one_hears_later() {
    in_any_order(async || {
        let log = Log::default();
        let outer = timeout(1, async {
            let inner = shield(timeout(2, forever())).await;
            log.put(format!("inner elapsed {}", inner.is_err()));
            // The code between runs up to its next suspension.
            noted(log.clone(), "outer strikes", forever()).await;
        });
        assert!(outer.await.is_err());
        assert_eq!(
            log.timed(),
            ["inner elapsed true at 2", "outer strikes at 2"]
        );
    });
}

#[test]
fn c352_shield_while_unwinding_gives_quiet_for_its_length() {
    in_any_order(async || {
        let log = Log::default();
        let noting = log.clone();
        let task = spawn(async move {
            let out = catch(forever()).await;
            let cancelled = out.expect_err("it is cancelled");
            // Asked again, which the shield keeps.
            current().cancel();
            shield(noted(noting.clone(), "never", sleep(1))).await;
            noting.put("quiet is over");
            noted(noting.clone(), "pending again", sleep(1)).await;
            cancelled.raise().await
        });
        cancel_and_wait(task).await;
        assert_eq!(log.timed(), ["quiet is over at 1", "pending again at 1"]);
    });
}

#[test]
fn c354_timeout_inside_a_shield_inside_what_is_cancelled() {
    in_any_order(async || {
        let log = Log::default();
        let noting = log.clone();
        let task = spawn(async move {
            current().cancel();
            let slept = shield(timeout(0.2, sleep(2))).await;
            noting.put(format!("timed out {}", slept.is_err()));
            Err::<(), _>("timed out")
        });
        // The error is there without another suspension, and is kept.
        assert_eq!(task.await, Err("timed out"));
        assert_eq!(log.timed(), ["timed out true at 0.2"]);
    });
}

#[test]
fn c355_scope_and_task_are_cancelled_at_once() {
    in_any_order(async || {
        let log = Log::default();
        let noting = log.clone();
        let task = spawn(async move {
            let scope = timeout_scope(f64::INFINITY, async |scope| {
                scope.reschedule(-1).expect("it is active");
                current().cancel_with("native");
                sleep(1).await;
            });
            let out = catch(scope).await;
            let cancelled = out.expect_err("the task's request goes past the scope");
            noting.put(format!(
                "{:?} {}",
                cancelled.reason().message(),
                current().cancelling()
            ));
            cancelled.raise().await
        });
        assert_eq!(cancelled(task).await.as_deref(), Some("native"));
        assert_eq!(log.timed(), ["Some(\"native\") 1 at 0"]);
    });
}

#[test]
fn c356_two_requests_while_a_group_waits_for_a_shielded_child() {
    in_any_order(async || {
        let log = Log::default();
        let noting = log.clone();
        let task = spawn(async move {
            let ended = TaskGroup::scope(async |tg| {
                tg.spawn(finally(sleep(10), async move {
                    sleep(2).await;
                    noting.put("child is done");
                }));
                Ok(())
            });
            let _ = ended.await;
        });
        let handle = task.handle();
        settle().await;
        assert!(task.cancel_with("native 1"));
        sleep(1).await;
        assert!(!task.is_done());
        assert!(task.cancel_with("native 2"));
        assert_eq!(cancelled(task).await.as_deref(), Some("native 2"));
        assert_eq!(
            (log.timed(), time()),
            (vec!["child is done at 2".to_owned()], 2.0)
        );
        assert_eq!(handle.cancelling(), 2);
    });
}

#[test]
fn c357_cancellation_says_who_asked_and_why() {
    in_any_order(async || {
        let log = Log::default();
        let worker = || {
            let log = log.clone();
            async move {
                let out = catch(forever()).await;
                let cancelled = out.expect_err("it never ends by itself");
                let reason = cancelled.reason();
                let (by, message) = (reason.by_task(), reason.message());
                log.put(format!("{:?} {by:?} {message:?}", reason.kind()));
                cancelled.raise().await
            }
        };
        current().set_name("main");
        let explicit = spawn(worker());
        settle().await;
        explicit.cancel_with("hello");
        explicit.cancel_with("not this one");
        match explicit.outcome().await {
            Err(Stop::Cancelled(reason)) => assert_eq!(reason.message(), Some("hello")),
            other => panic!("it was to end cancelled: {:?}", other.map(drop)),
        }
        assert!(timeout(1, worker()).await.is_err());
        let failed = TaskGroup::scope(async |tg| {
            tg.spawn(async {
                current().set_name("failing");
                Err::<(), _>(ZeroDivision)
            });
            let () = worker().await;
            Ok(())
        });
        assert!(failed.await.is_err());
        let names = log.names();
        assert_eq!(
            names[0],
            format!("{:?} Some(\"main\") Some(\"hello\")", ReasonKind::Cancel)
        );
        assert!(names[1].starts_with("Timeout "), "{names:?}");
        assert!(names[2].starts_with("Group "), "{names:?}");
        assert_eq!(names.len(), 3);
    });
}
