//! Timeouts: whose request it is, and what a body may still return.

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn, ready};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use aioli_flow::{
    Elapsed, RescheduleError, TimeoutScope, finally, move_on_after, shield_for, timeout,
    timeout_at, timeout_scope, wait_up_to,
};
use aioli_sync::Queue;
use aioli_task::testing::counts;
use aioli_task::{Exit, Runner, Stop, catch, current, exit, now, shield, spawn, yield_now};
use aioli_time::{Deadline, sleep};
use futures::future::{self, LocalBoxFuture};
use futures::stream::{self, FuturesUnordered, StreamExt};

use crate::{Log, at, caught, check, run, run_any_order, secs, virtual_clock};

#[test]
fn a_timeout_waits_for_the_clean_up() {
    let body = |log: Log| async move {
        let cleanup = async {
            sleep(0.5).await;
            log.put("clean");
        };
        let out = timeout(0.1, finally(sleep(9), cleanup)).await;
        (out, at())
    };
    check(body, "clean", "(Err(Elapsed), \"0.6\")");
}

#[test]
fn a_result_that_is_ready_at_the_deadline_is_kept() {
    let out = run_any_order(|| async {
        let slept = timeout(1, sleep(1)).await;
        let queue = Queue::unbounded();
        let producer = spawn({
            let queue = queue.clone();
            async move {
                sleep(1).await;
                queue.try_put(7).expect("the queue is unbounded");
            }
        });
        yield_now().await;
        let item = timeout(1, queue.get()).await;
        producer.await;
        // Put and deadline are due in the same pass: the item is here or there.
        (slept, item.is_ok() != (queue.try_get().is_ok()))
    });
    assert_eq!(out, (Ok(()), true));
}

#[test]
fn no_time_at_all_is_one_poll() {
    for none in [0, -1] {
        let body = |log: Log| async move {
            assert_eq!(timeout(none, ready(7)).await, Ok(7));
            let done = spawn(async { 8 });
            yield_now().await;
            assert_eq!(timeout(none, done).await, Ok(8));
            let task = spawn(async move { finally(sleep(9), async { log.put("clean") }).await });
            yield_now().await;
            let handle = task.handle();
            (timeout(none, task).await, handle.is_cancelled(), at())
        };
        check(body, "clean", "(Err(Elapsed), true, \"0.0\")");
    }
}

#[test]
fn an_infinite_time_never_ends() {
    run_any_order(|| async {
        assert_eq!(timeout(f64::INFINITY, async { 123 }).await, Ok(123));
        assert_eq!(timeout(f64::INFINITY, sleep(1e9)).await, Ok(()));
        assert_eq!(timeout_at(Deadline::NEVER, sleep(1)).await, Ok(()));
    });
}

#[test]
fn a_future_that_is_ready_at_once_sets_no_timer() {
    run(async {
        assert_eq!(timeout(10, ready(1)).await, Ok(1));
        assert_eq!(move_on_after(10, ready(1)).await, Some(1));
        assert_eq!(aioli_time::stats().pending, 0);
        assert!(timeout(1, pending::<()>()).await.is_err());
        assert_eq!(timeout(5, sleep(1)).await, Ok(()));
        assert_eq!(aioli_time::stats().pending, 0);
    });
}

#[test]
fn of_nested_timeouts_the_outer_one_wins() {
    let body = |log: Log| async move {
        let inner = async {
            let out = timeout(1, sleep(9)).await;
            log.put("never");
            out
        };
        let out = timeout(0.1, inner).await;
        (out.is_err(), at())
    };
    check(body, "", "(true, \"0.1\")");
}

#[test]
fn the_outer_timeout_expires_while_the_inner_one_cleans_up() {
    let body = |log: Log| async move {
        let body = async {
            let inner = timeout(1, finally(sleep(9), sleep(5))).await;
            log.put(format!("never: {inner:?}"));
            sleep(1000).await;
        };
        let out = timeout(2, body).await;
        (out, at(), current().cancelling())
    };
    check(body, "", "(Err(Elapsed), \"6.0\", 0)");
}

#[test]
fn a_request_from_outside_is_no_timeout() {
    for cancel_at in [0.1, 1.5] {
        let out = run_any_order(|| async move {
            let task = spawn(async { timeout(1, finally(sleep(9), sleep(1))).await });
            sleep(cancel_at).await;
            task.cancel();
            (caught(task).await, at())
        });
        assert_eq!(out.0, Err("cancelled"));
        assert_eq!(out.1, if cancel_at < 1.0 { "1.1" } else { "2.0" });
    }
}

