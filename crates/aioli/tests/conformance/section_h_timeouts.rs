//! Section H: timeout scopes.

use std::time::Duration;

use aioli_flow::{
    BoxError, Group, RescheduleError, TaskGroup, TimeoutScope, finally, timeout, timeout_at,
    timeout_scope,
};
use aioli_sync::oneshot;
use aioli_task::{ReasonKind, catch, current, now, spawn, time};
use aioli_time::sleep;

use crate::support::{Log, ValueError, ZeroDivision, cancelled, in_any_order, noted, settle};

#[test]
fn c137_scope_around_a_long_sleep() {
    in_any_order(async || {
        let deadline = now() + Duration::from_millis(10);
        let mut handle = None;
        let ended = timeout_scope(0.01, async |scope| {
            assert_eq!((scope.when(), scope.expired()), (Some(deadline), false));
            handle = Some(scope.clone());
            sleep(10).await;
        });
        assert!(ended.await.is_err());
        let scope = handle.expect("the body has run");
        assert_eq!(
            (scope.expired(), scope.when(), time()),
            (true, Some(deadline), 0.01)
        );

        let deadline = now() + Duration::from_millis(10);
        assert!(timeout_at(deadline, sleep(10)).await.is_err());
        assert_eq!((now(), time(), current().cancelling()), (deadline, 0.02, 0));
    });
}

#[test]
fn c139_block_that_is_done_in_time() {
    in_any_order(async || {
        let mut handle = None;
        let ended = timeout_scope(10, async |scope| {
            handle = Some(scope.clone());
            sleep(0.01).await;
            "done"
        });
        assert_eq!((ended.await.ok(), time()), (Some("done"), 0.01));
        assert!(!handle.expect("the body has run").expired());
    });
}

#[test]
fn c140_scope_without_a_deadline() {
    in_any_order(async || {
        let mut handle = None;
        let ended = timeout_scope(f64::INFINITY, async |scope| {
            handle = Some(scope.clone());
            assert_eq!(scope.when(), None);
            sleep(1e6).await;
            "done"
        });
        assert_eq!((ended.await.ok(), time()), (Some("done"), 1e6));
        let scope = handle.expect("the body has run");
        assert_eq!((scope.expired(), scope.when()), (false, None));
    });
}

#[test]
fn c141_deadline_now_and_eleven_seconds_ago() {
    in_any_order(async || {
        sleep(20).await;
        let log = Log::default();
        let block = async || {
            noted(log.clone(), "cancelled", sleep(0)).await;
            log.put("never");
        };
        assert!(timeout(0, block()).await.is_err());
        assert!(timeout_at(now(), block()).await.is_err());
        assert!(
            timeout_at(now() - Duration::from_secs(11), block())
                .await
                .is_err()
        );
        assert!(timeout_scope(0, async |_| block().await).await.is_err());
        let past = timeout_scope(f64::INFINITY, async |scope| {
            scope
                .reschedule_at(now() - Duration::from_secs(11))
                .expect("it is active");
            block().await;
        });
        assert!(past.await.is_err());
        assert_eq!(log.timed(), ["cancelled at 20"; 5]);
    });
}

#[test]
fn c142_error_before_the_deadline() {
    in_any_order(async || {
        let mut handle = None;
        let ended = timeout_scope(10, async |scope| {
            handle = Some(scope.clone());
            Err::<(), _>(ValueError)
        });
        assert_eq!(ended.await.ok(), Some(Err(ValueError)));
        assert!(!handle.expect("the body has run").expired());
        assert_eq!(time(), 0.0);
    });
}

