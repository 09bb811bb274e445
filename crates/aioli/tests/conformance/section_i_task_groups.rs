//! Section I: task groups.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use aioli_flow::{BoxError, Gather, Group, TaskGroup, finally};
use aioli_task::{
    ContextVar, ReasonKind, Stop, all_tasks, catch, copy_context, current, spawn, time, yield_now,
};
use aioli_time::sleep;

use crate::support::{
    Log, ValueError, ZeroDivision, cancelled, forever, in_any_order, message, noted, settle,
};

/// Gives `value` after so many seconds.
async fn after<T>(seconds: f64, value: T) -> Result<T, ValueError> {
    sleep(seconds).await;
    Ok(value)
}

/// Fails after so many seconds.
async fn fail_after(seconds: f64) -> Result<(), ZeroDivision> {
    sleep(seconds).await;
    Err(ZeroDivision)
}

/// What the errors of a group say; a group in it stands in brackets.
fn texts(group: &Group) -> Vec<String> {
    let text = |error: &BoxError| match error.downcast_ref::<Group>() {
        Some(inner) => format!("[{}]", texts(inner).join(", ")),
        None => error.to_string(),
    };
    group.errors().iter().map(text).collect()
}

/// What the errors say of a group that must have failed.
#[track_caller]
fn errors<T>(ended: Result<T, Group>) -> Vec<String> {
    match ended {
        Ok(_) => panic!("the group was to fail"),
        Err(group) => texts(&group),
    }
}

#[test]
fn c157_results_are_there_after_the_group() {
    in_any_order(async || {
        for pause in [None, Some(0.05)] {
            let start = time();
            let tasks = TaskGroup::scope(async |tg| {
                let first = tg.spawn(after(0.1, 42));
                if let Some(pause) = pause {
                    sleep(pause).await;
                }
                Ok([first, tg.spawn(after(0.2, 11))])
            });
            let tasks = tasks.await.unwrap();
            assert!(tasks.iter().all(|task| task.is_done()));
            assert_eq!(tasks.gather().await, [42, 11]);
            let expected = 0.2 + pause.unwrap_or_default();
            assert!((time() - start - expected).abs() < 1e-9);
        }
    });
}

#[test]
fn c158_child_cancelled_explicitly() {
    in_any_order(async || {
        let [first, second] = TaskGroup::scope(async |tg| {
            let first = tg.spawn(after(0.1, 42));
            let second = tg.spawn(after(0.2, 11));
            sleep(0.01).await;
            first.cancel();
            Ok([first, second])
        })
        .await
        .unwrap();
        assert_eq!(time(), 0.2);
        assert!(first.is_cancelled());
        assert_eq!(second.await, 11);
    });
}

#[test]
fn c159_child_fails_and_its_sibling_is_cancelled() {
    in_any_order(async || {
        let log = Log::default();
        let run = async || {
            TaskGroup::scope(async |tg| {
                tg.spawn(fail_after(0.1));
                tg.spawn(noted(log.clone(), "sibling cancelled", sleep(1)));
                Ok(())
            })
            .await?;
            log.put("after the group");
            Ok::<_, Group>(())
        };
        assert_eq!(errors(run().await), ["ZeroDivision"]);
        assert_eq!(log.timed(), ["sibling cancelled at 0.1"]);
    });
}

#[test]
fn c160_sibling_and_body_are_cancelled() {
    in_any_order(async || {
        let log = Log::default();
        let ended = TaskGroup::scope(async |tg| {
            for _ in 0..3 {
                tg.spawn(fail_after(0.1));
            }
            let cleaning = log.clone();
            tg.spawn(async move {
                let _ = catch(forever()).await;
                cleaning.put("fails in its clean-up");
                Err::<(), _>(ZeroDivision)
            });
            tg.spawn(noted(log.clone(), "sibling cancelled", sleep(5)));
            noted(log.clone(), "body cancelled", sleep(10)).await;
            log.put("never");
            Ok(())
        });
        assert_eq!(errors(ended.await), ["ZeroDivision", "ZeroDivision"]);
        let seen = [
            "body cancelled",
            "fails in its clean-up",
            "sibling cancelled",
        ];
        assert_eq!(log.sorted(), seen);
        assert_eq!((time(), current().cancelling()), (0.1, 0));
    });
}

