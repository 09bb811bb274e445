//! Waiting for tasks, and tasks in the order of their ends.

use aioli_flow::{CompletionOrder, First, timeout, wait};
use aioli_task::{SpawnAll, Task, Tasks, spawn};
use aioli_time::sleep;
use futures::StreamExt;

use crate::{at, caught, run, run_any_order};

async fn after<T>(seconds: f64, value: T) -> T {
    sleep(seconds).await;
    value
}

fn naps(seconds: &[f64]) -> Tasks<f64> {
    seconds
        .iter()
        .map(|&seconds| after(seconds, seconds))
        .collect::<Vec<_>>()
        .spawn_all()
}

/// The values of tasks that are done.
async fn values<T>(tasks: Vec<Task<T>>) -> Vec<T> {
    let mut values = Vec::new();
    for task in tasks {
        values.push(task.await);
    }
    values
}

#[test]
fn all_are_waited_for_and_a_second_wait_takes_no_time() {
    run_any_order(|| async {
        let mut tasks = naps(&[0.15, 0.1]);
        let (mut done, pending) = wait(&mut tasks).await;
        assert_eq!((done.len(), pending.len(), tasks.len()), (2, 0, 0));
        assert_eq!(at(), "0.1");
        let (done, _) = wait(&mut done).await;
        assert_eq!(values(done).await, [0.15, 0.1]);
        assert_eq!(aioli_task::time(), 0.15);
    });
}

#[test]
fn the_first_that_completes() {
    run_any_order(|| async {
        let mut tasks = naps(&[10.0, 0.1]);
        let (done, pending) = wait(&mut tasks).until(First::Completed).await;
        assert!(!pending[0].is_done());
        assert_eq!(
            (values(done).await, pending.len(), at()),
            (vec![0.1], 1, "0.1".into())
        );
        Tasks::from(pending).stop().await;
    });
}

#[test]
fn the_first_that_fails() {
    run_any_order(|| async {
        let failing = |seconds| async move {
            sleep(seconds).await;
            Err::<(), _>("no")
        };
        let fine = |seconds| after(seconds, Ok(()));
        let mut tasks = vec![
            spawn(fine(0.05)),
            spawn(failing(0.1)),
            spawn(fine(10.0)),
            spawn(failing(20.0)),
        ];
        let (done, pending) = wait(&mut tasks).until_error().await;
        assert_eq!(
            (values(done).await, pending.len()),
            (vec![Ok(()), Err("no")], 2)
        );
        assert_eq!(at(), "0.1");
        // Among outputs that are not looked at, a cancellation and a panic count.
        let mut tasks = pending;
        let (done, mut tasks) = wait(&mut tasks).until(First::Exception).timeout(12).await;
        assert_eq!((done.len(), at().as_str()), (1, "12.1"));
        let handle = tasks[0].handle();
        aioli_time::call_later(1, move || assert!(handle.cancel()));
        let (done, pending) = wait(&mut tasks).until(First::Exception).await;
        assert_eq!((done.len(), pending.len(), at().as_str()), (1, 0, "13.1"));
    });
}

#[test]
fn a_failed_task_ends_the_wait_at_once() {
    run_any_order(|| async {
        let failed = spawn(async { Err("no") });
        failed.handle().done().await;
        let mut tasks = vec![failed, spawn(after(10.0, Ok(())))];
        let (done, pending) = wait(&mut tasks).until_error().await;
        assert_eq!((done.len(), pending.len(), at().as_str()), (1, 1, "0.0"));
    });
}

#[test]
fn a_timeout_raises_nothing_and_cancels_nobody() {
    run_any_order(|| async {
        let mut tasks = naps(&[0.1, 0.15]);
        let (done, mut pending) = wait(&mut tasks).timeout(0.11).await;
        assert_eq!((values(done).await, pending.len()), (vec![0.1], 1));
        assert_eq!(aioli_task::time(), 0.11);
        let (done, _) = wait(&mut pending).await;
        assert_eq!(values(done).await, [0.15]);
    });
}

#[test]
fn what_is_done_is_decided_when_it_returns() {
    run(async {
        let mut tasks = naps(&[0.1, 0.15]);
        sleep(0).await;
        let (done, pending) = wait(&mut tasks).timeout(0.1).await;
        assert_eq!((done.len(), pending.len(), at().as_str()), (1, 1, "0.1"));
    });
}

#[test]
fn waiting_for_nothing_takes_no_time() {
    run_any_order(|| async {
        let (done, pending) = wait(&mut Vec::<Task<()>>::new()).await;
        assert_eq!((done.len(), pending.len()), (0, 0));
    });
}

#[test]
fn a_wait_that_is_cancelled_leaves_the_tasks_where_they_are() {
    run_any_order(|| async {
        let mut tasks = naps(&[1.0, 2.0]);
        assert!(timeout(0.5, wait(&mut tasks).into_future()).await.is_err());
        assert_eq!(tasks.len(), 2);
        assert!(tasks.iter().all(|task| !task.is_done()));
        assert_eq!(values(tasks.into_vec()).await, [1.0, 2.0]);
    });
}

#[test]
fn waiting_in_a_loop_serves_every_task_once() {
    let order = run_any_order(|| async {
        let mut tasks: Vec<_> = naps(&[3.0, 1.0, 2.0]).into_vec();
        let mut order = Vec::new();
        while !tasks.is_empty() {
            let (done, pending) = wait(&mut tasks).until(First::Completed).await;
            order.extend(values(done).await);
            tasks = pending;
        }
        order
    });
    assert_eq!(order, [1.0, 2.0, 3.0]);
}

#[test]
fn tasks_come_back_as_they_complete() {
    run_any_order(|| async {
        let mut it = naps(&[0.15, 0.01, 0.02]).as_completed();
        assert_eq!(it.len(), 3);
        let mut order = Vec::new();
        while let Some(task) = it.next().await {
            order.push(task.await);
        }
        assert!(it.is_empty());
        assert_eq!((order, at().as_str()), (vec![0.01, 0.02, 0.15], "0.1"));
    });
}

#[test]
fn completion_order_can_be_resumed_and_bounded() {
    run_any_order(|| async {
        let mut it = naps(&[4.0, 1.0, 3.0, 2.0]).as_completed();
        let mut order = Vec::new();
        for _ in 0..2 {
            order.push(it.next().await.expect("four tasks").await);
        }
        assert!(timeout(0.5, it.next()).await.is_err());
        assert_eq!(it.len(), 2);
        let rest: Vec<_> = StreamExt::collect::<Vec<_>>(it).await;
        for task in rest {
            order.push(task.await);
        }
        assert_eq!(order, [1.0, 2.0, 3.0, 4.0]);
    });
}

#[test]
fn tasks_come_back_as_the_same_tasks() {
    run_any_order(|| async {
        let tasks = naps(&[2.0, 1.0]);
        let handles: Vec<_> = tasks.iter().map(|task| task.handle()).collect();
        let mut it = tasks.as_completed();
        let first = it.next().await.expect("two tasks");
        assert_eq!(first.handle(), handles[1]);
        let rest = it.into_rest();
        assert_eq!(rest[0].handle(), handles[0]);
        assert!(!rest[0].is_done());
    });
}

#[test]
fn a_cancelled_task_completes_too() {
    run_any_order(|| async {
        let tasks = naps(&[2.0, 1.0]);
        tasks[0].cancel();
        let mut ends = Vec::new();
        tasks
            .as_completed()
            .for_each(async |task| ends.push(caught(task).await))
            .await;
        assert_eq!(ends, [Err("cancelled"), Ok(1.0)]);
    });
}