#[test]
fn c143_error_of_the_clean_up_after_the_deadline() {
    in_any_order(async || {
        let mut cause = None;
        let mut handle = None;
        let ended = timeout_scope(0.01, async |scope| {
            handle = Some(scope.clone());
            match catch(sleep(10)).await {
                Ok(()) => Ok(()),
                Err(cancelled) => {
                    cause = Some(cancelled.reason().kind());
                    Err(ZeroDivision)
                }
            }
        });
        assert_eq!((ended.await.ok(), time()), (Some(Err(ZeroDivision)), 0.01));
        assert_eq!(cause, Some(ReasonKind::Timeout));
        assert!(handle.expect("the body has run").expired());
        assert_eq!(current().cancelling(), 0);
    });
}

#[test]
fn c144_task_that_cancels_itself_inside_a_scope() {
    in_any_order(async || {
        let (give, take) = oneshot::channel::<TimeoutScope>();
        let task = spawn(timeout_scope(10, async move |scope| {
            give.send(scope).expect("somebody waits");
            current().cancel_with("by itself");
            sleep(10).await;
        }));
        let scope = take.await.expect("it is sent");
        assert_eq!(cancelled(task).await.as_deref(), Some("by itself"));
        assert_eq!((scope.expired(), time()), (false, 0.0));
    });
}

#[test]
fn c145_task_survives_its_own_scope() {
    in_any_order(async || {
        let task = spawn(async {
            assert!(timeout(0.001, sleep(10)).await.is_err());
            current().cancelling()
        });
        let handle = task.handle();
        assert_eq!(task.await, 0);
        assert!(handle.is_done() && !handle.is_cancelled());
        assert_eq!(time(), 0.001);
    });
}

/// The outer deadline has passed by the time the block suspends for the first time.
#[test]
fn c146_outer_scope_raises_and_the_inner_one_does_not_claim_it() {
    in_any_order(async || {
        sleep(1).await;
        let mut scopes = Vec::new();
        let outer = timeout_scope(0.002, async |outer| {
            scopes.push(outer.clone());
            let inner = timeout_scope(0.1, async |inner| {
                scopes.push(inner);
                outer
                    .reschedule_at(now() - Duration::from_millis(8))
                    .expect("it is active");
                sleep(10).await;
            });
            inner.await.expect("it is not the inner one that is over");
        });
        assert!(outer.await.is_err());
        let expired: Vec<_> = scopes.iter().map(TimeoutScope::expired).collect();
        assert_eq!((expired, time()), (vec![true, false], 1.0));
    });
}

#[test]
fn c148_deadline_moved_by_another_task() {
    in_any_order(async || {
        let (give, take) = oneshot::channel::<TimeoutScope>();
        let task = spawn(timeout_scope(10, async move |scope| {
            give.send(scope).expect("somebody waits");
            sleep(50).await;
        }));
        let scope = take.await.expect("it is sent");
        let first = now() + Duration::from_secs(10);
        assert_eq!(scope.when(), Some(first));
        scope
            .reschedule_at(now() + Duration::from_secs(30))
            .unwrap();
        assert_eq!(scope.when(), Some(first + Duration::from_secs(20)));
        sleep(20).await;
        assert!(!task.is_done());
        scope.reschedule(f64::INFINITY).unwrap();
        assert_eq!(scope.when(), None);
        sleep(20).await;
        assert!(!task.is_done());
        task.cancel();
        cancelled(task).await;
        assert_eq!((scope.expired(), time()), (false, 40.0));
    });
}

#[test]
fn c149_reschedule_in_each_wrong_state() {
    in_any_order(async || {
        let (mut expiring, mut handle) = (None, None);
        let ended = timeout_scope(0.01, async |scope| {
            handle = Some(scope.clone());
            let _ = finally(sleep(10), async {
                expiring = scope.reschedule(1).err();
            })
            .await;
        });
        assert!(ended.await.is_err());
        let scope = handle.expect("the body has run");
        let expired = scope.reschedule(1).unwrap_err();
        assert_eq!(expiring, Some(RescheduleError::Expiring));
        assert_eq!(expired, RescheduleError::Expired);

        let scope = timeout_scope(1, async |scope| scope).await.unwrap();
        let finished = scope.reschedule(1).unwrap_err();
        assert_eq!(finished, RescheduleError::Finished);
        let says = [RescheduleError::Expiring, expired, finished].map(|e| e.to_string());
        for (text, state) in says.iter().zip(["expiring", "expired", "finished"]) {
            assert!(text.contains(state), "{text:?} names the state {state:?}");
        }
        assert_eq!(time(), 0.01);
    });
}

