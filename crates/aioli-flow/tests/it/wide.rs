//! Very many branches: only those that are woken are polled.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;

use aioli_flow::{Gather, RaceAll, TaskGroup, TryGather};
use aioli_task::{catch, spawn};
use aioli_time::sleep;

use crate::{at, run};

const MANY: u32 = 100_000;
/// Enough where a hundred thousand would only take longer.
const SOME: u32 = 20_000;

/// Counts how often `f` is polled.
async fn counted<F: Future>(polls: &Cell<u32>, f: F) -> F::Output {
    let mut f = pin!(f);
    poll_fn(|cx| {
        polls.set(polls.get() + 1);
        f.as_mut().poll(cx)
    })
    .await
}

#[test]
fn a_wide_gather_polls_each_branch_twice() {
    run(async {
        let polls = Cell::new(0);
        let polls_ref = &polls;
        let branches = (0..MANY).map(|n| {
            counted(polls_ref, async move {
                sleep(f64::from(n % 100)).await;
                n
            })
        });
        let all = branches.gather().await;
        assert_eq!(all.len() as u32, MANY);
        assert!(all.iter().zip(0..).all(|(output, n)| *output == n));
        assert_eq!((polls.get(), at().as_str()), (2 * MANY, "99.0"));
    });
}

#[test]
fn a_wake_in_a_wide_gather_costs_one_poll() {
    run(async {
        let polls = Rc::new(Cell::new(0));
        let counter = polls.clone();
        let busy = (0..SOME).map(move |n| {
            let polls = counter.clone();
            async move {
                counted(&polls, async {
                    if n == 0 {
                        for _ in 0..100 {
                            sleep(1).await;
                        }
                        Err(())
                    } else {
                        pending::<Result<(), ()>>().await
                    }
                })
                .await
            }
        });
        assert!(busy.try_gather().await.is_err());
        assert_eq!(polls.get(), SOME + 100);
    });
}

#[test]
fn a_wide_race_drops_its_losers_at_once() {
    run(async {
        let kept = Rc::new(());
        let racers = (0..SOME).map(|n| {
            let kept = kept.clone();
            async move {
                sleep(if n == 17_777 { 1 } else { 99 }).await;
                drop(kept);
                n
            }
        });
        assert_eq!(racers.race().await, 17_777);
        assert_eq!((Rc::strong_count(&kept), at().as_str()), (1, "1.0"));
        assert_eq!(aioli_time::stats().pending, 0);
    });
}

#[test]
fn a_wide_group_ends() {
    run(async {
        let done = Rc::new(Cell::new(0));
        let out = TaskGroup::scope(async |tg| {
            for n in 0..10_000 {
                let done = done.clone();
                tg.spawn(async move {
                    sleep(n % 10).await;
                    done.set(done.get() + 1);
                });
            }
            Ok(())
        });
        out.await.expect("nobody fails");
        assert_eq!(done.get(), 10_000);
    });
}

#[test]
fn the_branches_of_a_wide_gather_may_end_one_by_one_after_a_request() {
    run(async {
        let branches = (0..SOME).map(|n| async move {
            let absorbed = catch(pending::<()>()).await.is_err();
            sleep(n % 20).await;
            absorbed
        });
        let task = spawn(branches.gather());
        sleep(1).await;
        task.cancel();
        assert!(task.await.into_iter().all(|absorbed| absorbed));
    });
}
