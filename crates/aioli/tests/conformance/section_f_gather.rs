//! Section F: gather.

use std::cell::RefCell;
use std::future::{Ready, poll_fn};
use std::pin::Pin;
use std::rc::Rc;

use aioli_flow::{Gather, TaskGroup, TryGather, finally, gather, promise, try_gather};
use aioli_task::{SpawnAll, Stop, Task, catch, current, spawn, time};
use aioli_time::sleep;

use crate::support::{
    Log, ValueError, ZeroDivision, cancelled, forever, in_any_order, in_order, message, noted,
    passes, settle,
};

/// Gives `value` after so many seconds.
async fn after<T>(seconds: f64, value: T) -> T {
    sleep(seconds).await;
    value
}

#[test]
fn c086_results_in_argument_order() {
    in_any_order(async || {
        let log = Log::default();
        let child = async |name: &'static str, seconds: f64| {
            sleep(seconds).await;
            log.put(name);
            name
        };
        let all = gather((child("a", 0.2), child("b", 0.1), child("c", 0.3))).await;
        log.put("gathered");
        assert_eq!(all, ("a", "b", "c"));
        assert_eq!(
            log.timed(),
            ["b at 0.1", "a at 0.2", "c at 0.3", "gathered at 0.3"]
        );

        let children = [("a", 0.2), ("b", 0.1), ("c", 0.3)];
        let all = children
            .map(|(name, seconds)| child(name, seconds))
            .gather()
            .await;
        assert_eq!((all, time()), (vec!["a", "b", "c"], 0.6));

        let tasks = children
            .map(|(name, seconds)| after(seconds, name))
            .spawn_all();
        assert_eq!((tasks.gather().await, time()), (vec!["a", "b", "c"], 0.9));
    });
}

#[test]
fn c087_first_error_at_once_and_the_other_tasks_left_alone() {
    in_any_order(async || {
        let log = Log::default();
        let a = spawn(after(0.05, Ok(1)));
        let b = spawn(after(0.1, Err(ValueError)));
        let noting = log.clone();
        let c = spawn(async move {
            sleep(0.2).await;
            noting.put("c has ended");
            Ok(3)
        });
        let d = spawn(after(9.0, Ok(4)));
        let e = spawn(after(0.2, Err(ValueError)));
        let (c_handle, d_handle, e_handle) = (c.handle(), d.handle(), e.handle());

        let all = [a, b, c, d, e].map(Task::shielded).try_gather().await;
        assert_eq!((all, time()), (Err(ValueError), 0.1));
        settle().await;
        assert!(!c_handle.is_done() && !d_handle.is_done() && !e_handle.is_done());
        d_handle.cancel();
        sleep(0.2).await;
        assert_eq!(log.timed(), ["c has ended at 0.2"]);
        assert!(c_handle.is_done() && !c_handle.is_cancelled());
        assert!(d_handle.is_cancelled());
        assert!(e_handle.is_done() && !e_handle.is_cancelled());
    });
}

/// What runs inside the caller cannot be left alone: it is asked and drained first.
#[test]
fn c087_first_error_after_the_branches_have_cleaned_up() {
    in_any_order(async || {
        let log = Log::default();
        let slow = async {
            let body = after(9.0, Ok(1));
            finally(body, async {
                sleep(0.5).await;
                log.put("cleaned up");
            })
            .await
        };
        let late = async {
            after(9.0, ()).await;
            log.put("never");
            Ok(2)
        };
        let all = try_gather((slow, after(0.1, Err::<u32, _>(ValueError)), late)).await;
        assert_eq!((all, time()), (Err(ValueError), 0.6));
        assert_eq!(log.timed(), ["cleaned up at 0.6"]);
        assert_eq!(current().cancelling(), 0);
    });
}

