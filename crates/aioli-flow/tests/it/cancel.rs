//! Cancellation of tasks, and the clean-up that it awaits.

use aioli_flow::{Gather, finally, timeout, with};
use aioli_sync::Queue;
use aioli_task::{current, shield, spawn};
use aioli_time::sleep;

use crate::{Conn, Log, at, caught, check, run_any_order};

#[test]
fn an_async_exit_is_awaited_on_cancellation() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            with(Conn(own.clone()), async |_| {
                own.put("body");
                sleep(100).await;
                own.put("never");
            })
            .await;
            own.put("never");
        });
        sleep(0.1).await;
        task.cancel();
        let result = caught(task).await;
        log.put(at());
        result
    };
    check(body, "body,closing,closed,0.6", "Err(\"cancelled\")");
}

#[test]
fn nested_async_exits_run_innermost_first() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            let inner = async {
                own.put("i1");
                sleep(1).await;
                own.put("i2");
            };
            let outer = async {
                own.put("o1");
                sleep(1).await;
                own.put("o2");
            };
            finally(finally(sleep(9), inner), outer).await;
        });
        sleep(0.1).await;
        task.cancel();
        caught(task).await
    };
    check(body, "i1,i2,o1,o2", "Err(\"cancelled\")");
}

#[test]
fn a_task_that_catches_goes_on_and_returns_a_value() {
    let result = run_any_order(|| async {
        let task = spawn(async {
            match caught(sleep(9)).await {
                Ok(()) => 0,
                Err(_) => {
                    sleep(1).await;
                    42
                }
            }
        });
        sleep(0.1).await;
        task.cancel();
        task.await
    });
    assert_eq!(result, 42);
}

#[test]
fn a_task_cancelled_before_it_starts_never_runs() {
    let body = |log: Log| async move {
        let task = spawn(async move { log.put("ran") });
        task.cancel();
        caught(task).await
    };
    check(body, "", "Err(\"cancelled\")");
}

#[test]
fn a_value_returned_after_cancelling_oneself_is_kept() {
    let body = |_| async move {
        let task = spawn(async {
            current().cancel();
            12
        });
        caught(task).await
    };
    check(body, "", "Ok(12)");
}

#[test]
fn cancelling_oneself_takes_effect_at_the_next_await() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            current().cancel();
            own.put("still running");
            sleep(100).await;
            own.put("never");
        });
        let result = caught(task).await;
        (result, at())
    };
    check(body, "still running", "(Err(\"cancelled\"), \"0.0\")");
}

#[test]
fn cancelling_the_awaiter_cancels_the_awaited_task() {
    let body = |log: Log| async move {
        let inner = spawn(async move {
            let cleanup = async {
                sleep(1).await;
                log.put("inner clean");
            };
            finally(sleep(9), cleanup).await;
        });
        let outer = spawn(inner);
        sleep(0.1).await;
        outer.cancel();
        let result = caught(outer).await;
        (result, at())
    };
    check(body, "inner clean", "(Err(\"cancelled\"), \"1.1\")");
}

#[test]
fn awaiting_a_task_that_others_cancelled_unwinds_the_awaiter() {
    let result = run_any_order(|| async {
        let a = spawn(sleep(9));
        a.cancel();
        let b = spawn(async move {
            a.await;
            1
        });
        caught(b).await
    });
    assert_eq!(result, Err("cancelled"));
}

#[test]
fn a_shield_delivers_right_after() {
    let body = |log: Log| async move {
        let task = spawn(async move {
            shield(async {
                sleep(1).await;
                log.put("done");
            })
            .await;
            sleep(9).await;
            log.put("never");
        });
        sleep(0.1).await;
        task.cancel();
        let result = caught(task).await;
        (result, at())
    };
    check(body, "done", "(Err(\"cancelled\"), \"1.0\")");
}

#[test]
fn every_branch_of_a_gather_cleans_up() {
    let body = |log: Log| async move {
        let task = spawn(async move {
            let branch = |i| {
                let log = log.clone();
                finally(sleep(9), async move {
                    sleep(i).await;
                    log.put(format!("c{i}"));
                })
            };
            (1..4).map(branch).gather().await;
        });
        sleep(0.1).await;
        task.cancel();
        let result = caught(task).await;
        (result, at())
    };
    check(body, "c1,c2,c3", "(Err(\"cancelled\"), \"3.1\")");
}

#[test]
fn a_cancelled_getter_does_not_lose_the_item() {
    let body = |_| async move {
        let queue = Queue::unbounded();
        let (first, second) = (queue.clone(), queue.clone());
        let a = spawn(async move { first.get().await });
        let b = spawn(async move { second.get().await });
        sleep(0).await;
        queue.try_put(1).expect("the queue is unbounded");
        a.cancel();
        (
            caught(a).await.is_err(),
            b.await.expect("the queue is open"),
        )
    };
    check(body, "", "(true, 1)");
}

#[test]
fn the_end_of_run_cancels_what_is_left_and_waits_for_its_clean_up() {
    let body = |log: Log| async move {
        let cleanup = async move {
            sleep(1).await;
            log.put("late clean");
        };
        drop(spawn(async move { finally(sleep(99), cleanup).await }));
        sleep(0).await;
        5
    };
    check(body, "late clean", "5");
}

#[test]
fn a_second_request_does_not_cut_a_shielded_clean_up_short() {
    let body = |log: Log| async move {
        let cleanup = async move {
            log.put("a");
            sleep(1).await;
            log.put("b");
        };
        let task = spawn(async move { finally(sleep(9), cleanup).await });
        sleep(0.1).await;
        task.cancel();
        sleep(0.1).await;
        task.cancel();
        let result = caught(task).await;
        (result, at())
    };
    check(body, "a,b", "(Err(\"cancelled\"), \"1.1\")");
}

#[test]
fn guards_of_the_dropped_frames_run_before_the_async_clean_up() {
    struct Guard(Log);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.put("guard");
        }
    }
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            let guard = Guard(own.clone());
            let body = async move {
                let _guard = guard;
                sleep(9).await;
            };
            finally(body, async { own.put("async") }).await;
        });
        sleep(0.1).await;
        task.cancel();
        caught(task).await
    };
    check(body, "guard,async", "Err(\"cancelled\")");
}

#[test]
fn a_timeout_returns_the_value_of_a_body_that_suppresses() {
    let result = run_any_order(|| async {
        let body = async {
            match caught(sleep(9)).await {
                Ok(()) => 0,
                Err(_) => 42,
            }
        };
        timeout(0.1, body).await
    });
    assert_eq!(result, Ok(42));
}

#[test]
fn the_request_count_is_back_at_its_entry_value() {
    run_any_order(|| async {
        let before = current().cancelling();
        let late = timeout(0.1, finally(sleep(9), sleep(1))).await;
        assert!(late.is_err());
        assert_eq!(current().cancelling(), before);
    });
}
