//! Cancel scopes among the other combinators; their own rules are in the conformance tests, P.

use std::future::{Future, pending};
use std::task::{Context, Poll, Waker};

use aioli_flow::{
    CancelScope, Gather, Of2, TaskGroup, checkpoint, current_effective_deadline, finally, gather,
    generator, move_on_after, race, timeout, with,
};
use aioli_task::{catch, rearm, shield, spawn, time};
use aioli_time::sleep;
use futures::executor::block_on;

use crate::{Conn, Log, at, caught, check, run, run_any_order, secs};

/// A scope that has been cancelled.
fn cancelled_scope() -> CancelScope {
    let scope = CancelScope::new();
    scope.cancel();
    scope
}

#[test]
fn a_group_in_a_cancelled_scope_waits_without_spinning() {
    check(
        async |log| {
            let scope = CancelScope::after(1);
            let group = TaskGroup::scope(async |tg| {
                let noting = log.clone();
                tg.spawn(finally(pending::<()>(), async move {
                    sleep(5).await;
                    noting.put(format!("child at {}", at()));
                }));
                sleep(9).await;
                Ok(())
            });
            let out = scope.run(group).await;
            (out.is_none(), scope.cancelled_caught(), at())
        },
        "child at 6.0",
        r#"(true, true, "6.0")"#,
    );
}

#[test]
fn a_scope_inside_a_shield_inside_a_cancelled_scope_ends_at_its_own_deadline() {
    run(async {
        let outer = cancelled_scope();
        let out = outer.run(async {
            let bounded = shield(async {
                let inner = CancelScope::after(2);
                (inner.run(sleep(9)).await, inner.cancelled_caught())
            });
            let out = bounded.await;
            assert_eq!((out, at().as_str()), ((None, true), "2.0"));
            sleep(9).await;
        });
        assert_eq!(
            (out.await, outer.cancelled_caught(), time()),
            (None, true, 2.0)
        );
    });
}

#[test]
fn branches_in_a_cancelled_scope_are_each_cancelled_again() {
    run_any_order(async || {
        let log = Log::default();
        let scope = CancelScope::after(1);
        let branches = (0..3).map(|n| {
            let log = log.clone();
            async move {
                for round in 0..n {
                    assert!(caught(sleep(9)).await.is_err());
                    log.put(format!("{n}.{round}"));
                }
            }
        });
        let out = scope.run(branches.gather()).await;
        let mut seen: Vec<String> = log.all().split(',').map(str::to_owned).collect();
        seen.sort();
        assert_eq!((seen.join(" "), at()), ("1.0 2.0 2.1".into(), "1.0".into()));
        // Nobody was ended: all have absorbed what they were asked.
        assert!(out.is_some() && !scope.cancelled_caught());
    });
}

#[test]
fn clean_up_in_a_cancelled_scope_is_awaited_where_it_is_shielded() {
    check(
        async |log| {
            let scope = CancelScope::after(1);
            let out = scope.run(async {
                with(Conn(log.clone()), async |_| sleep(9).await).await;
                log.put("never");
            });
            (out.await, at())
        },
        "closing,closed",
        r#"(None, "1.5")"#,
    );
    check(
        async |log| {
            let scope = CancelScope::after(1);
            let out = scope.run(async {
                assert!(caught(sleep(9)).await.is_err());
                log.put("begins");
                sleep(1).await;
                log.put("never");
            });
            (out.await, at())
        },
        "begins",
        r#"(None, "1.0")"#,
    );
}

#[test]
fn scopes_and_timeouts_keep_their_requests_apart() {
    run_any_order(async || {
        // Of two that strike together the outer scope goes first; to a timeout, what the scope
        // inside it ends with is a value that is there in time.
        let scope = CancelScope::after(1);
        assert_eq!(timeout(1, scope.run(sleep(9))).await, Ok(None));
        assert!(scope.cancelled_caught());
        let scope = CancelScope::after(1);
        assert_eq!(scope.run(timeout(1, sleep(9))).await, None);
        assert!(scope.cancelled_caught());
        // And one after the other.
        let scope = CancelScope::after(2);
        assert_eq!(
            scope.run(timeout(1, sleep(9))).await.map(|t| t.is_err()),
            Some(true)
        );
        let scope = CancelScope::after(1);
        assert_eq!(timeout(2, scope.run(sleep(9))).await, Ok(None));
        // The timeout strikes during the clean-up of the scope.
        let scope = CancelScope::after(1);
        let slow = scope.run(finally(sleep(9), sleep(5)));
        assert!(timeout(2, slow).await.is_err());
        assert!(scope.cancel_called() && !scope.cancelled_caught());
        // A request that is kept over an await survives the scope.
        let scope = CancelScope::after(2);
        let kept = async {
            let cancelled = catch(sleep(9))
                .await
                .expect_err("the timeout strikes")
                .keep();
            sleep(9).await;
            cancelled.raise().await
        };
        let out: Result<Option<()>, _> = timeout(1, scope.run(kept)).await;
        assert!(out.is_err());
        assert_eq!(aioli_task::current().cancelling(), 0);
    });
}

#[test]
fn a_race_in_a_cancelled_scope_goes_with_it() {
    run(async {
        let scope = CancelScope::new();
        let racers = race((scope.run(pending::<()>()), async {
            sleep(1).await;
            scope.cancel();
            sleep(1).await;
        }));
        assert!(matches!(racers.await, Of2::A(None)));
        // The loser is a scope: it is left, and its clean-up is awaited.
        let scope = CancelScope::after(9);
        let slow = scope.run(finally(sleep(9), sleep(1)));
        assert!(matches!(race((slow, sleep(1))).await, Of2::B(())));
        assert_eq!((scope.cancelled_caught(), at().as_str()), (false, "3.0"));
        assert_eq!(
            move_on_after(1, cancelled_scope().run(sleep(9))).await,
            Some(None)
        );
    });
}