#[test]
fn c088_child_cancelled_from_outside_is_an_error_of_gather() {
    in_any_order(async || {
        let tasks = [0.2, 9.0, 0.3].map(|seconds| spawn(after(seconds, seconds)));
        let [a, b, c] = tasks.each_ref().map(|task| task.handle());
        let main = current();
        let killer = spawn(async move {
            sleep(0.1).await;
            b.cancel_with("from outside");
        });
        let all = tasks.map(|task| catch(task.shielded())).try_gather().await;
        let cancelled = all.expect_err("one of the children was cancelled");
        assert_eq!(cancelled.reason().message(), Some("from outside"));
        assert_eq!((main.cancelling(), time()), (0, 0.1));
        settle().await;
        assert!(!a.is_done() && !c.is_done());
        sleep(0.3).await;
        assert!(a.is_done() && !a.is_cancelled() && c.is_done() && !c.is_cancelled());
        killer.await;
    });
}

/// Without a `catch` of each child's own the cancellation comes out of gather, for one to catch.
#[test]
fn c088_child_cancelled_from_outside_unwinds_the_awaiter() {
    in_any_order(async || {
        let a = spawn(after(9.0, 1));
        let b = spawn(after(9.0, 2));
        let (a_handle, b_handle) = (a.handle(), b.handle());
        let gathering = spawn(async move {
            let out = catch(gather((a, b))).await;
            let cancelled = out.expect_err("one of the children was cancelled");
            (
                cancelled.reason().message() == Some("from outside"),
                current().cancelling(),
            )
        });
        sleep(0.1).await;
        b_handle.cancel_with("from outside");
        assert_eq!(gathering.await, (true, 0));
        assert_eq!(time(), 0.1);
        assert!(
            a_handle.is_cancelled(),
            "what a branch awaits is asked with the branch"
        );
    });
}

#[test]
fn c089_errors_as_results() {
    in_any_order(async || {
        let a = after(0.3, Ok::<u32, &str>(3));
        let b = after(0.1, Ok::<u32, &str>(1));
        let c = after(0.2, Err::<u32, _>("err1"));
        let d = after(0.4, Err::<u32, _>("err2"));
        let all = gather((a, b, c, d)).await;
        assert_eq!(all, (Ok(3), Ok(1), Err("err1"), Err("err2")));
        assert_eq!(time(), 0.4);
    });
}

#[test]
fn c090_cancelled_children_as_results() {
    in_any_order(async || {
        let children = [
            (0.1, Ok(1)),
            (9.0, Ok(2)),
            (0.2, Err(ValueError)),
            (0.3, Ok(4)),
            (9.0, Ok(5)),
            (0.1, Err(ValueError)),
        ];
        let tasks = children
            .map(|(seconds, value)| after(seconds, value))
            .spawn_all();
        let handles: Vec<_> = tasks.iter().map(|task| task.handle()).collect();
        let killer = spawn(async move {
            sleep(0.1).await;
            handles[4].cancel_with("fifth");
            handles[1].cancel_with("second");
        });
        let all = tasks.into_iter().map(Task::outcome).gather().await;
        let all = all.into_iter().map(|outcome| match outcome {
            Ok(Ok(value)) => value.to_string(),
            Ok(Err(ValueError)) => "ValueError".to_owned(),
            Err(Stop::Cancelled(reason)) => format!("cancelled {:?}", reason.message()),
            Err(other) => other.to_string(),
        });
        let all: Vec<_> = all.collect();
        let expected = [
            "1",
            "cancelled Some(\"second\")",
            "ValueError",
            "4",
            "cancelled Some(\"fifth\")",
            "ValueError",
        ];
        assert_eq!(all, expected);
        assert_eq!((time(), current().cancelling()), (0.3, 0));
        killer.await;
    });
}

#[test]
fn c092_cancelling_the_waiter_cancels_the_children_and_what_they_share() {
    in_any_order(async || {
        let log = Log::default();
        let (promise, promised) = promise::<u32>();
        let shared = Rc::new(RefCell::new(promised));
        let children = [(), ()].map(|()| {
            let shared = shared.clone();
            spawn(poll_fn(move |cx| {
                Pin::new(&mut *shared.borrow_mut()).poll(cx)
            }))
        });
        drop(shared);
        let handles = children.each_ref().map(|child| child.handle());
        let waiter = spawn({
            let log = log.clone();
            let [first, second] = children;
            async move {
                gather((first, second)).await;
                log.put("never");
            }
        });
        settle().await;
        assert!(!promise.is_abandoned());
        assert!(waiter.cancel());
        let waiter_handle = waiter.handle();
        cancelled(waiter).await;
        assert!(handles.iter().all(|child| child.is_cancelled()));
        assert!(promise.is_abandoned());
        assert!(!waiter_handle.cancel() && !handles[0].cancel());
        assert_eq!((log.is_empty(), time()), (true, 0.0));
    });
}

