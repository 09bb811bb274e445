//! Shields that are switched while a scope runs; names carry rows of the conformance list.

use std::future::Future;
use std::pin::{Pin, pin};

use aioli_task::{
    Exit, ExitFuture, Reason, ReasonKind, Unwinder, catch, exit, is_asked, shield, spawn,
};

use crate::support::{Log, finally, forever, passes, run};

fn scope() -> Reason {
    Reason::new(ReasonKind::Scope)
}

/// Polls a scope until it ends, or for so many passes.
async fn poll_for<F: Future>(
    mut body: Pin<&mut ExitFuture<F>>,
    count: usize,
) -> Option<Exit<F::Output>> {
    for _ in 0..count {
        if let std::task::Poll::Ready(exit) = futures::poll!(body.as_mut()) {
            return Some(exit);
        }
        passes(1).await;
    }
    None
}

/// The scope suspends, unwinds itself, and catches just that.
async fn unwinds_itself<F: Future>(mut outer: Pin<&mut ExitFuture<F>>) {
    assert!(futures::poll!(outer.as_mut()).is_pending());
    outer.as_mut().unwind(scope());
    let ended = outer.as_mut().await;
    assert!(matches!(ended, Exit::Cancelled(c) if outer.is_own(&c)));
}

#[test]
fn row_337_a_request_from_outside_waits_until_the_shield_is_switched_off() {
    run(async {
        let task = spawn(async {
            let log = Log::default();
            let mut scope = pin!(exit(finally(forever(), async {
                log.put("cleaned");
            })));
            scope.as_mut().set_shield(true);
            assert!(poll_for(scope.as_mut(), 3).await.is_none());
            assert!(!is_asked());
            scope.as_mut().set_shield(false);
            let ended = scope.await;
            (
                matches!(ended, Exit::Cancelled(c) if !c.is_raised()),
                log.joined(),
            )
        });
        passes(1).await;
        task.cancel();
        assert_eq!(task.await, (true, "cleaned".to_owned()));
    })
    .unwrap();
}

#[test]
fn row_337_a_shield_that_is_off_again_lets_requests_through() {
    run(async {
        let task = spawn(async {
            let mut scope = pin!(exit(forever()));
            scope.as_mut().set_shield(true);
            assert!(poll_for(scope.as_mut(), 1).await.is_none());
            scope.as_mut().set_shield(false);
            matches!(scope.await, Exit::Cancelled(_))
        });
        passes(3).await;
        task.cancel();
        assert!(task.await);
    })
    .unwrap();
}

#[test]
fn row_337_inner_and_own_unwinds_pass_a_shield() {
    run(async {
        let mut outer = pin!(exit(async {
            let mut inner = pin!(exit(forever()));
            assert!(futures::poll!(inner.as_mut()).is_pending());
            inner.as_mut().unwind(scope());
            let ended = inner.as_mut().await;
            assert!(matches!(ended, Exit::Cancelled(c) if inner.is_own(&c)));
            forever().await;
        }));
        outer.as_mut().set_shield(true);
        unwinds_itself(outer).await;
    })
    .unwrap();
}

#[test]
fn row_342_a_shield_switched_on_in_a_cleanup_does_not_stop_what_is_unwinding() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let outer = pin!(exit(async {
            let mut inner = pin!(exit(finally(forever(), async {
                passes(3).await;
                l.put("cleaned");
            })));
            // The request arrives in the first pass, the shield goes up while the body cleans up.
            let ended = std::future::poll_fn(|cx| {
                let polled = inner.as_mut().poll(cx);
                if polled.is_pending() && inner.last_request().is_some() {
                    inner.as_mut().set_shield(true);
                }
                polled
            });
            if let Exit::Cancelled(cancelled) = ended.await {
                cancelled.raise().await;
            }
        }));
        unwinds_itself(outer).await;
    })
    .unwrap();
    assert_eq!(log.joined(), "cleaned");
}