/// A task whose group has five sleepers and the given body.
async fn five_sleepers(log: Log, body: impl AsyncFnOnce()) -> Result<(), Group> {
    let ended = TaskGroup::scope(async |tg| {
        for _ in 0..5 {
            tg.spawn(noted(log.clone(), "sleeper cancelled", sleep(10)));
        }
        body().await;
        Ok(())
    });
    let ended = ended.await;
    log.put("never");
    ended
}

#[test]
fn c161_parent_is_cancelled_while_it_waits_at_the_end() {
    in_any_order(async || {
        let log = Log::default();
        let parent = spawn(five_sleepers(log.clone(), async || {}));
        sleep(0.1).await;
        assert!(!parent.is_done());
        parent.cancel_with("by hand");
        assert_eq!(cancelled(parent).await.as_deref(), Some("by hand"));
        assert_eq!(log.names(), ["sleeper cancelled"; 5]);
        assert_eq!(time(), 0.1);
    });
}

#[test]
fn c162_parent_is_cancelled_inside_the_body() {
    in_any_order(async || {
        let log = Log::default();
        let noting = log.clone();
        let body = async || noted(noting, "body cancelled", sleep(10)).await;
        let parent = spawn(five_sleepers(log.clone(), body));
        sleep(0.1).await;
        parent.cancel_with("by hand");
        assert_eq!(cancelled(parent).await.as_deref(), Some("by hand"));
        let counts = (log.count("sleeper cancelled"), log.count("body cancelled"));
        assert_eq!((counts, log.names().len(), time()), ((5, 1), 6, 0.1));
    });
}

#[test]
fn c164_body_fails_after_and_before_a_suspension() {
    in_any_order(async || {
        for suspends in [true, false] {
            let (log, start) = (Log::default(), time());
            let ended = TaskGroup::scope(async |tg| {
                for _ in 0..5 {
                    let log = log.clone();
                    tg.spawn(async move {
                        log.put("started");
                        noted(log, "cancelled", sleep(10)).await;
                    });
                }
                if suspends {
                    sleep(0.1).await;
                }
                Err::<(), BoxError>(ZeroDivision.into())
            });
            assert_eq!(errors(ended.await), ["ZeroDivision"]);
            let expected = if suspends { (5, 5, 0.1) } else { (0, 0, 0.0) };
            let counts = (log.count("started"), log.count("cancelled"), time() - start);
            assert_eq!(counts, expected);
        }
    });
}

#[test]
fn c166_outer_child_fails_while_the_inner_group_runs() {
    in_any_order(async || {
        let log = Log::default();
        let outer = TaskGroup::scope(async |outer| {
            outer.spawn(fail_after(0.1));
            let inner = TaskGroup::scope(async |inner| {
                inner.spawn(noted(
                    log.clone(),
                    "inner child cancelled",
                    fail_after(10.0),
                ));
                Ok(())
            });
            inner.await?;
            Ok(())
        });
        assert_eq!(errors(outer.await), ["ZeroDivision"]);
        assert_eq!(log.timed(), ["inner child cancelled at 0.1"]);
    });
}

#[test]
fn c167_inner_child_fails() {
    in_any_order(async || {
        let log = Log::default();
        let outer = TaskGroup::scope(async |outer| {
            outer.spawn(noted(log.clone(), "outer child cancelled", sleep(10)));
            let inner = TaskGroup::scope(async |inner| {
                inner.spawn(fail_after(0.1));
                Ok(())
            });
            inner.await?;
            Ok(())
        });
        assert_eq!(errors(outer.await), ["[ZeroDivision]"]);
        assert_eq!(log.timed(), ["outer child cancelled at 0.1"]);
    });
}

#[test]
fn c169_group_without_children_and_a_cancelled_body() {
    in_any_order(async || {
        let log = Log::default();
        let noting = log.clone();
        let parent = spawn(async move {
            let ended = TaskGroup::scope(async |_| {
                noted(noting.clone(), "body cancelled", sleep(10)).await;
                Ok(())
            });
            let _ = ended.await;
            noting.put("never");
        });
        sleep(0.1).await;
        parent.cancel();
        cancelled(parent).await;
        assert_eq!(log.timed(), ["body cancelled at 0.1"]);
    });
}

