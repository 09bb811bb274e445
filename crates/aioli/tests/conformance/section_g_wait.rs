//! Section G: wait, as_completed, timeouts of calls, shield, staggered race.

use std::cell::Cell;
use std::rc::Rc;

use aioli_flow::{
    Attempt, CompletionOrder, First, Gather, finally, gather, promise, staggered, timeout,
    timeout_scope, wait,
};
use aioli_sync::Event;
use aioli_task::{ReasonKind, Task, catch, current, spawn, time};
use aioli_time::{call_later, sleep};

use crate::support::{
    Log, ValueError, cancelled, forever, in_any_order, in_order, noted, passes, settle,
};

/// A task that gives `value` after so many seconds.
fn after<T: 'static>(seconds: f64, value: T) -> Task<T> {
    spawn(async move {
        sleep(seconds).await;
        value
    })
}

/// Takes the values of tasks that are done.
async fn values<T>(tasks: Vec<Task<T>>) -> Vec<T> {
    assert!(tasks.iter().all(|task| task.is_done()));
    tasks.gather().await
}

#[test]
fn c099_wait_for_all_twice() {
    in_any_order(async || {
        let mut tasks = vec![after(0.1, 'a'), after(0.15, 'b')];
        let (mut done, pending) = wait(&mut tasks).await;
        assert_eq!((done.len(), pending.len(), time()), (2, 0, 0.15));
        let (again, pending) = wait(&mut done).await;
        assert_eq!((pending.len(), time()), (0, 0.15));
        assert_eq!(values(again).await, ['a', 'b']);
    });
}

#[test]
fn c100_wait_for_the_first_completed() {
    in_any_order(async || {
        let mut tasks = vec![after(10.0, 'a'), after(0.1, 'b')];
        let (done, pending) = wait(&mut tasks).until(First::Completed).await;
        assert_eq!(
            (values(done).await, pending.len(), time()),
            (vec!['b'], 1, 0.1)
        );
        settle().await;
        assert!(!pending[0].is_done());
        assert_eq!((pending.gather().await, time()), (vec!['a'], 10.0));
    });
}

#[test]
fn c102_wait_for_the_first_exception_that_is_there_already() {
    in_any_order(async || {
        let failed = spawn(async { Err(ValueError) });
        let sleeping = after(10.0, Ok(1));
        settle().await;
        let mut tasks = vec![failed, sleeping];
        let (done, pending) = wait(&mut tasks).until_error().await;
        assert_eq!(
            (values(done).await, pending.len(), time()),
            (vec![Err(ValueError)], 1, 0.0)
        );
        assert!(!pending[0].is_done());
        pending
            .into_iter()
            .next()
            .expect("one is pending")
            .stop()
            .await;

        // A task that was cancelled counts too.
        let mut tasks = vec![spawn(forever()), after(10.0, ())];
        tasks[0].cancel();
        settle().await;
        let (done, pending) = wait(&mut tasks).until(First::Exception).await;
        assert_eq!((done.len(), pending.len(), time()), (1, 1, 0.0));
        assert!(done[0].is_cancelled());
        pending
            .into_iter()
            .next()
            .expect("one is pending")
            .stop()
            .await;
    });
}

#[test]
fn c103_wait_for_the_first_exception_that_comes_later() {
    in_any_order(async || {
        let mut tasks = vec![
            after(10.0, Ok(1)),
            after(0.01, Err(ValueError)),
            after(0.005, Ok(3)),
        ];
        let (done, pending) = wait(&mut tasks).until_error().await;
        assert_eq!(values(done).await, [Err(ValueError), Ok(3)]);
        assert_eq!((pending.len(), time()), (1, 0.01));
        assert!(!pending[0].is_done());
        assert_eq!((pending.gather().await, time()), (vec![Ok(1)], 10.0));
    });
}

#[test]
fn c104_wait_with_a_timeout() {
    in_any_order(async || {
        let mut tasks = vec![after(0.1, 'a'), after(0.15, 'b')];
        let (done, pending) = wait(&mut tasks).timeout(0.11).await;
        assert_eq!(
            (values(done).await, pending.len(), time()),
            (vec!['a'], 1, 0.11)
        );
        assert!(!pending[0].is_done());
        assert_eq!((pending.gather().await, time()), (vec!['b'], 0.15));
    });
}