#[test]
fn a_body_that_ignores_the_request_is_waited_for() {
    let out = run_any_order(|| async {
        let stubborn = async {
            let _ = catch(sleep(9)).await;
            sleep(0.2).await;
            "ignored"
        };
        (timeout(0.1, stubborn).await, at())
    });
    assert_eq!(out, (Ok("ignored"), "0.3".into()));
}

#[test]
fn an_awaited_task_is_cancelled_and_waited_for() {
    let body = |log: Log| async move {
        let task = spawn(async move {
            let cleanup = async {
                yield_now().await;
                log.put("clean");
            };
            finally(sleep(9), cleanup).await;
        });
        let handle = task.handle();
        let out = timeout(0.1, task).await;
        (out, handle.is_cancelled(), at())
    };
    check(body, "clean", "(Err(Elapsed), true, \"0.1\")");
}

#[test]
fn a_shielded_task_runs_on() {
    let out = run_any_order(|| async {
        let task = spawn(async {
            sleep(0.1).await;
            "done"
        });
        let handle = task.handle();
        let out = timeout(0.01, task.shielded()).await;
        let was_done = handle.is_done();
        handle.done().await;
        (out, was_done, handle.is_cancelled(), at())
    });
    assert_eq!(out, (Err(Elapsed), false, false, "0.1".into()));
}

#[test]
fn a_shield_holds_up_the_timeout() {
    let out = run_any_order(|| async { (timeout(1, shield(sleep(3))).await, at()) });
    assert_eq!(out, (Ok(()), "3.0".into()));
}

#[test]
fn waiting_up_to_a_time_asks_nobody() {
    let body = |log: Log| async move {
        let mut task = spawn(async move {
            finally(sleep(3), async { log.put("done") }).await;
            7
        });
        assert_eq!(wait_up_to(1, &mut task).await, None);
        assert_eq!(wait_up_to(0, &mut task).await, None);
        assert_eq!(wait_up_to(5, &mut task).await, Some(7));
        at()
    };
    check(body, "done", "\"3.0\"");
}

#[test]
fn waiting_up_to_a_time_passes_requests_to_what_is_inside() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            let mut job = Box::pin(finally(sleep(99), async move { own.put("clean") }));
            wait_up_to(50, &mut job).await
        });
        sleep(1).await;
        task.cancel();
        let out = caught(task).await;
        (out, at())
    };
    check(body, "clean", "(Err(\"cancelled\"), \"1.0\")");
}

#[test]
fn moving_on_gives_nothing() {
    let out = run_any_order(|| async {
        (
            move_on_after(1, sleep(2)).await,
            move_on_after(1, ready(3)).await,
        )
    });
    assert_eq!(out, (None, Some(3)));
}

#[test]
fn a_scope_can_be_moved_from_inside_and_from_elsewhere() {
    let out = run_any_order(|| async {
        let begin = now();
        let scope = Rc::new(RefCell::new(None::<TimeoutScope>));
        let slot = scope.clone();
        let task = spawn(async move {
            timeout_scope(1, async |t| {
                slot.replace(Some(t));
                sleep(1000).await;
            })
            .await
        });
        sleep(0.5).await;
        let handle = scope.take().expect("the scope is entered");
        assert_eq!(handle.when(), Some(begin + secs(1)));
        handle.reschedule(30).expect("it is active");
        assert_eq!(
            handle.when(),
            Some(begin + std::time::Duration::from_millis(30_500))
        );
        sleep(10).await;
        handle.reschedule_at(None).expect("it is active");
        assert_eq!((handle.when(), handle.expired()), (None, false));
        sleep(100).await;
        handle.reschedule(2).expect("it is active");
        let out = task.await;
        assert_eq!(handle.reschedule(1), Err(RescheduleError::Expired));
        (out, handle.expired(), at())
    });
    assert_eq!(out, (Err(Elapsed), true, "112.5".into()));
}

#[test]
fn a_scope_without_its_deadline_passes_a_request_on() {
    let out = run_any_order(|| async {
        let kept = Rc::new(RefCell::new(None::<TimeoutScope>));
        let slot = kept.clone();
        let task = spawn(async move {
            let body = async |t: TimeoutScope| {
                t.reschedule(f64::INFINITY).expect("it is active");
                slot.replace(Some(t));
                sleep(1000).await;
            };
            timeout_scope(1, body).await
        });
        sleep(10).await;
        task.cancel();
        let out = caught(task).await;
        let scope = kept.take().expect("the scope was entered");
        (out, scope.expired(), scope.reschedule(1))
    });
    assert_eq!(
        out,
        (Err("cancelled"), false, Err(RescheduleError::Finished))
    );
}