#[test]
fn c171_child_fails_and_the_clean_up_of_the_body_too() {
    in_any_order(async || {
        let ended = TaskGroup::scope(async |tg| {
            tg.spawn(fail_after(0.1));
            if catch(sleep(10)).await.is_err() {
                sleep(0.1).await;
                return Err(ValueError.into());
            }
            Ok(())
        });
        assert_eq!(errors(ended.await), ["ZeroDivision", "ValueError"]);
        assert_eq!((time(), current().cancelling()), (0.2, 0));
    });
}

/// Runs a group in a task of its own, which must panic, and returns the panic's message.
async fn panics<T: 'static>(group: impl Future<Output = Result<T, Group>> + 'static) -> String {
    match spawn(group).outcome().await {
        Err(Stop::Panicked(panic)) => message(&*panic.into_payload()).to_owned(),
        Err(stop) => panic!("it was to panic: {stop}"),
        Ok(_) => panic!("it was to panic"),
    }
}

#[test]
fn c172_child_fails_and_the_clean_up_of_the_body_panics() {
    in_any_order(async || {
        let log = Log::default();
        let noting = log.clone();
        let group = TaskGroup::scope(async move |tg| {
            tg.spawn(fail_after(0.1));
            let cleaned = noting.clone();
            tg.spawn(finally(sleep(10), async move {
                sleep(0.5).await;
                cleaned.put("sibling cleaned up");
            }));
            let _ = catch(sleep(10)).await;
            noting.put("body panics");
            panic!("interrupted");
            #[expect(unreachable_code, reason = "gives the body its type")]
            Ok(())
        });
        assert_eq!(panics(group).await, "interrupted");
        assert_eq!(
            log.timed(),
            ["body panics at 0.1", "sibling cleaned up at 0.6"]
        );
        assert_eq!(time(), 0.6);
    });
}

#[test]
fn c173_child_panics_and_others_fail() {
    in_any_order(async || {
        let log = Log::default();
        let noting = log.clone();
        let group = TaskGroup::scope(async move |tg| {
            tg.spawn(async {
                sleep(0.1).await;
                if time() > 0.0 {
                    panic!("a base error");
                }
            });
            let cleaned = noting.clone();
            tg.spawn(async move {
                let _ = catch(sleep(10)).await;
                sleep(0.5).await;
                cleaned.put("sibling fails");
                Err::<(), _>(ZeroDivision)
            });
            let _ = catch(sleep(10)).await;
            noting.put("body fails");
            Err::<(), BoxError>(ValueError.into())
        });
        assert_eq!(panics(group).await, "a base error");
        assert_eq!(log.timed(), ["body fails at 0.1", "sibling fails at 0.6"]);
    });
}

#[test]
fn c174_finished_children_are_forgotten() {
    in_any_order(async || {
        let group = RefCell::new(None);
        let ended = TaskGroup::scope(async |tg| {
            let mut counts = Vec::new();
            for _ in 0..6 {
                tg.spawn(sleep_a_bit());
                counts.push(tg.len());
                sleep(0.1).await;
            }
            *group.borrow_mut() = Some(tg.clone());
            Ok(counts)
        });
        // Each child lives for two and a half of the body's steps.
        assert_eq!(ended.await.unwrap(), [1, 2, 3, 3, 3, 3]);
        let group = group.into_inner().expect("the body has put it there");
        assert_eq!((group.len(), group.is_empty()), (0, true));
        assert_eq!(time(), 0.75);
    });
}

async fn sleep_a_bit() {
    sleep(0.25).await;
}

#[test]
fn c175_child_adds_siblings_while_the_parent_waits_at_the_end() {
    in_any_order(async || {
        let log = Log::default();
        let ended = TaskGroup::scope(async |tg| {
            let (tg, log) = (tg.clone(), log.clone());
            tg.clone().spawn(async move {
                sleep(0.1).await;
                for name in ["first", "second"] {
                    let log = log.clone();
                    tg.spawn(async move {
                        sleep(0.5).await;
                        log.put(name);
                    });
                }
            });
            Ok(())
        });
        ended.await.unwrap();
        assert_eq!(log.sorted(), ["first", "second"]);
        assert_eq!(time(), 0.6);
    });
}

/// A child that spawns two more of its kind, over and over.
fn spreading(tg: TaskGroup, count: Rc<Cell<u32>>) -> Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async move {
        count.set(count.get() + 1);
        yield_now().await;
        tg.spawn(spreading(tg.clone(), count.clone()));
        tg.spawn(spreading(tg.clone(), count.clone()));
    })
}