#[test]
fn c105_wait_times_out_when_a_task_completes() {
    in_order(async || {
        let mut tasks = vec![after(0.15, 'b'), after(0.1, 'a')];
        passes(1).await;
        let (done, pending) = wait(&mut tasks).timeout(0.1).await;
        assert_eq!(
            (values(done).await, pending.len(), time()),
            (vec!['a'], 1, 0.1)
        );
        assert_eq!((pending.gather().await, time()), (vec!['b'], 0.15));
    });
}

#[test]
fn c107_as_completed() {
    in_any_order(async || {
        let tasks = vec![after(0.01, 'a'), after(0.01, 'b'), after(0.15, 'c')];
        let mut done = tasks.as_completed();
        let mut results = Vec::new();
        while let Some(task) = done.next().await {
            results.push((task.await, time()));
        }
        results[..2].sort_by_key(|(name, _)| *name);
        assert_eq!(results, [('a', 0.01), ('b', 0.01), ('c', 0.15)]);
        assert_eq!(time(), 0.15);
    });
}

#[test]
fn c109_as_completed_resumed() {
    in_any_order(async || {
        let mut done = [0.3, 0.1, 0.4, 0.2]
            .map(|seconds| after(seconds, seconds))
            .as_completed();
        let mut results = Vec::new();
        for _ in 0..2 {
            results.push(done.next().await.expect("two are left").await);
        }
        assert_eq!((results.len(), done.len(), time()), (2, 2, 0.2));
        sleep(0.05).await;
        while let Some(task) = done.next().await {
            results.push(task.await);
        }
        assert_eq!((results, done.is_empty()), (vec![0.1, 0.2, 0.3, 0.4], true));
        assert!(done.next().await.is_none());
    });
}

#[test]
fn c111_as_completed_gives_the_same_tasks() {
    in_any_order(async || {
        let task = after(0.2, "task");
        let given = task.handle();
        // What is no task yet becomes one first.
        let future = spawn(async {
            sleep(0.1).await;
            "future"
        });
        let mut done = [task, future].as_completed();
        let first = done.next().await.expect("two are left");
        assert!(first.handle() != given && first.is_done());
        assert_eq!(first.await, "future");
        let second = done.next().await.expect("one is left");
        assert!(second.handle() == given);
        assert_eq!((second.await, time()), ("task", 0.2));
    });
}

#[test]
fn c113_timeout_after_the_task_has_ended() {
    in_any_order(async || {
        let log = Log::default();
        let cleaned = log.clone();
        let task = spawn(finally(sleep(10), async move {
            sleep(0.5).await;
            cleaned.put("cleaned up");
        }));
        let handle = task.handle();
        assert_eq!(timeout(0.1, task).await.ok(), None);
        assert_eq!(log.timed(), ["cleaned up at 0.6"]);
        assert!(handle.is_cancelled());
        assert_eq!((time(), current().cancelling()), (0.6, 0));

        // The same without a task of its own.
        let inline = finally(sleep(10), async {
            sleep(0.5).await;
            log.put("again");
        });
        assert_eq!(timeout(0.1, inline).await.ok(), None);
        assert_eq!(log.timed(), ["cleaned up at 0.6", "again at 1.2"]);
    });
}

#[test]
fn c115_timeout_of_zero_with_what_is_done() {
    in_any_order(async || {
        for length in [0, -1] {
            let (promise, promised) = promise();
            promise.set("done").unwrap();
            assert_eq!(timeout(length, promised).await, Ok("done"));
            let task = spawn(async { "task" });
            settle().await;
            assert_eq!(timeout(length, task).await, Ok("task"));
            assert_eq!(timeout(length, async { "at once" }).await, Ok("at once"));
        }
    });
}

#[test]
fn c116_timeout_of_zero_with_a_running_task() {
    in_any_order(async || {
        for length in [0, -1] {
            let log = Log::default();
            let cleaned = log.clone();
            let task = spawn(finally(sleep(10), async move { cleaned.put("cleaned up") }));
            let handle = task.handle();
            settle().await;
            assert!(log.is_empty() && !handle.is_done());
            assert_eq!(timeout(length, task).await.ok(), None);
            assert!(handle.is_cancelled());
            assert_eq!((log.names(), time()), (vec!["cleaned up".to_owned()], 0.0));
        }
    });
}