#[test]
fn row_347_a_shield_that_comes_too_late_stops_nothing_but_keeps_the_next_request() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let task = spawn(async move {
            let mut outer = pin!(exit(async {
                // Takes its time to let go.
                if let Err(first) = catch(forever()).await {
                    passes(2).await;
                    l.put(format!("first {:?}", first.reason().message()));
                }
                passes(3).await;
                l.put("the next suspension passes");
            }));
            let unwinder: Unwinder = outer.unwinder();
            assert!(futures::poll!(outer.as_mut()).is_pending());
            unwinder.unwind(scope().with_message("one"));
            unwinder.set_shield(true);
            let ended = outer.as_mut().await;
            assert!(matches!(ended, Exit::Value(())), "{ended:?}");
            l.put("scope left");
            passes(1).await;
            l.put("never: the parked request strikes here");
        });
        passes(2).await;
        task.cancel_with("two");
        assert!(task.outcome().await.is_err());
    })
    .unwrap();
    let expected = "first Some(\"one\"),the next suspension passes,scope left";
    assert_eq!(log.joined(), expected);
}

#[test]
fn row_349_a_shielded_scope_ends_by_its_own_unwind_inside_a_cancelled_one() {
    run(async {
        let outer = pin!(exit(async {
            let mut inner = pin!(exit(forever()));
            inner.as_mut().set_shield(true);
            assert!(poll_for(inner.as_mut(), 3).await.is_none());
            inner.as_mut().unwind(scope());
            let ended = inner.as_mut().await;
            let is_own = matches!(ended, Exit::Cancelled(c) if inner.is_own(&c));
            assert!(is_own, "the one from outside still waits");
            forever().await;
        }));
        unwinds_itself(outer).await;
    })
    .unwrap();
}

#[test]
fn row_351_the_code_after_a_shielded_scope_runs_and_the_outer_one_is_not_caught() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let mut outer = pin!(exit(async {
            let mut inner = pin!(exit(forever()));
            inner.as_mut().set_shield(true);
            assert!(poll_for(inner.as_mut(), 2).await.is_none());
            inner.as_mut().unwind(scope());
            assert!(matches!(inner.await, Exit::Cancelled(_)));
            l.put("between");
        }));
        assert!(futures::poll!(outer.as_mut()).is_pending());
        outer.as_mut().unwind(scope());
        assert!(matches!(outer.await, Exit::Value(())));
    })
    .unwrap();
    assert_eq!(log.joined(), "between");
}

#[test]
fn row_352_inside_a_shielded_cleanup_nothing_is_pending_and_outside_it_is_again() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let mut outer = pin!(exit(async {
            let cancelled = catch(forever()).await.unwrap_err();
            let mut cleanup = pin!(exit(async {
                passes(2).await;
                l.put(format!("inside {}", is_asked()));
            }));
            cleanup.as_mut().set_shield(true);
            assert!(matches!(cleanup.await, Exit::Value(())));
            cancelled.raise().await;
        }));
        assert!(futures::poll!(outer.as_mut()).is_pending());
        outer.as_mut().unwind(scope());
        // Level-triggered: asked again whenever the request has been consumed.
        let ended = std::future::poll_fn(|cx| {
            let polled = outer.as_mut().poll(cx);
            if polled.is_pending() && outer.is_settled() {
                outer.as_mut().unwind(scope());
            }
            polled
        });
        let ended = ended.await;
        assert!(matches!(ended, Exit::Cancelled(c) if outer.is_own(&c)));
    })
    .unwrap();
    assert_eq!(log.joined(), "inside false");
}

#[test]
fn a_parked_request_does_not_hide_an_own_unwind() {
    run(async {
        let task = spawn(async {
            let mut scope_ = pin!(exit(async {
                shield(passes(4)).await;
                forever().await;
            }));
            scope_.as_mut().set_shield(true);
            assert!(poll_for(scope_.as_mut(), 2).await.is_none());
            scope_.as_mut().unwind(scope());
            assert!(!scope_.is_settled(), "it waits for the inner shield");
            let ended = scope_.as_mut().await;
            let is_own = matches!(ended, Exit::Cancelled(c) if scope_.is_own(&c));
            // What the shield kept strikes at the next suspension.
            is_own && catch(forever()).await.is_err()
        });
        passes(1).await;
        task.cancel();
        assert!(task.await);
    })
    .unwrap();
}