#[test]
fn c151_scope_in_the_clean_up_of_an_expired_scope() {
    in_any_order(async || {
        let log = Log::default();
        let clean_up = async || {
            assert!(timeout(0.01, sleep(10)).await.is_err());
            log.put("inner");
        };
        assert!(timeout(0.01, finally(sleep(1), clean_up())).await.is_err());
        log.put("outer");
        // The same without the shield of `finally`.
        let block = async {
            let out = catch(sleep(1)).await;
            clean_up().await;
            if let Err(cancelled) = out {
                cancelled.raise().await
            }
        };
        assert!(timeout(0.01, block).await.is_err());
        log.put("outer");
        let expected = [
            "inner at 0.02",
            "outer at 0.02",
            "inner at 0.04",
            "outer at 0.04",
        ];
        assert_eq!(log.timed(), expected);
        assert_eq!(current().cancelling(), 0);
    });
}

#[test]
fn c153_timeout_after_a_cancellation_and_another_cancellation_in_it() {
    in_any_order(async || {
        let task = spawn(async {
            current().cancel();
            assert!(catch(sleep(1)).await.is_err());
            // The request was absorbed and not taken back: it does not count against this scope.
            let elapsed = timeout(0.5, sleep(2)).await.is_err();
            let inside = catch(timeout(1, async {
                current().cancel_with("again");
                sleep(2).await;
            }));
            let again = inside.await.expect_err("it cancels itself again");
            (
                elapsed,
                again.reason().message().map(str::to_owned),
                current().cancelling(),
            )
        });
        assert_eq!(task.await, (true, Some("again".to_owned()), 2));
        assert_eq!(time(), 0.5);
    });
}

#[test]
fn c154_scope_expires_around_a_failing_group() {
    in_any_order(async || {
        let log = Log::default();
        let group = TaskGroup::scope(async |tg| {
            let log = log.clone();
            tg.spawn(async move {
                let out = catch(sleep(2)).await;
                let cancelled = out.expect_err("it is interrupted");
                log.put(format!("child {:?}", cancelled.reason().kind()));
                Err::<(), _>(ZeroDivision)
            });
            // An error on its way out, held up by a clean-up that suspends.
            let error = ValueError;
            sleep(1).await;
            Err::<(), BoxError>(error.into())
        });
        let ended = timeout(0.01, group).await;
        let group: Group = ended
            .expect("an error comes out")
            .expect_err("it is the group's");
        assert_eq!(
            (group.errors().len(), group.contains::<ZeroDivision>()),
            (1, true)
        );
        assert_eq!(log.timed(), ["child Group at 0.01"]);
        // The request of the deadline ends with its scope.
        noted(log.clone(), "cancelled", sleep(1)).await;
        assert_eq!((log.names().len(), current().cancelling()), (1, 0));
    });
}

#[test]
fn c155_infinite_timeout() {
    in_any_order(async || {
        let value = async {
            sleep(1e7).await;
            123
        };
        assert_eq!(
            (timeout(f64::INFINITY, value).await.ok(), time()),
            (Some(123), 1e7)
        );
        settle().await;
    });
}

#[test]
fn c156_deadline_moved_later_while_the_block_runs() {
    in_any_order(async || {
        let ended = timeout_scope(0.1, async |scope| {
            let deadline = scope.when().expect("it has one");
            scope
                .reschedule_at(deadline + Duration::from_millis(300))
                .expect("it is active");
            sleep(0.2).await;
            scope.expired()
        });
        assert_eq!((ended.await.ok(), time()), (Some(false), 0.2));
    });
}
