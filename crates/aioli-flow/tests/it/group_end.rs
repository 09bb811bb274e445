//! Task groups: how they end, whom they still take in, and the errors they end with.

use std::future::pending;
use std::rc::Rc;

use aioli_flow::{BoxError, Gather, Group, TaskGroup, finally};
use aioli_task::{catch, spawn};
use aioli_time::sleep;

use crate::group::{crash, errors, shown};
use crate::{Log, at, check, run, run_any_order};

#[test]
fn finished_children_are_forgotten() {
    run_any_order(|| async {
        let out = TaskGroup::scope(async |tg| {
            for n in 0..50 {
                tg.spawn(sleep(1));
                sleep(0.9).await;
                assert!(tg.len() < 5, "{} are kept at {n}", tg.len());
            }
            sleep(2).await;
            assert!(tg.is_empty());
            Ok(())
        });
        out.await.expect("nobody fails");
    });
}

#[test]
fn a_closing_group_takes_no_children() {
    let body = |log: Log| async move {
        let kept = Rc::new(());
        let (weak, late) = (Rc::downgrade(&kept), log.clone());
        let out = TaskGroup::scope(async move |tg| {
            let group = tg.clone();
            tg.spawn(async move {
                if catch(sleep(9)).await.is_err() {
                    assert!(group.is_closing());
                    let refused = group.spawn(async move {
                        let _kept = kept;
                        pending::<()>().await;
                    });
                    let outcome = refused.outcome().await;
                    late.put(format!("refused {}", outcome.is_err()));
                }
            });
            tg.spawn(crash(1.0, "first"));
            Ok(())
        });
        let out = shown(out.await);
        log.put(format!("dropped {}", weak.upgrade().is_none()));
        out
    };
    check(body, "refused true,dropped true", "Err([\"first\"])");
}

#[test]
fn a_finished_group_takes_no_children() {
    run_any_order(|| async {
        let mut kept = None;
        let out = TaskGroup::scope(async |tg| {
            kept = Some(tg.clone());
            Ok(())
        });
        out.await.expect("nobody fails");
        let group = kept.expect("the body ran");
        assert!(group.is_closing());
        let log = Log::default();
        let own = log.clone();
        let refused = group.spawn(async move { own.put("never") });
        assert!(refused.outcome().await.is_err());
        assert_eq!(log.all(), "");
    });
}

#[test]
fn children_that_keep_spawning_end_when_one_fails() {
    fn grow(tg: &TaskGroup, log: &Log) {
        for _ in 0..2 {
            let (group, log) = (tg.clone(), log.clone());
            tg.spawn(async move {
                log.put("c");
                sleep(1).await;
                grow(&group, &log);
            });
        }
    }
    let log = Log::default();
    let out = run(async {
        let out = TaskGroup::scope(async |tg| {
            grow(tg, &log);
            tg.spawn(crash(3.5, "stop"));
            Ok(())
        });
        let out = shown(out.await);
        (out, at())
    });
    assert_eq!(out, (Err(vec!["stop".into()]), "3.5".into()));
    assert_eq!(log.0.borrow().len(), 2 + 4 + 8 + 16);
}

#[test]
fn a_panic_of_a_child_comes_out_after_the_children_ended() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            let out = TaskGroup::scope(async |tg| {
                let sibling = own.clone();
                tg.spawn(async move {
                    let cleanup = async {
                        sleep(1).await;
                        sibling.put("clean");
                    };
                    finally(sleep(9), cleanup).await;
                });
                tg.spawn(async {
                    sleep(1).await;
                    if at() == "1.0" {
                        std::panic::panic_any("planned");
                    }
                });
                sleep(9).await;
                Ok(())
            });
            drop(out.await);
        });
        let out = task.outcome().await;
        let Err(aioli_task::Stop::Panicked(panic)) = out else {
            unreachable!("it panics")
        };
        (panic.message().to_owned(), at())
    };
    check(body, "clean", "(\"planned\", \"2.0\")");
}

#[test]
fn a_panic_of_the_body_comes_out_after_the_children_ended() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            let out = TaskGroup::scope::<(), _>(async |tg| {
                let child = own.clone();
                tg.spawn(async move { finally(sleep(9), async { child.put("clean") }).await });
                sleep(1).await;
                std::panic::panic_any("planned")
            });
            drop(out.await);
        });
        task.outcome().await.is_err()
    };
    check(body, "clean", "true");
}

#[test]
fn a_dropped_group_cancels_its_children_and_the_loop_waits_for_them() {
    let body = |log: Log| async move {
        let child = log.clone();
        let group = TaskGroup::scope(async |tg| {
            tg.spawn(async move {
                let cleanup = async {
                    sleep(2).await;
                    child.put("clean");
                };
                finally(sleep(9), cleanup).await;
            });
            sleep(20).await;
            Ok(())
        });
        let mut group = Box::pin(group);
        assert!(futures::poll!(group.as_mut()).is_pending());
        sleep(1).await;
        drop(group);
        log.put("dropped");
    };
    check(body, "dropped,clean", "()");
}

#[test]
fn groups_of_groups_come_to_an_end() {
    let n = run_any_order(|| async {
        async fn nest(depth: u32) -> Result<u32, BoxError> {
            if depth == 0 {
                return Ok(1);
            }
            let group = TaskGroup::scope(async |tg| {
                let children: Vec<_> = (0..3)
                    .map(|_| tg.spawn(Box::pin(nest(depth - 1))))
                    .collect();
                Ok(children.gather().await.into_iter().sum::<u32>())
            });
            Ok(group.await?)
        }
        nest(4).await.expect("nobody fails")
    });
    assert_eq!(n, 81);
}

#[test]
fn an_error_group_splits_and_shows_as_a_tree() {
    let number = || BoxError::from("x".parse::<u8>().expect_err("no number"));
    let inner = Group::new([number(), "two\nlines".into()]).expect("two errors");
    let outer = Group::new([inner.into(), number(), "plain".into()]).expect("three errors");
    assert_eq!(
        outer.to_string(),
        "3 errors in a task group\n\
         ├─ 2 errors in a task group\n\
         │  ├─ invalid digit found in string\n\
         │  └─ two\n\
         │     lines\n\
         ├─ invalid digit found in string\n\
         └─ plain"
    );
    assert!(outer.contains::<std::num::ParseIntError>());
    assert!(!outer.contains::<std::fmt::Error>());
    let (numbers, rest) = outer.split::<std::num::ParseIntError>();
    let (numbers, rest) = (numbers.expect("two"), rest.expect("two"));
    assert_eq!(
        errors(&numbers),
        [
            "[\"invalid digit found in string\"]",
            "invalid digit found in string"
        ]
    );
    assert_eq!(errors(&rest), ["[\"two\\nlines\"]", "plain"]);
    assert_eq!(rest.flatten().len(), 2);
    assert!(std::error::Error::source(&numbers).is_some());
    assert_eq!(numbers.into_errors().len(), 2);
}