#[test]
fn a_generator_in_a_cancelled_scope_is_cancelled_with_its_consumer() {
    check(
        async |log| {
            let scope = CancelScope::after(1);
            let noting = log.clone();
            let items = generator(async move |y| {
                let out = catch(async {
                    y.put(1).await;
                    sleep(9).await;
                });
                let cancelled = out.await.expect_err("it is cancelled");
                noting.put(format!("generator at {}", at()));
                cancelled.raise().await
            });
            let out = scope.run(items.for_each(async |item| log.put(format!("{item}"))));
            (out.await, scope.cancelled_caught())
        },
        "1,generator at 1.0",
        "(None, true)",
    );
}

#[test]
fn a_scope_whose_future_is_dropped_is_left() {
    run(async {
        let scope = CancelScope::after(5);
        let mut inside = Box::pin(scope.run(pending::<()>()));
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(inside.as_mut().poll(&mut cx), Poll::Pending);
        drop(inside);
        sleep(9).await;
        assert!(!scope.cancel_called());
        assert_eq!(current_effective_deadline(), None);
        assert_eq!(aioli_time::stats().pending, 0);
        // And when it is done, though it is still there.
        let scope = CancelScope::after(5);
        let mut inside = Box::pin(scope.run(checkpoint()));
        assert_eq!(inside.as_mut().await, Some(()));
        sleep(9).await;
        assert!(!scope.cancel_called());
    });
}

#[test]
fn a_timeout_is_no_deadline_of_a_scope() {
    run(async {
        let scope = CancelScope::after(5);
        let inside = timeout(2, timeout(9, async { current_effective_deadline() }));
        assert_eq!(inside.await, Ok(Ok(None)));
        let inside = scope.run(timeout(2, async { current_effective_deadline() }));
        assert_eq!(timeout(1, inside).await, Ok(Some(Ok(scope.deadline()))));
    });
}

#[test]
fn a_scope_that_moves_into_another_one_hears_of_it() {
    run(async {
        let inner = CancelScope::after(9);
        let look = inner.run(async {
            checkpoint().await;
            let seen = current_effective_deadline();
            sleep(9).await;
            seen
        });
        let mut look = Box::pin(look);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(look.as_mut().poll(&mut cx).is_pending());
        let outer = CancelScope::after(1);
        assert_eq!(outer.run(look).await, None);
        assert_eq!(
            (outer.cancelled_caught(), inner.cancelled_caught()),
            (true, false)
        );
    });
}

#[test]
fn what_is_rearmed_at_a_scope_strikes_inside() {
    run(async {
        let scope = CancelScope::new();
        let out = timeout(
            1,
            scope.run(async {
                let out = catch(sleep(9)).await;
                rearm(out.expect_err("the timeout strikes"));
                "no more suspension"
            }),
        );
        assert_eq!(out.await, Ok(Some("no more suspension")));
        assert!(!scope.cancel_called());
    });
}

#[test]
fn tasks_that_are_spawned_in_a_scope_are_not_in_it() {
    run(async {
        let scope = cancelled_scope();
        let task = scope.run(async { Some(spawn(sleep(2))) }).await;
        task.flatten().expect("spawning is no suspension").await;
        assert_eq!(time(), 2.0);
    });
}

#[test]
fn a_scope_needs_no_loop_of_ours() {
    let scope = CancelScope::after(secs(3600));
    let handle = scope.clone();
    let out = block_on(scope.run(async {
        let thread = std::thread::spawn(move || handle.cancel());
        pending::<()>().await;
        drop(thread);
    }));
    assert_eq!((out, scope.cancelled_caught()), (None, true));
    let tokio = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let scope = CancelScope::after(secs(3600));
    let inside = scope.run(gather((pending::<()>(), checkpoint())));
    let task = tokio.spawn(inside);
    scope.cancel();
    assert_eq!(tokio.block_on(task).unwrap(), None);
    let late = CancelScope::after(std::time::Duration::from_millis(1));
    assert_eq!(smol::block_on(late.run(pending::<()>())), None);
}

/// A branch that absorbs what it is asked does not keep the loop awake while another one cleans up
/// behind a shield.
#[test]
fn two_cancelled_scopes_wait_for_a_clean_up_without_spinning() {
    run(async {
        let (outer, inner) = (CancelScope::after(1), CancelScope::after(1));
        let absorbing = inner.run(async {
            for _ in 0..3 {
                assert!(caught(pending::<()>()).await.is_err());
            }
            pending::<()>().await;
        });
        let out = outer.run(gather((finally(pending::<()>(), sleep(5)), absorbing)));
        assert!(out.await.is_none());
        assert_eq!((outer.cancelled_caught(), at().as_str()), (true, "6.0"));
        assert!(!inner.cancelled_caught());
    });
}

#[test]
fn nested_scopes_grow_by_a_fixed_size() {
    let scopes = [(); 4].map(|()| CancelScope::new());
    let [a, b, c, d] = &scopes;
    let (one, four) = (
        std::mem::size_of_val(&a.run(pending::<()>())),
        std::mem::size_of_val(&b.run(c.run(d.run(CancelScope::new().run(pending::<()>()))))),
    );
    assert!(four <= 4 * one + 64, "{one} {four}");
    println!("a cancel scope takes {one} bytes");
}
