//! Cancels everywhere what waits for tasks, promises, staggered races and nested scopes.

use aioli_flow::testing::Scenario;
use aioli_flow::{
    CompletionOrder, First, Gather, TaskGroup, promise, shield_for, staggered, timeout,
    timeout_scope, wait, with,
};
use aioli_task::{Tasks, catch, spawn};
use aioli_time::sleep;

use crate::everywhere::{Ledger, everywhere};

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
        for task in tasks {
            task.handle().done().await;
        }
    };
    Scenario::new(main, move |_| ledger.check())
}

#[test]
fn who_waits_for_tasks_loses_none() {
    everywhere("wait, promise and staggered", waiting);
}

#[test]
fn nested_scopes_leave_nothing_open() {
    everywhere("nested scopes", nested);
}
