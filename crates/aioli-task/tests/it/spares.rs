//! No handler allocates in the long run, and what a burst needed is given back.

use std::future::Future;
use std::pin::pin;
use std::thread;

use aioli_tally::{asked, held};
use aioli_task::testing::counts;
use aioli_task::{Exit, Reason, ReasonKind, Task, catch, exit, shield, spawn, yield_now};
use futures::executor::block_on;
use futures::future::join3;

use crate::support::{forever, passes, run};

/// Runs `f` on a thread of its own, on which nothing is spare.
fn fresh<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| scope.spawn(f).join().unwrap())
}

/// How often `round` asks for memory, when it runs a hundred times after a few others.
async fn in_the_long_run<F: Future>(round: impl Fn() -> F) -> usize {
    for _ in 0..10 {
        round().await;
    }
    let before = asked();
    for _ in 0..100 {
        round().await;
    }
    asked() - before
}

async fn nested() {
    let inner = async {
        shield(catch(yield_now())).await.unwrap();
        catch(yield_now()).await.unwrap();
    };
    assert!(matches!(exit(inner).await, Exit::Value(())));
}

/// More handlers side by side than a new tree has room for.
async fn side_by_side() {
    let suspended = || exit(yield_now());
    let ended = join3(
        suspended(),
        join3(suspended(), suspended(), suspended()),
        suspended(),
    );
    assert!(matches!(ended.await.0, Exit::Value(())));
}

#[test]
fn a_task_with_handlers_allocates_nothing() {
    fresh(|| {
        run(async {
            let one = || async { spawn(async { catch(yield_now()).await.is_ok() }).await };
            assert_eq!(in_the_long_run(one).await, 0);
            assert_eq!(in_the_long_run(|| spawn(nested())).await, 0);
            assert_eq!(in_the_long_run(|| spawn(side_by_side())).await, 0);
        })
    })
    .unwrap();
}

#[test]
fn awaiting_a_pending_task_allocates_nothing() {
    fresh(|| {
        run(async {
            let child = || spawn(async { catch(spawn(yield_now())).await.is_ok() });
            assert_eq!(in_the_long_run(child).await, 0);
        })
    })
    .unwrap();
}

#[test]
fn several_tasks_at_a_time_allocate_nothing() {
    fresh(|| {
        run(async {
            let round = || join3(spawn(nested()), spawn(side_by_side()), spawn(nested()));
            assert_eq!(in_the_long_run(round).await, 0);
        })
    })
    .unwrap();
}

#[test]
fn outermost_handlers_under_another_executor_allocate_nothing() {
    let one = || async { catch(yield_now_elsewhere()).await.unwrap() };
    let several = || async {
        let inner = join3(catch(yield_now_elsewhere()), one(), one());
        assert!(matches!(exit(inner).await, Exit::Value(_)));
    };
    fresh(|| {
        assert_eq!(block_on(in_the_long_run(one)), 0);
        assert_eq!(block_on(in_the_long_run(several)), 0);
    });
}

/// Suspends once, without a loop of ours.
async fn yield_now_elsewhere() {
    let mut is_woken = false;
    std::future::poll_fn(|cx| {
        if is_woken {
            return std::task::Poll::Ready(());
        }
        is_woken = true;
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// Where nothing is spare, whoever linked would have to allocate.
#[test]
fn a_body_that_is_ready_at_its_first_poll_never_links() {
    async fn ready() {
        let seen = catch(async { exit(shield(async { 1 })).await }).await;
        assert!(matches!(seen, Ok(Exit::Value(1))));
    }
    fresh(|| {
        run(async {
            let before = asked();
            ready().await;
            assert_eq!(asked(), before);
            let suspended = catch(yield_now()).await;
            assert!(suspended.is_ok() && asked() > before, "this one has linked");
            // Nor does it in a task that has a tree.
            let inside = catch(async { exit(async { counts().handlers }).await }).await;
            assert!(matches!(inside, Ok(Exit::Value(0))));
            let inside = catch(async {
                yield_now().await;
                counts().handlers
            });
            assert_eq!(inside.await.unwrap(), 1);
        })
    })
    .unwrap();
}

/// A task of the same size with handlers or without.
fn suspended(handlers: bool) -> Task<()> {
    spawn(async move {
        if handlers {
            let _ = catch(catch(forever())).await;
        } else {
            forever().await;
        }
    })
}

/// Many tasks at once: the bytes that are held while they are there, and afterwards.
async fn burst(handlers: bool) -> (isize, isize) {
    let tasks: Vec<_> = (0..3000).map(|_| suspended(handlers)).collect();
    passes(2).await;
    let most = held();
    for task in tasks {
        task.cancel();
        let _ = task.outcome().await;
    }
    passes(2).await;
    (most, held())
}

#[test]
fn what_a_burst_of_handlers_needed_is_given_back() {
    fresh(|| {
        // What a thread allocates once.
        run(burst(true)).unwrap();
        let at_first = held();
        run(async {
            // The cells of the tasks stay.
            let (most, after) = burst(false).await;
            let (more, left) = burst(true).await;
            let (needed, kept) = (more - most, left - after);
            assert!(needed > 2_000_000, "a tree is small: {needed}");
            assert!(kept < 300_000, "too much is kept: {kept}");
        })
        .unwrap();
        assert_eq!(held(), at_first, "the end of a loop drops what was kept");
    });
}

#[test]
fn what_was_asked_and_held_does_not_get_into_the_next_task() {
    fresh(|| {
        run(async {
            let asked = || async {
                let task = spawn(async {
                    let mut scope = pin!(exit(catch(forever())));
                    assert!(futures::poll!(scope.as_mut()).is_pending());
                    scope.as_mut().unwind(Reason::new(ReasonKind::Timeout));
                    assert!(matches!(scope.await, Exit::Value(Err(_))));
                    forever().await;
                });
                task.set_name("asked");
                passes(1).await;
                task.cancel();
                assert_eq!(task.cancelling(), 1);
                assert!(task.outcome().await.is_err());
            };
            let plain = || async {
                let task = spawn(async { catch(passes(2)).await.is_ok() });
                passes(1).await;
                assert_eq!((task.cancelling(), counts().handlers), (0, 1));
                assert!(task.name().starts_with("Task-"));
                assert!(task.await);
            };
            for _ in 0..20 {
                asked().await;
                plain().await;
            }
        })
    })
    .unwrap();
}