#[test]
fn a_scope_names_its_state_when_it_cannot_be_moved() {
    run_any_order(|| async {
        let mut kept = None;
        let out = timeout_scope(1, async |t| {
            kept = Some(t.clone());
            let cleanup = async {
                assert!(t.expired());
                assert_eq!(t.reschedule(1), Err(RescheduleError::Expiring));
            };
            finally(sleep(9), cleanup).await;
        });
        assert_eq!(out.await, Err(Elapsed));
        let scope = kept.expect("the body ran");
        assert_eq!(scope.reschedule(1), Err(RescheduleError::Expired));
        let mut kept = None;
        let out = timeout_scope(10, async |t| kept = Some(t)).await;
        let scope = kept.expect("the body ran");
        assert_eq!((out, scope.expired()), (Ok(()), false));
        assert_eq!(scope.reschedule(1), Err(RescheduleError::Finished));
    });
}

#[test]
fn a_scope_whose_deadline_is_past_ends_at_the_first_suspension() {
    let body = |log: Log| async move {
        sleep(20).await;
        let past = now() - secs(11);
        let out = timeout_scope(100, async |t| {
            t.reschedule_at(past).expect("it is active");
            log.put("before");
            sleep(0).await;
            log.put("never");
        })
        .await;
        let now = timeout_scope(0, async |_| sleep(0).await).await;
        (out, now, at())
    };
    check(body, "before", "(Err(Elapsed), Err(Elapsed), \"20.0\")");
}

#[test]
fn a_scope_in_a_clean_up_has_its_own_deadline() {
    let body = |log: Log| async move {
        let cleanup = async {
            let inner = timeout(0.01, sleep(10)).await;
            log.put(format!("{inner:?}"));
        };
        let out = timeout(1, finally(sleep(9), cleanup)).await;
        (out, at())
    };
    check(body, "Err(Elapsed)", "(Err(Elapsed), \"1.0\")");
}

#[test]
fn a_block_that_holds_the_thread_ends_with_the_outer_of_two_scopes() {
    let ms = std::time::Duration::from_millis;
    let mut runner = Runner::new();
    let run = runner.run(async {
        let outer = timeout_scope(ms(2), async |_| {
            timeout_scope(ms(100), async |_| {
                std::thread::sleep(ms(10));
                sleep(0).await;
            })
            .await
        });
        outer.await
    });
    assert_eq!(run.expect("main is not stopped"), Err(Elapsed));
}

#[test]
fn a_shield_with_a_budget_gives_up() {
    let reports = Rc::new(RefCell::new(Vec::new()));
    let seen = reports.clone();
    let on_error = move |report: &aioli_task::Report| seen.borrow_mut().push(report.to_string());
    let mut runner = virtual_clock().on_error(on_error).build();
    let out = runner.run(async {
        let task = spawn(async {
            let short = shield_for(5, async {
                sleep(1).await;
                1
            });
            let short = short.await;
            let long = shield_for(5, sleep(100)).await;
            assert_eq!((short, long), (Ok(1), Err(Elapsed)));
            sleep(100).await;
        });
        sleep(2).await;
        task.cancel();
        (caught(task).await, at())
    });
    assert_eq!(
        out.expect("main is not stopped"),
        (Err("cancelled"), "6.0".into())
    );
    assert_eq!(reports.borrow().len(), 1);
    assert!(reports.borrow()[0].contains("budget"));
}

/// Panics at one of its polls, with a handler inside that is linked by then.
async fn fails_at_poll(number: usize) {
    let mut inner = pin!(catch(pending::<()>()));
    let mut polls = 0;
    poll_fn(|cx| {
        assert!(inner.as_mut().poll(cx).is_pending());
        polls += 1;
        assert!(polls < number, "enough");
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    })
    .await;
}

#[test]
fn a_panic_passes_a_timeout_and_leaves_no_handler() {
    for number in [1, 2, 3] {
        run(async {
            let failed = exit(timeout(1, fails_at_poll(number))).await;
            assert!(matches!(failed, Exit::Panicked(_)), "{failed:?}");
            assert_eq!(counts().handlers, 0);
            assert_eq!(aioli_time::stats().pending, 0);
        });
        let task = run(async { spawn(timeout(1, fails_at_poll(number))).outcome().await });
        assert!(matches!(task, Err(Stop::Panicked(_))), "{task:?}");
    }
}