#[test]
fn c117_result_set_by_a_callback_before_the_deadline() {
    in_any_order(async || {
        let (promise, promised) = promise();
        call_later(0.1, move || promise.set("ok").expect("somebody waits"));
        assert_eq!((timeout(0.2, promised).await, time()), (Ok("ok"), 0.1));
    });
}

#[test]
fn c118_value_instead_of_the_timeout() {
    in_any_order(async || {
        let inner = async || {
            let _ = catch(sleep(1)).await;
            1
        };
        assert_eq!((timeout(0.01, inner()).await, time()), (Ok(1), 0.01));
        assert_eq!((timeout(0.01, spawn(inner())).await, time()), (Ok(1), 0.02));
        assert_eq!(current().cancelling(), 0);
    });
}

#[test]
fn c119_caught_cancellation_and_another_value() {
    in_any_order(async || {
        let inner = async || match catch(sleep(10)).await {
            Ok(()) => 0,
            Err(_) => 42,
        };
        assert_eq!((timeout(0.1, inner()).await, time()), (Ok(42), 0.1));
        assert_eq!((timeout(0.1, spawn(inner())).await, time()), (Ok(42), 0.2));
        // A value that takes a while after the cancellation wins as well.
        let slow = async {
            let _ = catch(sleep(10)).await;
            sleep(0.5).await;
            43
        };
        assert_eq!((timeout(0.1, slow).await, time()), (Ok(43), 0.8));
    });
}

#[test]
fn c120_timeout_after_a_clean_up_that_suspends() {
    in_any_order(async || {
        for (length, end) in [(0.1, 0.6), (0.0, 1.1)] {
            let log = Log::default();
            let noting = log.clone();
            let task = spawn(async move {
                let out = catch(sleep(10)).await;
                let cancelled = out.expect_err("ten seconds are too long");
                let kind = cancelled.reason().kind();
                sleep(0.5).await;
                noting.put(format!("cleaned up after {kind:?}"));
                cancelled.raise().await
            });
            settle().await;
            assert_eq!(
                timeout(length, task).await.map(|never: ()| never).ok(),
                None
            );
            let cause = format!("cleaned up after {:?} at {end}", ReasonKind::Timeout);
            assert_eq!((log.timed(), time()), (vec![cause], end));
        }
    });
}

#[test]
fn c122_cancelled_waiter_cancels_what_it_waits_for() {
    in_any_order(async || {
        for length in [f64::INFINITY, 60.0] {
            let log = Log::default();
            let inner = spawn(noted(log.clone(), "inner cancelled", forever()));
            let handle = inner.handle();
            let waiter = spawn(timeout(length, inner));
            settle().await;
            waiter.cancel();
            cancelled(waiter).await;
            assert!(handle.is_cancelled());
            assert_eq!(log.names(), ["inner cancelled"]);
        }
        assert_eq!(time(), 0.0);
    });
}

#[test]
fn c124_waits_until_inner_has_really_ended() {
    in_any_order(async || {
        // Goes on for 0.2 s after it was asked.
        let inner = || spawn(finally(sleep(10), sleep(0.2)));
        let task = inner();
        let handle = task.handle();
        assert_eq!((timeout(0.1, task).await.ok(), time()), (None, 0.3));
        assert!(handle.is_cancelled());

        let task = inner();
        let handle = task.handle();
        let waiter = spawn(timeout(60, task));
        sleep(0.1).await;
        waiter.cancel();
        settle().await;
        assert!(!waiter.is_done() && !handle.is_done());
        cancelled(waiter).await;
        assert!(handle.is_cancelled());
        assert_eq!(time(), 0.6);
    });
}

