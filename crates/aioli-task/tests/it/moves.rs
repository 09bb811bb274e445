//! Handlers that move between trees, with and without somebody who wants to ask them meanwhile.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use aioli_task::{
    Exit, Reason, ReasonKind, Unwinder, catch, current, exit, isolate, spawn, testing,
};

use futures::stream::{FuturesUnordered, StreamExt};

use crate::support::{Log, finally, forever, passes, run};

fn scope() -> Reason {
    Reason::new(ReasonKind::Scope)
}

type Job = Pin<Box<dyn Future<Output = ()>>>;

/// A scope in a handler: the scope moves only along with the handler.
fn nested(log: &Log) -> (Job, Unwinder) {
    let inner = exit(finally(forever(), {
        let log = log.clone();
        async move {
            passes(1).await;
            log.put("cleaned");
        }
    }));
    let unwinder = inner.unwinder();
    let (own, log) = (unwinder.clone(), log.clone());
    let job = async move {
        let ended = exit(async move {
            let ended = inner.await;
            log.put(format!(
                "own {}",
                matches!(ended, Exit::Cancelled(c) if c.is_from(&own))
            ));
        });
        assert!(matches!(ended.await, Exit::Value(())));
    };
    (Box::pin(job), unwinder)
}

/// Polls a job once as another task, and gives it back.
async fn poll_elsewhere(job: Job) -> Job {
    let task = spawn(async move {
        let mut job = job;
        assert!(futures::poll!(&mut job).is_pending());
        [job]
    });
    let [job] = task.await;
    job
}

#[test]
fn an_unwinder_finds_a_scope_that_has_moved_with_one_above_it() {
    let log = Log::default();
    let (mut job, unwinder) = nested(&log);
    run(async move {
        for _ in 0..3 {
            job = poll_elsewhere(job).await;
        }
        // Nobody has polled it since the task that did has ended.
        unwinder.unwind(scope());
        job.await;
        assert_eq!(testing::counts().handlers, 0);
    })
    .unwrap();
    assert_eq!(log.joined(), "cleaned,own true");
}

#[test]
fn an_unwinder_asks_what_moves_at_the_same_time() {
    for delay in 0..200 {
        let log = Log::default();
        let (mut job, unwinder) = nested(&log);
        let go = Arc::new(AtomicBool::new(false));
        let flag = go.clone();
        let thread = std::thread::spawn(move || {
            while !flag.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
            for _ in 0..delay * 20 {
                std::hint::spin_loop();
            }
            unwinder.unwind(scope());
        });
        // Not on the virtual clock: it is another thread that ends the wait.
        aioli_task::run(async move {
            assert!(futures::poll!(&mut job).is_pending());
            go.store(true, Ordering::Relaxed);
            for _ in 0..20 {
                // In a tree of its own, then in the task's again.
                let alone = std::future::poll_fn(|cx| Poll::Ready(job.as_mut().poll(cx)));
                if isolate(alone).await.is_ready() || futures::poll!(&mut job).is_ready() {
                    return;
                }
            }
            // The other thread wakes this one.
            catch(job).await.unwrap();
        });
        thread.join().unwrap();
        assert_eq!(log.joined(), "cleaned,own true");
    }
}

#[test]
fn a_kept_request_finds_the_handler_around_it_after_a_move() {
    run(async {
        let mut job: Pin<Box<dyn Future<Output = bool>>> = Box::pin(async {
            let body = async {
                let kept = catch(forever()).await.unwrap_err().keep();
                forever().await;
                drop(kept);
            };
            catch(body).await.is_err()
        });
        {
            let mut first = pin!(exit(&mut job));
            assert!(futures::poll!(first.as_mut()).is_pending());
            first.as_mut().unwind(scope());
            assert!(futures::poll!(first.as_mut()).is_pending());
        }
        // Under another task, where its holder is dropped.
        let second = spawn(async move {
            assert!(futures::poll!(&mut job).is_pending());
            drop(job);
            catch(forever()).await.is_err()
        });
        assert!(
            second.await,
            "the request has gone to the handler around it"
        );
    })
    .unwrap();
}

/// A waker that polls the outermost future where it is woken, from below a combinator.
struct Inline {
    future: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    polls: AtomicUsize,
}

impl Wake for Inline {
    fn wake(self: Arc<Self>) {
        let Some(mut future) = self.future.lock().unwrap().take() else {
            return;
        };
        self.polls.fetch_add(1, Ordering::Relaxed);
        let waker = Waker::from(self.clone());
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        if polled.is_pending() {
            *self.future.lock().unwrap() = Some(future);
        }
    }
}

#[test]
fn an_outermost_handler_polled_from_below_itself_stays_outermost() {
    let asked = Arc::new(AtomicUsize::new(0));
    let (mut body, count) = (Vec::new(), asked.clone());
    let inner = exit(std::future::pending::<()>());
    let unwinder = inner.unwinder();
    body.push(inner);
    let future = async move {
        let outer = exit(async move {
            // Its children are woken by wakers of its own.
            let mut unordered: FuturesUnordered<_> = body.into_iter().collect();
            let ended = exit(unordered.next()).await;
            assert!(matches!(ended, Exit::Value(Some(Exit::Cancelled(_)))));
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert!(matches!(outer.await, Exit::Value(())));
    };
    let inline = Arc::new(Inline {
        future: Mutex::new(Some(Box::pin(future))),
        polls: AtomicUsize::new(0),
    });
    inline.clone().wake();
    unwinder.unwind(scope());
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert_eq!(inline.polls.load(Ordering::Relaxed), 2);
}

#[test]
fn an_unwinder_taken_before_the_first_poll_drops_the_body_unpolled() {
    run(async {
        let polled = AtomicBool::new(false);
        let scope_ = exit(async { polled.store(true, Ordering::Relaxed) });
        let unwinder = scope_.unwinder();
        unwinder.unwind(scope());
        assert!(unwinder.last_request().is_some());
        assert!(matches!(scope_.await, Exit::Cancelled(c) if c.is_from(&unwinder)));
        assert!(!polled.load(Ordering::Relaxed));
        let mut pinned = pin!(exit(forever()));
        pinned.as_mut().unwind(scope());
        assert!(!pinned.is_settled());
        let ended = pinned.as_mut().await;
        assert!(matches!(ended, Exit::Cancelled(c) if pinned.is_own(&c)));
        assert_eq!(testing::counts().handlers, 0);
        unwinder.unwind(scope());
        assert!(unwinder.last_request().is_none(), "it has ended");
    })
    .unwrap();
}

#[test]
fn a_task_without_handlers_has_no_tree_and_still_takes_a_request() {
    run(async {
        let task = spawn(async {
            passes(3).await;
            current().cancel();
            passes(1).await;
        });
        assert!(task.outcome().await.is_err());
    })
    .unwrap();
}