#[test]
fn c176_failure_ends_children_that_keep_spawning() {
    in_any_order(async || {
        let count = Rc::new(Cell::new(0));
        let ended = TaskGroup::scope(async |tg| {
            tg.spawn(spreading(tg.clone(), count.clone()));
            let seen = count.clone();
            tg.spawn(async move {
                while seen.get() < 10 {
                    yield_now().await;
                }
                Err::<(), _>(ZeroDivision)
            });
            Ok(())
        });
        assert_eq!(errors(ended.await), ["ZeroDivision"]);
        let at_the_end = count.get();
        assert!(at_the_end >= 10);
        settle().await;
        assert_eq!((count.get(), all_tasks().len()), (at_the_end, 1));
        assert_eq!(time(), 0.0);
    });
}

/// A context is a value: each child runs in a copy of what it is given.
#[test]
fn c177_children_in_a_given_context() {
    static VALUE: ContextVar<u32> = ContextVar::new();
    in_any_order(async || {
        let mut context = copy_context();
        context.run(|| VALUE.set(10));
        let ended = TaskGroup::scope(async |tg| {
            let mut seen = Vec::new();
            for add in [1, 2] {
                let child = async move {
                    VALUE.set(VALUE.get().unwrap_or_default() + add);
                    yield_now().await;
                    Ok::<_, ValueError>(VALUE.get())
                };
                seen.push(context.run(|| tg.spawn(child)).await);
            }
            Ok(seen)
        });
        assert_eq!(ended.await.unwrap(), [Some(11), Some(12)]);
        assert_eq!((context.run(|| VALUE.get()), VALUE.get()), (Some(10), None));
    });
}

#[test]
fn c178_no_new_child_after_a_failure() {
    in_any_order(async || {
        let log = Log::default();
        let ended = TaskGroup::scope(async |tg| {
            tg.spawn(fail_after(0.1));
            let (group, log) = (tg.clone(), log.clone());
            assert!(!tg.is_closing());
            tg.spawn(async move {
                let _ = catch(forever()).await;
                assert!(group.is_closing());
                let (dropped, started) = (log.on_drop("dropped"), log.clone());
                let refused = group.spawn(async move {
                    let _dropped = dropped;
                    started.put("started");
                });
                assert_eq!(log.names(), ["dropped"]);
                cancelled(refused).await;
                log.put("refused");
            });
            Ok(())
        });
        assert_eq!(errors(ended.await), ["ZeroDivision"]);
        assert_eq!(log.timed(), ["dropped at 0.1", "refused at 0.1"]);
    });
}

/// A context manager whose exit fails whatever happened inside.
async fn database(body: impl AsyncFnOnce()) -> Result<(), ValueError> {
    let _ = catch(body()).await;
    Err(ValueError)
}

#[test]
fn c179_exit_of_a_context_manager_in_the_body_fails() {
    in_any_order(async || {
        let ended = TaskGroup::scope(async |tg| {
            database(async || {
                tg.spawn(async { Err::<(), _>(ValueError) });
                sleep(1).await;
            })
            .await?;
            Ok(())
        });
        assert_eq!(errors(ended.await), ["ValueError", "ValueError"]);
        assert_eq!((current().cancelling(), time()), (0, 0.0));
    });
}

#[test]
fn c180_spawn_on_a_group_that_has_ended() {
    in_any_order(async || {
        let log = Log::default();
        let group = TaskGroup::scope(async |tg| Ok(tg.clone())).await.unwrap();
        assert!(group.is_closing());
        let (dropped, started) = (log.on_drop("dropped"), log.clone());
        let refused = group.spawn(async move {
            let _dropped = dropped;
            started.put("started");
        });
        assert_eq!(log.names(), ["dropped"]);
        cancelled(refused).await;
        assert_eq!((log.names().len(), group.len()), (1, 0));
    });
}

#[test]
fn c181_no_request_is_left_after_a_handled_failure() {
    in_any_order(async || {
        let counts = Rc::new(RefCell::new(Vec::new()));
        let ended = TaskGroup::scope(async |tg| {
            counts.borrow_mut().push(current().cancelling());
            tg.spawn(fail_after(0.1));
            let _ = catch(sleep(10)).await;
            sleep(0.1).await;
            counts.borrow_mut().push(current().cancelling());
            Ok(())
        });
        assert_eq!(errors(ended.await), ["ZeroDivision"]);
        counts.borrow_mut().push(current().cancelling());
        assert_eq!(
            *counts.borrow(),
            [0, 1, 0],
            "the scope counts while it unwinds"
        );
    });
}