/// Clean-ups of different length are each awaited to their end, shielded or not.
#[test]
fn c092_cancelled_gather_awaits_the_clean_up_of_every_branch() {
    in_any_order(async || {
        let log = Log::default();
        let branch = |name: &'static str, seconds: f64| {
            let log = log.clone();
            async move {
                let out = catch(forever()).await;
                let cancelled = out.expect_err("it never ends by itself");
                sleep(seconds).await;
                log.put(name);
                cancelled.raise().await
            }
        };
        let waiter = spawn(gather((branch("short", 1.0), branch("long", 3.0))));
        settle().await;
        waiter.cancel();
        cancelled(waiter).await;
        assert_eq!(log.timed(), ["short at 1", "long at 3"]);
        assert_eq!(time(), 3.0);
    });
}

#[test]
fn c095_nothing_gathered_is_an_empty_list() {
    in_order(async || {
        let waiter = spawn(async {
            let nothing = Vec::<Ready<u32>>::new();
            let fallible = Vec::<Ready<Result<u32, ValueError>>>::new();
            (nothing.gather().await, fallible.try_gather().await)
        });
        passes(1).await;
        assert!(waiter.is_done(), "neither has suspended");
        assert_eq!(waiter.await, (vec![], Ok(vec![])));
    });
}

#[test]
fn c097_second_error_is_not_reported() {
    in_any_order(async || {
        let first = spawn(after(0.1, Err::<(), _>("first")));
        let second = spawn(after(0.2, Err::<(), _>("second")));
        let all = try_gather((first.shielded(), second.shielded())).await;
        assert_eq!((all, time()), (Err("first"), 0.1));
        sleep(0.5).await;
    });
}

/// A branch that fails while it cleans up, and one that panics then, are not told of either.
#[test]
fn c097_second_failure_of_a_branch_is_not_reported() {
    in_any_order(async || {
        let failing = after(0.1, Err::<(), _>("first"));
        let second = async {
            let _ = catch(forever()).await;
            sleep(0.1).await;
            Err::<(), _>("second")
        };
        assert_eq!(try_gather((failing, second)).await, Err("first"));
        assert_eq!(time(), 0.2);

        let task = spawn(async {
            let failing = async {
                sleep(0.1).await;
                panic!("first");
            };
            let second = async {
                let _ = catch(forever()).await;
                panic!("second");
            };
            gather::<(_, _)>((failing, second)).await
        });
        match task.outcome().await {
            Err(Stop::Panicked(panic)) => assert_eq!(message(&*panic.into_payload()), "first"),
            other => panic!("it was to panic: {:?}", other.err()),
        }
    });
}

#[test]
fn c098_structured_order_kept() {
    in_any_order(async || {
        let children = async |tg: &TaskGroup| {
            let tasks = [("a", 0.2), ("b", 0.1), ("c", 0.3)]
                .map(|(name, seconds)| tg.spawn(after(seconds, Ok::<_, ValueError>(name))));
            Ok(tasks.gather().await)
        };
        let all = TaskGroup::scope(children).await.unwrap();
        assert_eq!((all, time()), (vec!["a", "b", "c"], 0.3));
    });
}

#[test]
fn c098_structured_failure_comes_out_as_a_group_and_cancels_the_siblings() {
    in_any_order(async || {
        let log = Log::default();
        let noting = log.clone();
        let failed = TaskGroup::scope(async |tg| {
            let sibling = tg.spawn(noted(noting, "sibling cancelled", sleep(9)));
            let failing = tg.spawn(after(0.1, Err::<(), _>(ZeroDivision)));
            gather((sibling, failing)).await;
            Ok(())
        });
        let group = failed.await.expect_err("a child fails");
        assert_eq!(
            (group.errors().len(), group.contains::<ZeroDivision>()),
            (1, true)
        );
        assert_eq!(log.timed(), ["sibling cancelled at 0.1"]);
        assert_eq!((time(), current().cancelling()), (0.1, 0));
    });
}