#[test]
fn c125_shield_with_a_timeout_of_zero() {
    in_any_order(async || {
        let log = Log::default();
        let noting = log.clone();
        let task = spawn(async move {
            sleep(0.1).await;
            noting.put("done");
        });
        let handle = task.handle();
        settle().await;
        assert_eq!(
            (timeout(0, task.shielded()).await.ok(), time()),
            (None, 0.0)
        );
        settle().await;
        assert!(!handle.is_done(), "the shield is gone and the task is not");
        handle.done().await;
        assert!(!handle.is_cancelled());
        assert_eq!(log.timed(), ["done at 0.1"]);
    });
}

#[test]
fn c126_shield_that_timed_out() {
    in_any_order(async || {
        let task = after(0.1, "done");
        let handle = task.handle();
        let mut shielded = task.shielded();
        assert_eq!(
            (timeout(0.01, &mut shielded).await.ok(), time()),
            (None, 0.01)
        );
        settle().await;
        assert!(!handle.is_done() && handle.cancelling() == 0);
        assert_eq!((shielded.await, time()), ("done", 0.1));
    });
}

#[test]
fn c127_shielded_task_cancelled_by_others() {
    in_any_order(async || {
        let inner = spawn(forever());
        let handle = inner.handle();
        let outer = spawn(inner.shielded());
        settle().await;
        assert!(!outer.is_done());
        handle.cancel_with("by others");
        assert_eq!(cancelled(outer).await.as_deref(), Some("by others"));
        assert!(handle.is_cancelled());
        assert_eq!(time(), 0.0);
    });
}

#[test]
fn c128_cancelled_outer_and_inner_that_runs_on() {
    in_any_order(async || {
        let proof = Rc::new(Cell::new(0));
        let (inner_proof, outer_proof) = (proof.clone(), proof.clone());
        let inner = spawn(async move {
            sleep(0.1).await;
            inner_proof.set(inner_proof.get() + 1);
        });
        let handle = inner.handle();
        let outer = spawn(async move {
            inner.shielded().await;
            outer_proof.set(outer_proof.get() + 100);
        });
        settle().await;
        outer.cancel();
        cancelled(outer).await;
        assert_eq!((proof.get(), time()), (0, 0.0));
        handle.done().await;
        assert_eq!((proof.get(), time()), (1, 0.1));
        assert!(!handle.is_cancelled());
    });
}

#[test]
fn c130_shield_cancelled_before_inner_succeeds() {
    in_any_order(async || {
        let inner = after(0.1, "nobody takes it");
        let handle = inner.handle();
        let outer = spawn(inner.shielded());
        settle().await;
        outer.cancel();
        cancelled(outer).await;
        sleep(0.5).await;
        assert!(handle.is_done() && !handle.is_cancelled());
    });
}

#[test]
fn c131_shield_around_gather() {
    in_any_order(async || {
        let log = Log::default();
        let noting = log.clone();
        let gathering = spawn(async move {
            let all = gather((after(0.1, 1), after(0.2, 2))).await;
            noting.put(format!("{all:?}"));
        });
        let handle = gathering.handle();
        let outer = spawn(gathering.shielded());
        settle().await;
        outer.cancel();
        cancelled(outer).await;
        assert_eq!((handle.cancelling(), time()), (0, 0.0));
        handle.done().await;
        assert_eq!(log.timed(), ["(1, 2) at 0.2"]);
    });
}

#[test]
fn c131_gather_of_shields() {
    in_any_order(async || {
        let tasks = [after(0.1, 1), after(0.2, 2)];
        let handles = tasks.each_ref().map(|task| task.handle());
        let gathering = spawn(async move { tasks.map(Task::shielded).gather().await });
        settle().await;
        gathering.cancel();
        cancelled(gathering).await;
        assert_eq!(time(), 0.0);
        assert!(
            handles
                .iter()
                .all(|task| !task.is_done() && task.cancelling() == 0)
        );
        sleep(0.3).await;
        assert!(
            handles
                .iter()
                .all(|task| task.is_done() && !task.is_cancelled())
        );
    });
}

#[test]
fn c132_staggered_first_fails_and_second_wins() {
    in_any_order(async || {
        let racers = [Err(ValueError), Ok("second")].map(|result| async move { result });
        let race = staggered(f64::INFINITY, racers).await;
        assert_eq!(race.winner, Some((1, "second")));
        assert_eq!(race.attempts, [Attempt::Failed(ValueError), Attempt::Won]);
        assert_eq!(time(), 0.0);
    });
}

