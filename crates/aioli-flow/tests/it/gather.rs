//! Gathering: order, errors, and what ends in one branch.

use std::cell::RefCell;
use std::rc::Rc;

use aioli_flow::{Gather, TryGather, finally, gather, timeout, try_gather};
use aioli_task::{Stop, catch, spawn};
use aioli_time::sleep;

use crate::{Log, at, caught, check, run, run_any_order};

async fn after<T>(seconds: f64, value: T) -> T {
    sleep(seconds).await;
    value
}

#[test]
fn outputs_are_in_the_order_of_the_arguments() {
    let out = run_any_order(|| async {
        let tuple = gather((after(3.0, 'a'), after(1.0, "b"), after(2.0, 3))).await;
        let vec = [3, 1, 2].map(|n| after(f64::from(n), n)).gather().await;
        (tuple, vec, at())
    });
    assert_eq!(out, (('a', "b", 3), vec![3, 1, 2], "6.0".into()));
}

#[test]
fn a_gather_of_nothing_is_ready_at_once() {
    run_any_order(|| async {
        let none = std::iter::empty::<std::future::Ready<u8>>();
        assert_eq!(none.gather().await, []);
        let none: [std::future::Ready<Result<u8, u8>>; 0] = [];
        assert_eq!(none.try_gather().await, Ok(vec![]));
    });
}

#[test]
fn branches_may_borrow() {
    run(async {
        let text = String::from("shared");
        let seen = RefCell::new(Vec::new());
        let seen_ref = &seen;
        let lengths = (1..=3)
            .map(|n| {
                let text = &text;
                async move {
                    sleep(n).await;
                    seen_ref.borrow_mut().push(n);
                    text.len() + n as usize
                }
            })
            .gather()
            .await;
        assert_eq!((lengths, seen.into_inner()), (vec![7, 8, 9], vec![1, 2, 3]));
    });
}

#[test]
fn all_tuple_lengths_work() {
    run(async {
        let v = |n| async move { n };
        assert_eq!(gather((v(1), v(2))).await, (1, 2));
        assert_eq!(gather((v(1), v(2), v(3))).await, (1, 2, 3));
        assert_eq!(gather((v(1), v(2), v(3), v(4))).await, (1, 2, 3, 4));
        assert_eq!(
            gather((v(1), v(2), v(3), v(4), v(5))).await,
            (1, 2, 3, 4, 5)
        );
        assert_eq!(
            gather((v(1), v(2), v(3), v(4), v(5), v(6))).await,
            (1, 2, 3, 4, 5, 6)
        );
        assert_eq!(
            gather((v(1), v(2), v(3), v(4), v(5), v(6), v(7))).await,
            (1, 2, 3, 4, 5, 6, 7)
        );
        let eight = gather((v(1), v(2), v(3), v(4), v(5), v(6), v(7), v(8))).await;
        assert_eq!(eight, (1, 2, 3, 4, 5, 6, 7, 8));
    });
}

#[test]
fn errors_are_outputs_of_a_plain_gather() {
    let out = run_any_order(|| async {
        let branches = [Ok(3), Err("one"), Ok(1), Err("two")];
        branches.map(|result| after(1.0, result)).gather().await
    });
    assert_eq!(out, [Ok(3), Err("one"), Ok(1), Err("two")]);
}

#[test]
fn the_first_error_asks_the_rest_and_waits_for_their_clean_up() {
    let body = |log: Log| async move {
        let own = log.clone();
        let slow = async move {
            let cleanup = async move {
                sleep(1).await;
                own.put("clean");
            };
            finally(sleep(99), cleanup).await;
            Ok(1)
        };
        let plain = async {
            sleep(99).await;
            Ok(2)
        };
        let out = try_gather((slow, after(1.0, Err::<u8, _>("first")), plain)).await;
        (out, at())
    };
    check(body, "clean", "(Err(\"first\"), \"2.0\")");
    let body = |log: Log| async move {
        let branch = |n: u32| {
            let log = log.clone();
            async move {
                let cleanup = async move { log.put(format!("{n}")) };
                finally(sleep(n), cleanup).await;
                if n == 2 { Err(n) } else { Ok(n) }
            }
        };
        let out = (1..=4).map(branch).try_gather().await;
        (out, at())
    };
    check(body, "1,2,3,4", "(Err(2), \"2.0\")");
}

#[test]
fn try_gather_returns_all_values() {
    run_any_order(|| async {
        let out = try_gather((after(2.0, Ok::<_, ()>('a')), after(1.0, Ok("b")))).await;
        assert_eq!(out, Ok(('a', "b")));
        let out = (1..=3)
            .map(|n| after(1.0, Ok::<_, ()>(n)))
            .try_gather()
            .await;
        assert_eq!(out, Ok(vec![1, 2, 3]));
    });
}

