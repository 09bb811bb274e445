//! Cancels everywhere what waits for tasks, promises, staggered races and nested scopes.

use aioli_flow::testing::Scenario;
use aioli_flow::{
    CancelScope, CompletionOrder, First, Gather, StartError, Started, TaskGroup, promise,
    shield_for, staggered, timeout, timeout_scope, wait, with,
};
use aioli_task::{Tasks, catch, spawn};
use aioli_time::sleep;

use crate::everywhere::{Ledger, all_ended, everywhere};

fn waiting() -> Scenario {
    let ledger = Ledger::default();
    let inside = ledger.clone();
    let main = async move {
        let user = |seconds: u32| {
            let ledger = inside.clone();
            async move { with(ledger.open(), async |_| sleep(seconds).await).await }
        };
        let mut tasks = vec![spawn(user(1)), spawn(user(2)), spawn(user(3))];
        let (done, mut pending) = wait(&mut tasks).until(First::Completed).timeout(60).await;
        assert!(!done.is_empty());
        let (more, pending) = wait(&mut pending).timeout(1).await;
        let mut rest = done.into_iter().chain(more).chain(pending).as_completed();
        while let Some(task) = rest.next().await {
            assert!(task.is_done());
        }
        let (sender, promised) = promise::<()>();
        let keeper = spawn(async move { sender.set(()) });
        // Cancelled with the keeper, or by the harness: both end here.
        drop(catch(promised).await);
        keeper.handle().done().await;
        let attempts = (1..=3).map(|n| {
            let user = user(4 - n);
            async move {
                user.await;
                if n == 3 { Ok(n) } else { Err(n) }
            }
        });
        let race = staggered(0.5, attempts).await;
        assert_eq!(race.winner, Some((2, 3)));
    };
    Scenario::new(main, move |_| ledger.check())
}

fn nested() -> Scenario {
    let ledger = Ledger::default();
    let inside = ledger.clone();
    let main = async move {
        let worker = |seconds: u32| {
            let ledger = inside.clone();
            async move {
                let children = TaskGroup::scope(async |tg| {
                    let own = ledger.clone();
                    tg.spawn(async move { with(own.open(), async |_| sleep(1).await).await });
                    let scope = timeout_scope(seconds, async |scope| {
                        with(ledger.open(), async |_| sleep(1).await).await;
                        scope.reschedule(0.5).expect("it is active");
                        let users = (0..2).map(|_| with(ledger.open(), async |_| sleep(9).await));
                        users.gather().await;
                    });
                    scope.await?;
                    Ok(())
                });
                let failed = timeout(30, children).await.expect("it ends earlier");
                let late = shield_for(0.5, sleep(0.2)).await;
                assert!(late.is_ok() && failed.is_err());
            }
        };
        let tasks: Tasks<()> = (2..4).map(|seconds| spawn(worker(seconds))).collect();
        all_ended(tasks.into_vec()).await;
    };
    Scenario::new(main, move |_| ledger.check())
}

fn scopes() -> Scenario {
    let ledger = Ledger::default();
    let inside = ledger.clone();
    let main = async move {
        let worker = |seconds: u32| {
            let ledger = inside.clone();
            async move {
                let (outer, inner) = (CancelScope::after(6), CancelScope::after(seconds));
                let body = outer.run(async {
                    inner.set_shield(seconds == 2);
                    let bounded = inner.run(async {
                        let user = with(ledger.open(), async |_| sleep(9).await);
                        if catch(user).await.is_err() {
                            with(ledger.open(), async |_| sleep(9).await).await;
                        }
                    });
                    bounded.await;
                    let users = (0..2).map(|_| with(ledger.open(), async |_| sleep(9).await));
                    users.gather().await;
                });
                assert!(body.await.is_none());
                assert!(outer.cancelled_caught() && inner.cancelled_caught());
            }
        };
        let tasks: Tasks<()> = (2..4).map(|seconds| spawn(worker(seconds))).collect();
        let stopped = CancelScope::new();
        let user = with(inside.open(), async |_| sleep(60).await);
        let waiting = spawn(stopped.run(user));
        all_ended(tasks.into_vec()).await;
        stopped.cancel();
        waiting.handle().done().await;
    };
    Scenario::new(main, move |_| ledger.check())
}

fn starting() -> Scenario {
    let ledger = Ledger::default();
    let inside = ledger.clone();
    let main = async move {
        let server = |seconds: u32| {
            let ledger = inside.clone();
            async move |started: Started<u32>| {
                let up = async |_: &mut _| {
                    sleep(1).await;
                    if seconds > 2 {
                        return Err("no port");
                    }
                    // Whoever waited may have been cancelled.
                    started.send(seconds).ok();
                    sleep(seconds).await;
                    Ok(())
                };
                with(ledger.open(), up).await
            }
        };
        let group = TaskGroup::scope(async |tg| {
            for seconds in 1..=3 {
                let (group, server) = (tg.clone(), server(seconds));
                tg.spawn(async move {
                    match timeout(9, group.start(server)).await {
                        Ok(Err(StartError::Failed(_))) => assert_eq!(seconds, 3),
                        Ok(up) => assert_eq!(up.ok(), Some(seconds)),
                        Err(_) => panic!("it hangs"),
                    }
                });
            }
            Ok(tg.start(server(1)).await?)
        });
        group.await.ok();
    };
    Scenario::new(main, move |_| ledger.check())
}

#[test]
fn cancel_scopes_clean_up() {
    everywhere("cancel scopes", scopes);
}

#[test]
fn children_that_are_being_started_end() {
    everywhere("start", starting);
}

#[test]
fn who_waits_for_tasks_loses_none() {
    everywhere("wait, promise and staggered", waiting);
}

#[test]
fn nested_scopes_leave_nothing_open() {
    everywhere("nested scopes", nested);
}
