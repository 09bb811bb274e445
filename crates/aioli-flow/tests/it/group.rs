//! Task groups: what closes them, what comes out, and what is left.

use std::future::pending;

use aioli_flow::{BoxError, Group, TaskGroup, finally, timeout};
use aioli_task::{catch, current, spawn, yield_now};
use aioli_time::sleep;

use crate::{Log, at, caught, check, passes, run, run_any_order};

pub(crate) type Failure<T = ()> = Result<T, BoxError>;

pub(crate) async fn crash(seconds: f64, message: &'static str) -> Failure {
    sleep(seconds).await;
    Err(message.into())
}

/// The errors of a group, groups inside it in brackets.
pub(crate) fn errors(group: &Group) -> Vec<String> {
    group
        .errors()
        .iter()
        .map(|error| match error.downcast_ref::<Group>() {
            Some(inner) => format!("{:?}", errors(inner)),
            None => error.to_string(),
        })
        .collect()
}

pub(crate) fn shown<T>(result: Result<T, Group>) -> Result<T, Vec<String>> {
    result.map_err(|group| errors(&group))
}

#[test]
fn a_failing_child_cancels_siblings_and_body() {
    let body = |log: Log| async move {
        let out = TaskGroup::scope(async |tg| {
            let sibling = log.clone();
            tg.spawn(crash(0.1, "boom"));
            tg.spawn(async move {
                let cleanup = async {
                    sleep(1).await;
                    sibling.put("sibling clean");
                };
                finally(sleep(5), cleanup).await;
            });
            finally(sleep(10), async { log.put("body clean") }).await;
            log.put("never");
            Ok(())
        });
        let out = shown(out.await);
        (out, at())
    };
    check(
        body,
        "body clean,sibling clean",
        "(Err([\"boom\"]), \"1.1\")",
    );
}

#[test]
fn the_values_of_children_are_their_tasks() {
    let sum = run_any_order(|| async {
        let out = TaskGroup::scope(async |tg| {
            let a = tg.spawn(async {
                sleep(2).await;
                Ok::<_, BoxError>(1)
            });
            sleep(1).await;
            let b = tg.spawn(async { Ok::<_, BoxError>(2) });
            Ok(a.await + b.await)
        });
        out.await.expect("nobody fails")
    });
    assert_eq!(sum, 3);
}

#[test]
fn an_outside_request_cancels_the_children_and_goes_on() {
    let body = |log: Log| async move {
        let task = spawn(async move {
            let out = TaskGroup::scope(async |tg| {
                for _ in 0..5 {
                    let log = log.clone();
                    tg.spawn(async move { finally(sleep(5), async { log.put("x") }).await });
                }
                Ok(())
            });
            shown(out.await)
        });
        sleep(0.1).await;
        task.cancel();
        caught(task).await
    };
    check(body, "x,x,x,x,x", "Err(\"cancelled\")");
}

#[test]
pub(crate) fn errors_of_clean_ups_win_over_an_outside_request() {
    let body = |log: Log| async move {
        let task = spawn(async move {
            let out = TaskGroup::scope(async |tg| {
                for _ in 0..2 {
                    tg.spawn(async {
                        match catch(sleep(5)).await {
                            Ok(()) => Ok(()),
                            Err(_) => Err("division by zero"),
                        }
                    });
                }
                sleep(10).await;
                Ok(())
            });
            log.put(format!("{:?}", shown(out.await)));
            sleep(1).await;
            log.put("never");
        });
        sleep(0.1).await;
        task.cancel();
        caught(task).await
    };
    check(
        body,
        "Err([\"division by zero\", \"division by zero\"])",
        "Err(\"cancelled\")",
    );
}

#[test]
fn an_error_and_an_outside_request_both_come_out() {
    let body = |log: Log| async move {
        let task = spawn(async move {
            let out = TaskGroup::scope(async |tg| {
                tg.spawn(async {
                    sleep(0).await;
                    Err::<(), _>("rt")
                });
                sleep(1).await;
                Ok(())
            });
            log.put(format!("{:?}", shown(out.await)));
            sleep(1).await;
            log.put("never");
        });
        passes(2).await;
        task.cancel();
        caught(task).await
    };
    check(body, "Err([\"rt\"])", "Err(\"cancelled\")");
}

#[test]
fn a_request_that_hides_behind_the_groups_own_comes_out_after_the_errors() {
    let body = |log: Log| async move {
        let task = spawn(async move {
            let out = TaskGroup::scope(async |tg| {
                tg.spawn(crash(1.0, "boom"));
                finally(sleep(10), sleep(5)).await;
                Ok(())
            });
            log.put(format!("{:?}", shown(out.await)));
            sleep(1).await;
            log.put("never");
        });
        sleep(3).await;
        task.cancel();
        let result = caught(task).await;
        (result, at())
    };
    check(body, "Err([\"boom\"])", "(Err(\"cancelled\"), \"6.0\")");
}

