//! Section P: cancel scopes by themselves: levels, nesting, shields, deadlines.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aioli_flow::{
    CancelScope, Group, TaskGroup, checkpoint, current_effective_deadline, finally, gather, timeout,
};
use aioli_task::{Reason, ReasonKind, catch, current, now, shield, spawn, time, yield_now};
use aioli_time::{Deadline, sleep};

use crate::support::{
    Log, ValueError, arrive, cancelled, forever, in_any_order, message, noted, settle,
};

/// Whether a checkpoint is cancelled; the cancellation is consumed.
async fn is_struck() -> bool {
    catch(checkpoint()).await.is_err()
}

/// A scope that has been cancelled.
fn cancelled_scope() -> CancelScope {
    let scope = CancelScope::new();
    scope.cancel();
    scope
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// The other half of the row: a task group never starts such a child.
#[test]
fn c187_cancelled_scope_lets_its_future_begin() {
    in_any_order(async || {
        let log = Log::default();
        let scope = cancelled_scope();
        let out = scope.run(async {
            log.put("begins");
            noted(log.clone(), "cancelled", checkpoint()).await;
        });
        assert_eq!(out.await, None);
        assert_eq!(log.names(), ["begins", "cancelled"]);
    });
}

#[test]
fn c335_cancelled_scope_strikes_at_every_suspension() {
    in_any_order(async || {
        let log = Log::default();
        let scope = CancelScope::new();
        let body = async {
            scope.cancel();
            scope.cancel();
            for n in 0..3 {
                assert!(is_struck().await, "suspension {n}");
            }
            noted(log.clone(), "out", sleep(5)).await;
            log.put("never");
        };
        assert_eq!(scope.run(body).await, None);
        assert_eq!(log.timed(), ["out at 0"]);
        assert!(scope.cancel_called() && scope.cancelled_caught());
        // What comes after the scope is not cancelled.
        assert!(!is_struck().await);
        // By another task, while the body sleeps: at once, and at the next suspension again.
        let scope = CancelScope::new();
        let (noting, handle) = (log.clone(), scope.clone());
        let task = arrive(scope.run(async move {
            assert!(catch(sleep(9)).await.is_err());
            noting.put("woken");
            noted(noting, "cut short", sleep(9)).await;
        }))
        .await;
        sleep(1).await;
        handle.cancel();
        assert_eq!(task.await, None);
        assert_eq!(log.timed()[1..], ["woken at 1", "cut short at 1"]);
    });
}

#[test]
fn c336_only_errors_leave_a_cancelled_scope() {
    in_any_order(async || {
        let log = Log::default();
        let scope = CancelScope::new();
        let group = TaskGroup::scope(async |tg| {
            for _ in 0..2 {
                tg.spawn(noted(log.clone(), "child", forever()));
            }
            let noting = log.clone();
            tg.spawn(async move {
                let out = catch(forever()).await;
                assert!(out.is_err());
                noting.put("fails");
                Err::<(), _>(ValueError)
            });
            settle().await;
            scope.cancel();
            noted(log.clone(), "body", forever()).await;
            Ok(())
        });
        let failed: Option<Result<(), Group>> = scope.run(group).await;
        let errors = failed.expect("an error is no cancellation").unwrap_err();
        assert_eq!(log.sorted(), ["body", "child", "child", "fails"]);
        assert!(errors.errors().len() == 1 && errors.contains::<ValueError>());
        assert!(!scope.cancelled_caught());
        assert!(!is_struck().await);
    });
}

#[test]
fn c337_shield_protects_from_outside_only() {
    in_any_order(async || {
        let (outer, inner) = (CancelScope::new(), CancelScope::new());
        let body = async {
            assert!(!is_struck().await);
            outer.cancel();
            assert!(is_struck().await);
            inner.set_shield(true);
            assert!(!is_struck().await);
            inner.set_shield(false);
            assert!(is_struck().await);
            inner.set_shield(true);
            assert!(!is_struck().await);
            // What is cancelled further in is so all the same.
            let innermost = cancelled_scope();
            assert_eq!(innermost.run(sleep(9)).await, None);
            assert!(innermost.cancelled_caught() && !is_struck().await);
            // The shield's own scope too.
            inner.cancel();
            assert!(is_struck().await);
            sleep(9).await;
        };
        let nested = async {
            assert_eq!(inner.run(body).await, None);
            assert!(inner.cancelled_caught() && !outer.cancelled_caught());
            sleep(9).await;
        };
        assert_eq!(outer.run(nested).await, None);
        assert_eq!((outer.cancelled_caught(), time()), (true, 0.0));
        // A shield that another task takes down lets in what has waited.
        let (outer, inner) = (CancelScope::new(), CancelScope::new());
        inner.set_shield(true);
        let task = spawn(outer.run(inner.run(sleep(9))));
        settle().await;
        outer.cancel();
        sleep(1).await;
        assert!(!task.is_done());
        inner.set_shield(false);
        assert_eq!((task.await, time()), (None, 1.0));
        assert!(outer.cancelled_caught() && !inner.cancelled_caught());
    });
}

#[test]
fn c339_cancellation_reaches_all_below() {
    in_any_order(async || {
        let log = Log::default();
        let leaf = || noted(log.clone(), "leaf", forever());
        let two = |log: Log| async move {
            let both = TaskGroup::scope(async |tg| {
                tg.spawn(noted(log.clone(), "leaf", forever()));
                noted(log, "leaf", forever()).await;
                Ok(())
            });
            both.await.map(drop)
        };
        let scope = CancelScope::new();
        let tree = TaskGroup::scope(async |tg| {
            tg.spawn(two(log.clone()));
            tg.spawn(two(log.clone()));
            gather((leaf(), leaf())).await;
            Ok(())
        });
        let (ended, ()) = gather((scope.run(tree), async {
            settle().await;
            scope.cancel();
        }))
        .await;
        assert!(ended.is_none() && scope.cancelled_caught());
        assert_eq!(log.count("leaf"), 6);
    });
}

#[test]
fn c340_outermost_cancelled_scope_absorbs() {
    in_any_order(async || {
        let scopes = [(); 3].map(|()| CancelScope::new());
        let [first, second, third] = &scopes;
        let log = Log::default();
        let innermost = third.run(async {
            third.cancel();
            second.cancel();
            checkpoint().await;
        });
        let between = async {
            innermost.await;
            log.put("never");
        };
        let outermost = first.run(async {
            assert_eq!(second.run(between).await, None);
            checkpoint().await;
            "untouched"
        });
        assert_eq!(outermost.await, Some("untouched"));
        let caught = scopes.each_ref().map(CancelScope::cancelled_caught);
        assert_eq!(caught, [false, true, false]);
        let called = scopes.each_ref().map(CancelScope::cancel_called);
        assert_eq!((called, log.is_empty()), ([false, true, true], true));
        // The outer one hears of it while the inner one cleans up.
        let (outer, inner) = (CancelScope::new(), CancelScope::after(1));
        let slow = finally(forever(), sleep(2));
        let (out, ()) = gather((outer.run(inner.run(slow)), async {
            sleep(2).await;
            outer.cancel();
        }))
        .await;
        assert_eq!((out, time()), (None, 3.0));
        assert!(outer.cancelled_caught() && !inner.cancelled_caught());
    });
}

#[test]
fn c341_scope_whose_cancellation_nobody_met_caught_nothing() {
    in_any_order(async || {
        let scope = CancelScope::new();
        let out = scope.run(async {
            scope.cancel();
            shield(checkpoint()).await;
            "left"
        });
        assert_eq!(out.await, Some("left"));
        assert!(scope.cancel_called() && !scope.cancelled_caught());
        assert!(!is_struck().await);
    });
}

#[test]
fn c342_shield_raised_while_unwinding() {
    in_any_order(async || {
        let log = Log::default();
        let (outer, inner) = (CancelScope::new(), CancelScope::new());
        let body = async {
            outer.cancel();
            let out = catch(sleep(9)).await;
            let cancelled = out.expect_err("it is cancelled").keep();
            inner.set_shield(true);
            sleep(1).await;
            log.put("cleaned up");
            cancelled.raise().await
        };
        assert_eq!(outer.run(inner.run(body)).await, None::<Option<()>>);
        assert_eq!(log.timed(), ["cleaned up at 1"]);
        assert!(outer.cancelled_caught() && !inner.cancelled_caught());
        assert!(!is_struck().await);
    });
}

#[test]
fn c343_cancelled_before_entry_and_entered_twice() {
    in_any_order(async || {
        let log = Log::default();
        let scope = cancelled_scope();
        let body = async {
            log.put("begins");
            sleep(9).await;
            log.put("never");
        };
        assert_eq!(scope.run(body).await, None);
        assert_eq!(log.timed(), ["begins at 0"]);
        // Again, and by another task, while it runs and afterwards.
        let refusal = |scope: &CancelScope| {
            let call = std::panic::AssertUnwindSafe(|| drop(scope.run(async {})));
            let panic = std::panic::catch_unwind(call).expect_err("it is entered once");
            message(&*panic).to_owned()
        };
        assert!(refusal(&scope).contains("entered once"));
        let scope = CancelScope::new();
        let handle = scope.clone();
        let task = spawn(async move { refusal(&handle) });
        let inside = scope.run(async { (refusal(&scope), task.await) }).await;
        let (inside, by_another) = inside.expect("nobody cancels");
        assert!(inside.contains("entered once") && by_another.contains("entered once"));
        // A deadline in the past cancels a scope for good.
        let scope = CancelScope::until(now() - secs(1));
        assert!(scope.cancel_called());
        scope.set_deadline(None);
        assert!(scope.cancel_called());
        assert_eq!(scope.run(checkpoint()).await, None);
    });
}

#[test]
fn c344_scope_whose_deadline_is_moved_into_the_past() {
    in_any_order(async || {
        let log = Log::default();
        let scope = CancelScope::after(10);
        let body = async {
            sleep(1).await;
            scope.set_deadline(now() - secs(1));
            log.put("goes on to the checkpoint");
            noted(log.clone(), "cancelled", checkpoint()).await;
            log.put("never");
        };
        assert_eq!(scope.run(body).await, None);
        assert_eq!(
            log.timed(),
            ["goes on to the checkpoint at 1", "cancelled at 1"]
        );
        assert!(scope.cancelled_caught());
        // Farther away, and nearer, by another task.
        let scope = CancelScope::after(1);
        let task = spawn(scope.run(sleep(9)));
        sleep(0.5).await;
        scope.set_deadline(scope.deadline().map(|at| at + secs(4)));
        sleep(2).await;
        assert!(!task.is_done());
        scope.set_deadline(now() + secs(1));
        assert_eq!((task.await, time()), (None, 4.5));
        // A deadline that comes after the scope was left has no effect.
        let scope = CancelScope::after(1);
        assert_eq!(scope.run(checkpoint()).await, Some(()));
        sleep(2).await;
        assert!(!scope.cancel_called() && !is_struck().await);
    });
}

#[test]
fn c345_scope_whose_deadline_passed_meanwhile_strikes_at_this_checkpoint() {
    in_any_order(async || {
        let log = Log::default();
        let scope = CancelScope::after(1);
        let body = async {
            checkpoint().await;
            shield(sleep(5)).await;
            log.put("deadline has passed");
            noted(log.clone(), "cancelled", checkpoint()).await;
            log.put("never");
        };
        assert_eq!(scope.run(body).await, None);
        assert_eq!(log.timed(), ["deadline has passed at 5", "cancelled at 5"]);
    });
}

#[test]
fn c346_who_refuses_to_be_woken_keeps_its_result() {
    in_any_order(async || {
        let log = Log::default();
        let scope = CancelScope::new();
        let (noting, handle) = (log.clone(), scope.clone());
        let (setter, promised) = aioli_flow::promise();
        let task = arrive(scope.run(async move {
            noting.put(shield(promised).await);
            assert!(is_struck().await);
            checkpoint().await;
        }))
        .await;
        handle.cancel();
        sleep(1).await;
        assert!(log.is_empty(), "the cancellation does not wake it");
        setter.set(1).expect("somebody waits");
        assert_eq!(task.await, None);
        assert_eq!(log.timed(), ["1 at 1"]);
    });
}

#[test]
fn c347_slow_abort_is_asked_once() {
    in_any_order(async || {
        let aborts = AtomicU32::new(0);
        let log = Log::default();
        let scopes = [(); 3].map(|()| CancelScope::new());
        let [first, second, third] = &scopes;
        let slow = finally(sleep(9), async {
            aborts.fetch_add(1, Ordering::Relaxed);
            third.set_shield(true);
            sleep(1).await;
        });
        let body = third.run(async {
            first.cancel();
            second.cancel();
            let out = catch(slow).await;
            log.put(format!("delivered {}", out.is_err()));
            sleep(1).await;
            log.put("passed under the shield");
        });
        assert_eq!(first.run(second.run(body)).await, Some(Some(Some(()))));
        assert_eq!(
            log.timed(),
            ["delivered true at 1", "passed under the shield at 2"]
        );
        assert_eq!(aborts.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn c348_deadline_that_holds() {
    in_any_order(async || {
        let start = now();
        let at = |seconds| Some(start + secs(seconds));
        assert_eq!(current_effective_deadline(), None);
        let (five, ten) = (
            CancelScope::until(start + secs(5)),
            CancelScope::until(start + secs(10)),
        );
        let inside = async {
            assert_eq!(current_effective_deadline(), at(5));
            ten.set_shield(true);
            assert_eq!(current_effective_deadline(), at(10));
            ten.set_shield(false);
            assert_eq!(current_effective_deadline(), at(5));
            five.set_deadline(None);
            assert_eq!(current_effective_deadline(), at(10));
            ten.set_deadline(Deadline::NEVER);
            assert_eq!(current_effective_deadline(), None);
            // The kernel's shield hides the outer ones too, and other tasks are not in the scope.
            five.set_deadline(at(5));
            assert_eq!(shield(async { current_effective_deadline() }).await, None);
            assert_eq!(spawn(async { current_effective_deadline() }).await, None);
            ten.cancel();
            assert_eq!(current_effective_deadline(), Some(now()));
            let hidden = CancelScope::after(3);
            hidden.set_shield(true);
            let seen = hidden.run(async { current_effective_deadline() });
            assert_eq!(seen.await, Some(at(3)));
            assert_eq!(current_effective_deadline(), Some(now()));
        };
        assert_eq!(five.run(ten.run(inside)).await, Some(Some(())));
        assert_eq!(current_effective_deadline(), None);
    });
}

#[test]
fn c349_shielded_scope_inside_a_cancelled_one() {
    in_any_order(async || {
        let (outer, inner) = (cancelled_scope(), CancelScope::after(3));
        inner.set_shield(true);
        let out = outer.run(async {
            assert_eq!(inner.run(sleep(9)).await, None);
            assert_eq!(time(), 3.0);
            "left"
        });
        assert_eq!(out.await, Some("left"));
        assert!(inner.cancelled_caught() && !outer.cancelled_caught());
    });
}

#[test]
fn c351_shielded_inner_scope_absorbs_what_is_its_own() {
    in_any_order(async || {
        let log = Log::default();
        let (outer, inner) = (CancelScope::new(), CancelScope::new());
        inner.set_shield(true);
        let out = outer.run(async {
            let body = inner.run(async {
                inner.cancel();
                finally(checkpoint(), async { outer.cancel() }).await;
            });
            assert_eq!(body.await, None);
            log.put("the code between runs");
        });
        assert_eq!(out.await, Some(()));
        assert_eq!(log.names(), ["the code between runs"]);
        assert!(inner.cancelled_caught() && !outer.cancelled_caught());
        // Without the shield the outer one goes first.
        let (outer, inner) = (CancelScope::new(), CancelScope::new());
        let out = outer.run(async {
            let body = inner.run(async {
                inner.cancel();
                finally(checkpoint(), async { outer.cancel() }).await;
            });
            body.await;
            log.put("never");
        });
        assert_eq!((out.await, log.names().len()), (None, 1));
        assert!(!inner.cancelled_caught() && outer.cancelled_caught());
    });
}

#[test]
fn c352_shielded_scope_while_unwinding() {
    in_any_order(async || {
        let log = Log::default();
        let outer = CancelScope::new();
        let body = async {
            outer.cancel();
            let out = catch(forever()).await;
            let cancelled = out.expect_err("it is cancelled").keep();
            assert!(is_struck().await);
            assert_eq!(current_effective_deadline(), Some(now()));
            let quiet = CancelScope::new();
            quiet.set_shield(true);
            let inside = quiet.run(async {
                assert_eq!(current_effective_deadline(), None);
                assert!(!is_struck().await);
                sleep(1).await;
            });
            assert_eq!(inside.await, Some(()));
            log.put("quiet is over");
            assert!(is_struck().await);
            cancelled.raise().await
        };
        assert_eq!(outer.run(body).await, None::<()>);
        assert_eq!(log.timed(), ["quiet is over at 1"]);
    });
}

#[test]
fn c353_cancelling_by_hand_is_no_timeout() {
    in_any_order(async || {
        let scope = CancelScope::after(1);
        scope.cancel();
        assert_eq!(scope.run(sleep(9)).await, None);
        let kind = |scope: &CancelScope| scope.reason().map(|reason| reason.kind());
        assert_eq!(kind(&scope), Some(ReasonKind::Scope));
        sleep(2).await;
        assert_eq!(kind(&scope), Some(ReasonKind::Scope));
        let late = CancelScope::after(1);
        assert_eq!(late.run(sleep(9)).await, None);
        assert_eq!(kind(&late), Some(ReasonKind::Timeout));
        // A timeout around it has not expired either.
        let scope = cancelled_scope();
        assert_eq!(timeout(1, scope.run(sleep(9))).await, Ok(None));
    });
}

#[test]
fn c354_timeout_in_a_shielded_scope_in_a_cancelled_one() {
    in_any_order(async || {
        let (outer, quiet) = (cancelled_scope(), CancelScope::new());
        quiet.set_shield(true);
        let out = outer.run(quiet.run(timeout(0.2, sleep(2))));
        let out = out.await.expect("it does not suspend any more");
        assert!(out.is_some_and(|slept| slept.is_err()));
        assert_eq!(time(), 0.2);
    });
}

#[test]
fn c355_task_is_cancelled_beside_its_scope() {
    in_any_order(async || {
        for scope_first in [true, false] {
            let log = Log::default();
            let noting = log.clone();
            let task = spawn(async move {
                let scope = CancelScope::new();
                let body = async {
                    if scope_first {
                        scope.cancel();
                    }
                    current().cancel_with("native");
                    scope.cancel();
                    checkpoint().await;
                };
                let out = catch(scope.run(body)).await;
                let cancelled = out.expect_err("the task's request goes past the scope");
                let message = cancelled.reason().message();
                noting.put(format!("{message:?} {}", current().cancelling()));
                assert!(!scope.cancelled_caught());
                cancelled.raise().await
            });
            assert_eq!(cancelled(task).await.as_deref(), Some("native"));
            assert_eq!(log.timed(), ["Some(\"native\") 1 at 0"]);
        }
    });
}

#[test]
fn c357_cancelled_scope_says_why() {
    in_any_order(async || {
        let seen = |scope: CancelScope| async move {
            let body = async {
                let out = catch(forever()).await;
                let cancelled = out.expect_err("it never ends by itself");
                let reason = cancelled.reason();
                let (by, message) = (reason.by_task(), reason.message());
                let text = format!("{:?} {by:?} {message:?}", reason.kind());
                // The next time it says the same.
                let again = catch(forever()).await.expect_err("it is cancelled again");
                assert_eq!(again.reason().kind(), reason.kind());
                text
            };
            scope.run(body).await.expect("it does not suspend again")
        };
        current().set_name("main");
        let scope = CancelScope::after(5);
        let task = spawn(seen(scope.clone()));
        settle().await;
        scope.cancel_for(Reason::new(ReasonKind::Scope).with_message("hello"));
        scope.cancel_for(Reason::new(ReasonKind::Scope).with_message("not this one"));
        sleep(9).await;
        assert_eq!(task.await, "Scope Some(\"main\") Some(\"hello\")");
        let reason = scope.reason().expect("it is cancelled");
        assert_eq!(reason.message(), Some("hello"));
        assert_eq!(seen(CancelScope::after(1)).await, "Timeout None None");
    });
}

#[test]
fn c359_interrupt_goes_before_a_cancelled_scope() {
    in_any_order(async || {
        let task = spawn(async {
            let scope = CancelScope::new();
            let body = async {
                let kind = async || {
                    let out = catch(yield_now()).await;
                    out.err().map(|cancelled| cancelled.reason().kind())
                };
                scope.cancel();
                assert_eq!(kind().await, Some(ReasonKind::Scope));
                // What Ctrl-C does to main.
                current().cancel_for(Reason::new(ReasonKind::Interrupt));
                assert_eq!(kind().await, Some(ReasonKind::Interrupt));
                assert_eq!(kind().await, Some(ReasonKind::Scope));
            };
            scope.run(body).await
        });
        assert_eq!(task.await, Some(()));
    });
}

#[test]
fn c360_interrupt_just_before_main_returns() {
    let mut runner = crate::support::builder().build();
    let ended = runner.run(async {
        checkpoint().await;
        current().cancel_for(Reason::new(ReasonKind::Interrupt));
        "value"
    });
    assert_eq!(ended.expect("nothing was left to cancel"), "value");
    let ended = runner.run(async {
        current().cancel_for(Reason::new(ReasonKind::Interrupt));
        checkpoint().await;
    });
    assert!(matches!(ended, Err(aioli_task::Stop::Interrupted)));
}

/// The handle is sent to where the work is not.
#[test]
fn c335_thread_cancels_a_scope() {
    let scope = Arc::new(CancelScope::new());
    let handle = scope.clone();
    let out = aioli_task::run(scope.run(async {
        let thread = aioli_task::to_thread(move || handle.cancel());
        shield(thread).await;
        forever().await;
    }));
    assert_eq!((out, scope.cancelled_caught()), (None, true));
}