#[test]
fn c184_failing_sibling_does_not_cancel_inside_the_spawn() {
    in_any_order(async || {
        let log = Log::default();
        let ended = TaskGroup::scope(async |tg| {
            let (tg, log) = (tg.clone(), log.clone());
            tg.clone().spawn(async move {
                let creating = async {
                    tg.spawn(async { Err::<(), _>(ZeroDivision) });
                    log.put("created");
                    yield_now().await;
                    yield_now().await;
                    log.put("never");
                };
                noted(log.clone(), "cancelled", creating).await;
            });
            Ok(())
        });
        assert_eq!(errors(ended.await), ["ZeroDivision"]);
        assert_eq!(log.names(), ["created", "cancelled"]);
    });
}

#[test]
fn c185_cancellation_does_not_leak_out_of_the_group() {
    in_any_order(async || {
        let log = Log::default();
        let ended = TaskGroup::scope(async |tg| {
            tg.spawn(async { Err::<(), _>(ZeroDivision) });
            sleep(10).await;
            Ok(())
        });
        assert_eq!(errors(ended.await), ["ZeroDivision"]);
        noted(log.clone(), "cancelled", sleep(0)).await;
        noted(log.clone(), "cancelled", sleep(1)).await;
        assert_eq!((log.is_empty(), time()), (true, 1.0));
    });
}

#[test]
fn c186_child_that_fails_wakes_the_parent() {
    in_any_order(async || {
        let ended = TaskGroup::scope(async |tg| {
            tg.spawn(fail_after(0.0));
            forever().await;
            Ok(())
        });
        assert_eq!(errors(ended.await), ["ZeroDivision"]);
        assert_eq!(time(), 0.0);
    });
}

/// A task group never starts it; a cancel scope lets its body begin.
#[test]
fn c187_child_of_a_cancelled_group_never_starts() {
    in_any_order(async || {
        let log = Log::default();
        let ended = TaskGroup::scope(async |tg| {
            tg.spawn(async { Err::<(), _>(ZeroDivision) });
            let _ = catch(forever()).await;
            let (dropped, started) = (log.on_drop("dropped"), log.clone());
            let late = tg.spawn(async move {
                let _dropped = dropped;
                started.put("started");
            });
            cancelled(late).await;
            Ok(())
        });
        assert_eq!(errors(ended.await), ["ZeroDivision"]);
        assert_eq!(log.names(), ["dropped"]);
    });
}

#[test]
fn c188_child_added_while_the_group_waits_and_after_its_end() {
    in_any_order(async || {
        let log = Log::default();
        let (group, noting) = (Rc::new(RefCell::new(None)), log.clone());
        let (stored, ended) = (group.clone(), log.clone());
        let parent = spawn(async move {
            let result = TaskGroup::scope(async |tg| {
                *stored.borrow_mut() = Some(tg.clone());
                tg.spawn(sleep_a_bit());
                Ok(())
            });
            result.await.expect("nobody fails");
            ended.put("group has ended");
        });
        settle().await;
        let group = group
            .borrow_mut()
            .take()
            .expect("the body has put it there");
        assert!(!group.is_closing());
        let late = group.spawn(async move {
            sleep(0.5).await;
            noting.put("late child has ended");
        });
        parent.await;
        assert_eq!(
            log.timed(),
            ["late child has ended at 0.5", "group has ended at 0.5"]
        );
        late.await;
        assert!(group.is_closing());
        cancelled(group.spawn(forever())).await;
    });
}

#[test]
fn c189_errors_of_a_child_and_of_the_body() {
    in_any_order(async || {
        let ended = TaskGroup::scope(async |tg| {
            tg.spawn(async {
                let out = catch(sleep(10)).await;
                let cancelled = out.expect_err("the body fails");
                assert_eq!(cancelled.reason().kind(), ReasonKind::Group);
                Err::<(), _>(ZeroDivision)
            });
            sleep(0.1).await;
            Err::<(), BoxError>(ValueError.into())
        });
        assert_eq!(errors(ended.await), ["ZeroDivision", "ValueError"]);
        assert_eq!(time(), 0.1);
    });
}