#[test]
fn a_timeout_holds_its_body_once() {
    let data = [0_u8; 1000];
    let body = async move {
        sleep(1).await;
        std::hint::black_box(data)
    };
    let size = size_of_val(&body);
    let bounded = timeout(1, body);
    assert!(size_of_val(&bounded) < size + 200);
}

#[test]
fn a_timeout_is_no_handler_until_it_has_one_inside() {
    run(async {
        let plain = spawn(timeout(9, timeout(8, sleep(7))));
        yield_now().await;
        assert_eq!(counts().handlers, 0);
        let scope = spawn(timeout(9, finally(sleep(7), async {})));
        yield_now().await;
        assert_eq!(counts().handlers, 2);
        plain.cancel();
        scope.cancel();
        for task in [plain.outcome().await.err(), scope.outcome().await.err()] {
            assert!(matches!(task, Some(Stop::Cancelled(_))), "{task:?}");
        }
        assert_eq!((counts().handlers, aioli_time::stats().pending), (0, 0));
    });
}

#[test]
fn a_request_that_another_branch_absorbs_leaves_a_timeout_alone() {
    let ended = run_any_order(|| async {
        let task = spawn(async {
            let timed = timeout(2, async {
                sleep(1).await;
                "slept"
            });
            futures::join!(timed, async { catch(pending::<()>()).await.is_err() })
        });
        sleep(0.5).await;
        task.cancel();
        task.await
    });
    assert_eq!(ended, (Ok("slept"), true));
}

#[test]
fn a_timeout_stays_a_handler_when_those_inside_have_left() {
    let ended = run_any_order(|| async {
        let task = spawn(async {
            let timed = timeout(3, async {
                finally(sleep(1), async {}).await;
                sleep(1).await;
                "slept"
            });
            futures::join!(catch(timed), async {
                catch(pending::<()>()).await.is_err()
            })
        });
        sleep(1.5).await;
        task.cancel();
        let (timed, other) = task.await;
        (timed.is_err(), other)
    });
    assert_eq!(ended, (true, true));
}

/// Several timeouts in one task, polled by code that knows nothing of handlers. Some have handlers
/// inside from the beginning, some get them later, some lose them, and some never have any.
async fn timeouts_in_foreign_code(which: usize, log: &Log) {
    let cleaned = |name| async move { log.put(name) };
    let plain = Box::pin(async { timeout(9, sleep(4)).await.is_ok() });
    let clean = Box::pin(async { timeout(9, finally(sleep(3), cleaned("a"))).await.is_ok() });
    let late = Box::pin(async {
        let body = async {
            sleep(1).await;
            finally(sleep(1), cleaned("b")).await;
            sleep(1).await;
        };
        timeout(9, timeout(8, body)).await.is_ok()
    });
    let short = Box::pin(async { timeout(2, finally(sleep(9), cleaned("c"))).await.is_ok() });
    match which {
        0 => drop(futures::join!(plain, clean, late, short)),
        1 => {
            let first = future::select(plain, clean);
            drop(future::join3(first, late, short).await);
        }
        2 => {
            let all: [LocalBoxFuture<'_, bool>; 4] = [plain, clean, late, short];
            let mut all: FuturesUnordered<_> = all.into_iter().collect();
            while all.next().await.is_some() {}
        }
        _ => {
            let all: [LocalBoxFuture<'_, bool>; 4] = [plain, clean, late, short];
            let mut all = stream::iter(all).buffered(2);
            while all.next().await.is_some() {}
        }
    }
}

#[test]
fn no_request_is_lost_in_timeouts_that_foreign_code_polls() {
    for which in 0..4 {
        for half_seconds in 0..8 {
            let ended = run_any_order(|| async move {
                let log = Log::default();
                let task = spawn({
                    let log = log.clone();
                    async move { timeouts_in_foreign_code(which, &log).await }
                });
                sleep(f64::from(half_seconds) * 0.5).await;
                yield_now().await;
                let asked = task.cancel();
                let ended = task.outcome().await;
                assert_eq!((counts().handlers, aioli_time::stats().pending), (0, 0));
                (asked, matches!(ended, Err(Stop::Cancelled(_))), log.all())
            });
            assert_eq!(ended.0, ended.1, "{which} {half_seconds} {ended:?}");
        }
    }
}