#[test]
fn c133_staggered_first_is_slow_and_second_wins() {
    in_any_order(async || {
        let log = Log::default();
        let racer = async |index: usize| {
            log.put(format!("{index} starts"));
            if index == 0 {
                noted(log.clone(), "0 cancelled", sleep(10)).await;
            }
            Ok::<_, ValueError>(index)
        };
        let race = staggered(0.1, (0..3).map(racer)).await;
        assert_eq!(race.winner, Some((1, 1)));
        assert_eq!(race.attempts, [Attempt::Cancelled, Attempt::Won]);
        assert_eq!(
            log.timed(),
            ["0 starts at 0", "1 starts at 0.1", "0 cancelled at 0.1"]
        );
    });
}

#[test]
fn c134_staggered_nobody_wins() {
    in_any_order(async || {
        let racers = [0.1, 0.2].map(|seconds| async move {
            sleep(seconds).await;
            Err::<(), _>(seconds)
        });
        let race = staggered(f64::INFINITY, racers).await;
        assert_eq!(race.winner, None);
        assert_eq!(race.attempts, [Attempt::Failed(0.1), Attempt::Failed(0.2)]);
        assert_eq!(time(), 0.3, "one after the other");
    });
}

#[test]
fn c135_staggered_two_finish_on_the_same_event() {
    in_any_order(async || {
        let (event, log) = (Rc::new(Event::new()), Log::default());
        let racer = |index: usize| {
            let (event, log) = (event.clone(), log.clone());
            async move {
                noted(log, "cancelled", event.wait()).await;
                Ok::<_, ValueError>(index)
            }
        };
        let racing = spawn(staggered(0.1, [racer(0), racer(1)]));
        sleep(0.5).await;
        event.set();
        let race = racing.await;
        assert_eq!(race.winner, Some((0, 0)));
        assert_eq!(race.attempts, [Attempt::Won, Attempt::Cancelled]);
        assert_eq!(log.timed(), ["cancelled at 0.5"]);
    });
}

#[test]
fn c136_staggered_racer_swallows_two_deadlines() {
    in_any_order(async || {
        let log = Log::default();
        let outer = timeout_scope(f64::INFINITY, async |outer| {
            let inner = timeout_scope(f64::INFINITY, async |inner| {
                let racer = async {
                    for (scope, number) in [(&inner, 1), (&outer, 2)] {
                        scope.reschedule(-1).expect("it is active");
                        let out = catch(sleep(0)).await;
                        let cancelled = out.expect_err("the deadline is past");
                        assert_eq!(cancelled.reason().kind(), ReasonKind::Timeout);
                        log.put(format!("cancelled {number}"));
                    }
                    Ok::<_, ValueError>(())
                };
                let racing = staggered(f64::INFINITY, [racer]);
                noted(log.clone(), "cancelled 3", racing).await;
                log.put("never");
            });
            let _ = inner.await;
            log.put("never");
        });
        assert!(outer.await.is_err());
        assert_eq!(log.names(), ["cancelled 1", "cancelled 2", "cancelled 3"]);
        assert_eq!((current().cancelling(), time()), (0, 0.0));
    });
}

/// The same, with a racer that lets the second one pass.
#[test]
fn c136_staggered_racer_swallows_one_deadline_of_two() {
    in_any_order(async || {
        let log = Log::default();
        let outer = timeout_scope(f64::INFINITY, async |outer| {
            let inner = timeout_scope(f64::INFINITY, async |inner| {
                let racer = async {
                    inner.reschedule(-1).expect("it is active");
                    let _ = catch(forever()).await;
                    log.put("cancelled 1");
                    outer.reschedule(-1).expect("it is active");
                    noted(log.clone(), "cancelled 2", forever()).await;
                    Ok::<_, ValueError>("never")
                };
                let racing = staggered(f64::INFINITY, [racer]);
                noted(log.clone(), "cancelled 3", racing).await;
            });
            inner.await
        });
        assert!(outer.await.is_err());
        assert_eq!(log.names(), ["cancelled 1", "cancelled 2", "cancelled 3"]);
        assert_eq!((current().cancelling(), time()), (0, 0.0));
    });
}