#[test]
fn shielded_tasks_are_left_running_by_a_failed_gather() {
    let out = run_any_order(|| async {
        let (b, c) = (
            spawn(after(1.0, Err::<u8, _>("b"))),
            spawn(after(2.0, Ok(3))),
        );
        let handle = c.handle();
        let out = try_gather((b.shielded(), c.shielded())).await;
        let was_running = !handle.is_done();
        handle.done().await;
        (out, was_running, handle.is_cancelled(), at())
    });
    assert_eq!(out, (Err("b"), true, false, "2.0".into()));
}

#[test]
fn a_branch_that_is_cancelled_by_itself_asks_the_others() {
    let body = |log: Log| async move {
        let victim = spawn(sleep(99));
        let handle = victim.handle();
        let own = log.clone();
        let task = spawn(async move {
            let other = finally(sleep(50), async move {
                sleep(1).await;
                own.put("other clean");
            });
            gather((victim, other)).await;
        });
        sleep(1).await;
        handle.cancel();
        let out = caught(task).await;
        (out, at())
    };
    check(body, "other clean", "(Err(\"cancelled\"), \"2.0\")");
}

#[test]
fn a_request_reaches_each_branch_once() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            let flush = async {
                // Not shielded: a second request would cut it short.
                if catch(sleep(99)).await.is_err() {
                    sleep(3).await;
                    own.put("flushed");
                }
            };
            gather((sleep(98), finally(sleep(97), sleep(1)), flush)).await;
            own.put("never");
        });
        sleep(1).await;
        task.cancel();
        let out = caught(task).await;
        (out, at())
    };
    check(body, "flushed", "(Err(\"cancelled\"), \"4.0\")");
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            let branch = |n: u32| {
                let log = own.clone();
                async move {
                    if n == 1 {
                        return sleep(99).await;
                    }
                    if catch(sleep(99)).await.is_err() {
                        sleep(n).await;
                        log.put(format!("flushed {n}"));
                    }
                }
            };
            (1..=3).map(branch).gather().await;
        });
        sleep(1).await;
        task.cancel();
        let out = caught(task).await;
        (out, at())
    };
    check(body, "flushed 2,flushed 3", "(Err(\"cancelled\"), \"4.0\")");
}

#[test]
fn an_enclosing_timeout_that_expires_while_branches_drain_is_not_lost() {
    let out = run_any_order(|| async {
        let inner = async {
            let slow = async {
                finally(sleep(99), sleep(5)).await;
                Ok::<_, &str>(())
            };
            let out = try_gather((slow, after(1.0, Err::<(), _>("first")))).await;
            assert_eq!(out, Err("first"));
            assert_eq!(at(), "6.0");
            sleep(1000).await;
        };
        let out = timeout(3, inner).await;
        (out.is_err(), at())
    });
    assert_eq!(out, (true, "6.0".into()));
}

#[test]
fn a_panic_in_a_branch_asks_the_others_and_goes_on() {
    let body = |log: Log| async move {
        let task = spawn(async move {
            let other = finally(sleep(50), async move { log.put("other clean") });
            let panics = async {
                sleep(1).await;
                std::panic::panic_any("planned")
            };
            gather((other, panics)).await
        });
        match task.outcome().await {
            Err(Stop::Panicked(panic)) => panic.message().to_owned(),
            _ => unreachable!("it panics"),
        }
    };
    check(body, "other clean", "\"planned\"");
}

#[test]
fn siblings_that_expire_do_not_confuse_each_other() {
    let out = run_any_order(|| async {
        let first = timeout(1, finally(sleep(9), sleep(5)));
        let out = gather((first, timeout(2, sleep(9)))).await;
        (out.0.is_err(), out.1.is_err(), at())
    });
    assert_eq!(out, (true, true, "6.0".into()));
}

#[test]
fn a_dropped_gather_drops_its_branches() {
    run(async {
        let kept = Rc::new(());
        let branches = (0..3).map(|_| {
            let kept = kept.clone();
            async move {
                sleep(9).await;
                drop(kept);
            }
        });
        let mut all = Box::pin(branches.gather());
        assert!(futures::poll!(all.as_mut()).is_pending());
        assert_eq!(Rc::strong_count(&kept), 4);
        drop(all);
        assert_eq!(Rc::strong_count(&kept), 1);
        assert_eq!(aioli_time::stats().pending, 0);
    });
}