#[test]
fn an_inner_group_is_an_error_of_the_outer_one() {
    let body = |_| async move {
        let out = TaskGroup::scope(async |outer| {
            outer.spawn(crash(10.0, "a"));
            TaskGroup::scope(async |inner| {
                inner.spawn(crash(0.1, "b"));
                Ok(())
            })
            .await?;
            Ok(())
        });
        shown(out.await)
    };
    check(body, "", "Err([\"[\\\"b\\\"]\"])");
}

#[test]
fn an_inner_group_dissolves_when_the_outer_one_fails() {
    let body = |_| async move {
        let out = TaskGroup::scope(async |outer| {
            outer.spawn(crash(0.1, "outer child"));
            TaskGroup::scope(async |inner| {
                inner.spawn(sleep(10));
                Ok(())
            })
            .await?;
            Ok(())
        });
        let out = shown(out.await);
        (out, at())
    };
    check(body, "", "(Err([\"outer child\"]), \"0.1\")");
}

#[test]
fn a_child_may_add_siblings_while_the_group_waits() {
    let body = |log: Log| async move {
        let out = TaskGroup::scope(async |tg| {
            let (group, log) = (tg.clone(), log.clone());
            tg.spawn(async move {
                sleep(0.1).await;
                group.spawn(async move {
                    sleep(0.1).await;
                    log.put("late");
                });
            });
            Ok(7)
        });
        let out = shown(out.await);
        (out, at())
    };
    check(body, "late", "(Ok(7), \"0.2\")");
}

#[test]
fn a_cancelled_child_is_no_error() {
    let out = run_any_order(|| async {
        let out = TaskGroup::scope(async |tg| {
            tg.spawn(async {
                current().cancel();
                sleep(1).await;
            });
            let other = tg.spawn(sleep(1));
            sleep(0.5).await;
            other.cancel();
            Ok(1)
        });
        shown(out.await)
    });
    assert_eq!(out, Ok(1));
}

#[test]
fn awaiting_a_failed_child_in_the_body_is_no_request() {
    let log = Log::default();
    run(async {
        let out = TaskGroup::scope(async |tg| {
            let failing = tg.spawn(async { Err::<(), _>("no") });
            failing.await;
            log.put("never");
            Ok(())
        });
        log.put(format!("{:?}", shown(out.await)));
        yield_now().await;
        log.put("alive");
    });
    assert_eq!(log.all(), "Err([\"no\"]),alive");
}

#[test]
fn the_error_of_the_body_comes_last() {
    let out = run_any_order(|| async {
        let out = TaskGroup::scope(async |tg| {
            tg.spawn(async {
                match catch(pending::<()>()).await {
                    Ok(()) => Ok(()),
                    Err(_) => Err("child"),
                }
            });
            yield_now().await;
            yield_now().await;
            Err::<(), BoxError>("body".into())
        });
        shown(out.await)
    });
    assert_eq!(out, Err(vec!["child".into(), "body".into()]));
}

#[test]
fn a_body_that_fails_at_once_leaves_its_children_unstarted() {
    let body = |log: Log| async move {
        let out = TaskGroup::scope(async |tg| {
            let log = log.clone();
            tg.spawn(async move { log.put("started") });
            Err::<(), BoxError>("body".into())
        });
        shown(out.await)
    };
    check(body, "", "Err([\"body\"])");
}

#[test]
fn a_timeout_around_a_group() {
    let out = run_any_order(|| async {
        let group = TaskGroup::scope(async |tg| {
            tg.spawn(sleep(2));
            sleep(3).await;
            Ok(())
        });
        let out = timeout(0.1, group).await;
        (out.is_err(), at())
    });
    assert_eq!(out, (true, "0.1".into()));
}

#[test]
fn a_timeout_around_a_group_that_fails_in_its_clean_up() {
    let body = |log: Log| async move {
        let group = TaskGroup::scope(async |tg| {
            tg.spawn(async {
                match catch(sleep(20)).await {
                    Ok(()) => Ok(()),
                    Err(_) => Err("division by zero"),
                }
            });
            sleep(30).await;
            Ok(())
        });
        let out = timeout(1, group).await.map(shown);
        log.put(format!("{out:?}"));
        sleep(1).await; // The timeout's request went with the timeout.
        at()
    };
    check(body, "Ok(Err([\"division by zero\"]))", "\"2.0\"");
}

#[test]
fn a_handled_failure_leaves_no_request_behind() {
    run_any_order(|| async {
        let out = TaskGroup::scope(async |tg| {
            tg.spawn(crash(0.1, "boom"));
            sleep(1).await;
            Ok(())
        });
        assert!(out.await.is_err());
        assert_eq!(current().cancelling(), 0);
        yield_now().await;
    });
}

#[test]
fn a_child_that_spawns_a_failing_sibling_is_cancelled_later_than_in_the_call() {
    let body = |log: Log| async move {
        let out = TaskGroup::scope(async |tg| {
            let (group, own) = (tg.clone(), log.clone());
            tg.spawn(async move {
                group.spawn(async { Err::<(), _>("at once") });
                own.put("spawned");
                for n in 0..3 {
                    own.put(format!("pass {n}"));
                    yield_now().await;
                }
                own.put("never");
            });
            Ok(())
        });
        shown(out.await)
    };
    check(body, "spawned,pass 0", "Err([\"at once\"])");
}
