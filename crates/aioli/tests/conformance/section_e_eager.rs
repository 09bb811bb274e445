//! Section E: eager tasks.

use std::pin::Pin;

use aioli_flow::Gather;
use aioli_task::{all_tasks, current, spawn, spawn_eager, time, yield_now};
use aioli_time::sleep;

use crate::support::{Log, cancelled, in_any_order, in_order, settle};

#[test]
fn c077_eager_task_that_never_suspends_is_done_at_once() {
    in_any_order(async || {
        let task = spawn_eager(async { 42 });
        assert!(task.is_done());
        assert_eq!(task.await, 42);
    });
}

#[test]
fn c078_eager_task_that_suspends_goes_on_later() {
    in_any_order(async || {
        let log = Log::default();
        let noting = log.clone();
        let task = spawn_eager(async move {
            noting.put("first step");
            sleep(0.1).await;
            "ended"
        });
        assert_eq!(
            (task.is_done(), log.names()),
            (false, vec!["first step".to_owned()])
        );
        assert_eq!((task.await, time()), ("ended", 0.1));
    });
}

#[test]
fn c079_cancelling_an_eager_task_that_is_done() {
    in_any_order(async || {
        let task = spawn_eager(async { 42 });
        assert!(!task.cancel() && !task.is_cancelled());
        assert_eq!(task.await, 42);
    });
}

#[test]
fn c080_cancelling_an_eager_task_that_suspended() {
    in_any_order(async || {
        let log = Log::default();
        let noting = log.clone();
        let task = spawn_eager(async move {
            noting.put("first step");
            sleep(0.1).await;
            noting.put("never");
        });
        assert!(task.cancel_with("test message"));
        assert_eq!(task.cancelling(), 1);
        assert!(!task.is_done());
        assert_eq!(cancelled(task).await.as_deref(), Some("test message"));
        assert_eq!((log.names(), time()), (vec!["first step".to_owned()], 0.0));
    });
}

#[test]
fn c081_current_task_in_and_after_the_eager_step() {
    in_any_order(async || {
        let spawner = current();
        let log = Log::default();
        let noting = log.clone();
        let task = spawn_eager(async move {
            let own = current();
            noting.put(own.id());
            sleep(0.1).await;
            noting.put(current().id());
            own
        });
        assert!(current() == spawner && task.handle() != spawner);
        let expected = task.id().to_string();
        assert_eq!(log.names(), [expected.as_str()]);
        let handle = task.handle();
        assert!(task.await == handle && current() == spawner);
        assert_eq!(log.names(), [expected.as_str(); 2]);
    });
}

#[test]
fn c083_all_tasks_during_and_after_the_eager_step() {
    in_any_order(async || {
        let main = current();
        let is_among = |task| all_tasks().contains(&task);
        let seen = spawn_eager(async move { all_tasks().contains(&current()) });
        assert!(!is_among(seen.handle()) && is_among(main.clone()));
        assert!(seen.await);
        let blocked = spawn_eager(async { sleep(0.1).await });
        let handle = blocked.handle();
        assert!(is_among(handle.clone()));
        blocked.await;
        assert!(!is_among(handle) && is_among(main));
    });
}

/// Spawns five children that spawn five each, four levels deep, and waits for all.
fn tree(depth: u32, is_eager: bool) -> Pin<Box<dyn Future<Output = u32>>> {
    Box::pin(async move {
        if depth == 0 {
            return 1;
        }
        let children: Vec<_> = (0..5)
            .map(|_| {
                let child = tree(depth - 1, is_eager);
                if is_eager {
                    spawn_eager(child)
                } else {
                    spawn(child)
                }
            })
            .collect();
        1 + children.gather().await.iter().sum::<u32>()
    })
}

#[test]
fn c084_eager_recursion_that_never_suspends_schedules_nothing() {
    in_order(async || {
        let first = spawn(async {}).id();
        settle().await;
        let root = spawn(tree(4, false));
        assert_eq!(root.await, 781);
        let spawned = spawn(async {}).id() - first - 1;
        assert_eq!(spawned, 781);

        let eager = spawn_eager(tree(4, true));
        assert!(eager.is_done(), "not one of them has waited for a pass");
        assert_eq!((eager.await, all_tasks().len()), (781, 2));
        yield_now().await;
    });
}

#[test]
fn c085_one_task_does_not_start_eagerly() {
    in_any_order(async || {
        let log = Log::default();
        let noting = log.clone();
        let eager = spawn_eager(async move {
            let inner = noting.clone();
            let task = spawn(async move { inner.put("started") });
            noting.put("spawned");
            task.await;
        });
        assert_eq!(
            (log.names(), eager.is_done()),
            (vec!["spawned".to_owned()], false)
        );
        eager.await;
        assert_eq!(log.names(), ["spawned", "started"]);
    });
}
