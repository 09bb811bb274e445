//! The rules of the kernel, one module of cases a rule, on the virtual clock.

use std::cell::Cell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::Mutex;
use std::task::{Context, Poll, Wake, Waker};

use aioli_task::{
    Cancelled, Exit, Reason, ReasonKind, Requests, Stop, adopt, catch, current, exit, isolate,
    rearm, shield, spawn, testing,
};
use futures::future::{Either, join, select};
use futures::stream::{FuturesUnordered, StreamExt};

use crate::support::{Log, OnlyOnce, finally, forever, passes, run};

fn group() -> Reason {
    Reason::new(ReasonKind::Group)
}

#[test]
fn rule_1_a_handler_moves_to_where_it_is_polled() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let task = spawn(async move {
            let cleanup = async {
                l.put("begins");
                passes(2).await;
                l.put("done");
            };
            let mut job = Box::pin(finally(forever(), cleanup));
            // First polled inside a short-lived handler, then awaited outside of it.
            let _ = catch(select(&mut job, pin!(passes(2)))).await;
            job.await;
        });
        passes(5).await;
        task.cancel();
        assert!(task.outcome().await.is_err());
    })
    .unwrap();
    assert_eq!(log.joined(), "begins,done");
}

#[test]
fn rule_1_a_handler_may_start_in_one_task_and_go_on_in_another() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let l2 = l.clone();
        let mut job: Pin<Box<dyn Future<Output = ()>>> = Box::pin(finally(
            async move { finally(forever(), async move { l.put("inner") }).await },
            async move { l2.put("outer") },
        ));
        let first = spawn(async move {
            assert!(futures::poll!(&mut job).is_pending());
            [job]
        });
        let [mut job] = first.await;
        let second = spawn(async move {
            assert!(futures::poll!(&mut job).is_pending());
            job.await;
        });
        passes(2).await;
        second.cancel();
        assert!(second.outcome().await.is_err());
    })
    .unwrap();
    assert_eq!(log.joined(), "inner,outer");
}

#[test]
fn rule_1_a_body_that_is_ready_at_once_never_links() {
    run(async {
        assert!(matches!(
            exit(async { testing::counts().handlers }).await,
            Exit::Value(0)
        ));
        let depth = exit(exit(async {
            // A handler below that suspends links everything above it.
            let mut inner = pin!(catch(forever()));
            assert!(futures::poll!(&mut inner).is_pending());
            testing::counts().handlers
        }));
        assert!(matches!(depth.await, Exit::Value(Exit::Value(3))));
        assert_eq!(testing::counts().handlers, 0);
    })
    .unwrap();
}

type Boxed = Pin<Box<dyn Future<Output = ()>>>;

/// Like `FuturesUnordered`: polls only children that were woken, each with its own waker.
struct Unordered {
    children: Vec<(Option<Boxed>, Arc<Child>)>,
    polls: Rc<Cell<u32>>,
}

struct Child {
    woken: Mutex<bool>,
    parent: Mutex<Option<Waker>>,
}

impl Wake for Child {
    fn wake(self: Arc<Self>) {
        *self.woken.lock().unwrap() = true;
        let parent = self.parent.lock().unwrap().clone();
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}

impl Unordered {
    fn push(&mut self, child: impl Future<Output = ()> + 'static) {
        let waker = Child {
            woken: Mutex::new(true),
            parent: Mutex::default(),
        };
        self.children.push((Some(Box::pin(child)), Arc::new(waker)));
    }
}

impl Future for Unordered {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        for (future, child) in &mut this.children {
            *child.parent.lock().unwrap() = Some(cx.waker().clone());
            let Some(body) = future else { continue };
            if std::mem::take(&mut *child.woken.lock().unwrap()) {
                this.polls.set(this.polls.get() + 1);
                let waker = Waker::from(child.clone());
                if body
                    .as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_ready()
                {
                    *future = None;
                }
            }
        }
        let done = this.children.iter().all(|(future, _)| future.is_none());
        if done { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[test]
fn rule_2_innermost_handlers_are_woken_with_their_own_wakers() {
    let log = Log::default();
    let polls = Rc::new(Cell::new(0));
    let (l, p) = (log.clone(), polls.clone());
    run(async move {
        let task = spawn(async move {
            let mut unordered = Unordered {
                children: Vec::new(),
                polls: p,
            };
            for child in 1..=3 {
                let l = l.clone();
                unordered.push(finally(forever(), async move {
                    passes(child).await;
                    l.put(child.to_string());
                }));
            }
            unordered.await;
        });
        passes(1).await;
        task.cancel();
        assert!(task.outcome().await.is_err());
    })
    .unwrap();
    assert_eq!(log.joined(), "1,2,3");
    // Once to start, once when asked, once a pass of clean-up: nobody is polled for others.
    assert_eq!(polls.get(), 3 + 3 + (1 + 2 + 3));
}

#[test]
fn rule_3_an_asked_handler_drops_its_body_without_polling_it() {
    run(async {
        let polls = Rc::new(Cell::new(0));
        let count = polls.clone();
        let task = spawn(async move {
            let body = std::future::poll_fn(move |_| {
                count.set(count.get() + 1);
                if count.get() == 1 {
                    Poll::Pending
                } else {
                    Poll::Ready(1)
                }
            });
            catch(body).await.is_err()
        });
        passes(1).await;
        task.cancel();
        assert!(task.await);
        assert_eq!(polls.get(), 1);
    })
    .unwrap();
}

#[test]
fn rule_4_cleanups_run_innermost_first_and_are_awaited() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let task = spawn(async move {
            let inner = async {
                l.put("i1");
                passes(2).await;
                l.put("i2");
            };
            let outer = async {
                l.put("o1");
                passes(2).await;
                l.put("o2");
            };
            finally(finally(forever(), inner), outer).await;
        });
        passes(1).await;
        task.cancel();
        assert!(task.outcome().await.is_err());
    })
    .unwrap();
    assert_eq!(log.joined(), "i1,i2,o1,o2");
}

#[test]
fn rule_4_an_absorbed_request_is_consumed() {
    run(async {
        let task = spawn(async {
            let absorbed = catch(forever()).await.is_err();
            passes(3).await;
            (absorbed, 42)
        });
        passes(1).await;
        assert!(task.cancel());
        assert_eq!(task.await, (true, 42));
    })
    .unwrap();
}

#[test]
fn rule_4_a_raise_asks_the_siblings_and_then_the_parent() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let task = spawn(async move {
            let raising = async { Cancelled::new(group()).raise().await };
            let sibling = finally(forever(), async { l.put("sibling cleaned") });
            let ended = exit(join(raising, sibling)).await;
            assert!(
                matches!(&ended, Exit::Cancelled(c) if c.is_raised()),
                "{ended:?}"
            );
            l.put("parent asked");
        });
        task.await;
    })
    .unwrap();
    assert_eq!(log.joined(), "sibling cleaned,parent asked");
}

#[test]
fn rule_5_a_task_without_handlers_is_dropped() {
    struct Guard(Log);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.put("dropped");
        }
    }
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let task = spawn(async move {
            let _guard = Guard(l.clone());
            forever().await;
            l.put("never");
        });
        passes(1).await;
        task.cancel_with("enough");
        let stop = task.outcome().await.unwrap_err();
        let Stop::Cancelled(reason) = stop else {
            panic!("{stop:?}")
        };
        assert_eq!(reason.message(), Some("enough"));
        assert_eq!(reason.by_task(), Some("Task-1"));
    })
    .unwrap();
    assert_eq!(log.joined(), "dropped");
}

#[test]
fn rule_5_cancelled_before_its_first_poll_a_task_is_never_polled() {
    run(async {
        let ran = Rc::new(Cell::new(false));
        let flag = ran.clone();
        let task = spawn(async move { flag.set(true) });
        task.cancel();
        assert!(task.outcome().await.is_err());
        assert!(!ran.get());
    })
    .unwrap();
}

#[test]
fn rule_6_a_value_that_comes_in_spite_of_the_request_is_kept() {
    run(async {
        let task = spawn(async {
            current().cancel();
            12
        });
        assert_eq!(task.await, 12);
        // A handler that completes although asked hands the request to its parent.
        let task = spawn(async {
            let value = catch(async {
                current().cancel();
                12
            });
            assert_eq!(value.await.unwrap(), 12);
            catch(forever()).await.is_err()
        });
        assert!(task.await);
    })
    .unwrap();
}

#[test]
fn rule_7_a_shield_delivers_when_it_is_done() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let task = spawn(async move {
            shield(async {
                passes(3).await;
                l.put("done");
            })
            .await;
            forever().await;
            l.put("never");
        });
        passes(1).await;
        task.cancel();
        assert!(task.outcome().await.is_err());
    })
    .unwrap();
    assert_eq!(log.joined(), "done");
}

#[test]
fn rule_7_a_second_request_does_not_cut_a_shielded_cleanup() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let task = spawn(async move {
            finally(forever(), async {
                l.put("a");
                passes(5).await;
                l.put("b");
            })
            .await;
        });
        passes(1).await;
        task.cancel();
        passes(2).await;
        task.cancel();
        assert!(task.outcome().await.is_err());
    })
    .unwrap();
    assert_eq!(log.joined(), "a,b");
}

#[test]
fn rule_7_what_is_raised_inside_a_shield_comes_out() {
    run(async {
        let gone = spawn(forever());
        gone.cancel();
        let task = spawn(async move { catch(shield(gone)).await.is_err() });
        assert!(task.await);
    })
    .unwrap();
}

#[test]
fn rule_8_a_handler_that_nobody_polls_does_not_stall_the_request() {
    run(async {
        let task = spawn(OnlyOnce {
            first: Box::pin(finally(forever(), async {})),
            second: Box::pin(forever()),
            polled: false,
        });
        passes(1).await;
        task.cancel();
        assert!(task.outcome().await.is_err());
    })
    .unwrap();
}

#[test]
fn rule_8_holds_for_a_handler_whose_waker_leads_nowhere() {
    run(async {
        let task = spawn(async {
            let mut aside = Box::pin(finally(forever(), async {}));
            let waker = Waker::noop();
            assert!(
                aside
                    .as_mut()
                    .poll(&mut Context::from_waker(waker))
                    .is_pending()
            );
            forever().await;
        });
        passes(1).await;
        task.cancel();
        assert!(task.outcome().await.is_err());
    })
    .unwrap();
}

#[test]
fn rule_8_does_not_fire_while_a_busy_combinator_gets_there() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let task = spawn(async move {
            let mut unordered = FuturesUnordered::<Boxed>::new();
            unordered.push(Box::pin(passes(100)));
            unordered.push(Box::pin(passes(100)));
            unordered.push(Box::pin(finally(
                forever(),
                async move { l.put("cleanup") },
            )));
            while unordered.next().await.is_some() {}
        });
        passes(5).await;
        task.cancel();
        assert!(task.outcome().await.is_err());
    })
    .unwrap();
    assert_eq!(log.joined(), "cleanup");
}

#[test]
fn rule_8_ends_a_task_that_wakes_itself_for_ever() {
    run(async {
        let task = spawn(async {
            let mut aside = Box::pin(finally(forever(), async {}));
            let _ = select(&mut aside, pin!(passes(1))).await;
            loop {
                passes(1).await;
            }
        });
        passes(5).await;
        task.cancel();
        assert!(task.outcome().await.is_err());
    })
    .unwrap();
}

#[test]
fn rule_9_a_scopes_own_unwind_is_told_from_a_request_from_outside() {
    run(async {
        let task = spawn(async {
            let entry = Requests::mark();
            let mut scope = pin!(exit(forever()));
            let unwinder = scope.unwinder();
            assert!(futures::poll!(scope.as_mut()).is_pending());
            unwinder.unwind(Reason::new(ReasonKind::Timeout));
            let Exit::Cancelled(own) = scope.await else {
                panic!("asked")
            };
            assert!(own.is_from(&unwinder));
            assert!(!entry.grown());
            assert_eq!(current().cancelling(), 0);
        });
        task.await;
    })
    .unwrap();
}

#[test]
fn rule_9_an_outer_unwind_is_not_hidden_by_an_inner_one() {
    run(async {
        let task = spawn(async {
            let outer = exit(async {
                let inner = exit(finally(forever(), passes(5)));
                let mut inner = pin!(inner);
                let unwinder = inner.unwinder();
                assert!(futures::poll!(inner.as_mut()).is_pending());
                unwinder.unwind(Reason::new(ReasonKind::Timeout));
                match inner.await {
                    Exit::Cancelled(cancelled) => {
                        assert!(
                            !cancelled.is_from(&unwinder),
                            "the outer one came meanwhile"
                        );
                        cancelled.raise().await
                    }
                    other => panic!("{other:?}"),
                }
            });
            let mut outer = pin!(outer);
            let unwinder = outer.unwinder();
            for _ in 0..3 {
                assert!(futures::poll!(outer.as_mut()).is_pending());
                passes(1).await;
            }
            unwinder.unwind(Reason::new(ReasonKind::Scope));
            let Exit::Cancelled(cancelled) = outer.await else {
                panic!("asked")
            };
            assert!(cancelled.is_from(&unwinder));
        });
        task.await;
    })
    .unwrap();
}

#[test]
fn rule_9_a_rearmed_request_is_delivered_at_the_next_suspension() {
    run(async {
        let task = spawn(async {
            let cancelled = catch(forever()).await.unwrap_err();
            rearm(cancelled);
            let log = Log::default();
            log.put("still running");
            let again = catch(forever()).await;
            (log.joined(), again.is_err())
        });
        passes(1).await;
        task.cancel();
        assert_eq!(task.await, ("still running".to_owned(), true));
    })
    .unwrap();
}

#[test]
fn rule_10_awaiting_a_task_forwards_and_waits() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let inner = spawn(finally(forever(), async move {
            passes(3).await;
            l.put("inner clean");
        }));
        let handle = inner.handle();
        let outer = spawn(inner);
        passes(2).await;
        outer.cancel();
        assert!(outer.outcome().await.is_err());
        assert!(handle.is_cancelled());
    })
    .unwrap();
    assert_eq!(log.joined(), "inner clean");
}

#[test]
fn rule_10_a_task_that_suppresses_lets_the_awaiter_go_on() {
    run(async {
        let inner = spawn(async { catch(forever()).await.map_or(42, |()| 0) });
        let outer = spawn(async move { inner.await + 1 });
        passes(2).await;
        outer.cancel();
        assert_eq!(outer.await, 43);
    })
    .unwrap();
}

#[test]
fn rule_10_each_request_is_forwarded() {
    run(async {
        let inner = spawn(async {
            let first = catch(forever()).await.is_err();
            let second = catch(forever()).await.is_err();
            first && second
        });
        let outer = spawn(inner);
        passes(2).await;
        outer.cancel();
        passes(4).await;
        assert!(!outer.is_done());
        outer.cancel();
        assert!(outer.await);
    })
    .unwrap();
}

#[test]
fn rule_10_a_task_cancelled_by_others_unwinds_its_awaiter() {
    run(async {
        let inner = spawn(forever());
        let handle = inner.handle();
        let awaiter = spawn(inner);
        passes(2).await;
        handle.cancel();
        let stop = awaiter.outcome().await.unwrap_err();
        assert!(stop.is_cancelled());
    })
    .unwrap();
}

#[test]
fn rule_10_a_shielded_task_runs_on() {
    run(async {
        let inner = spawn(async {
            passes(9).await;
            1
        });
        let handle = inner.handle();
        let outer = spawn(async move { inner.shielded().await });
        passes(2).await;
        outer.cancel();
        assert!(outer.outcome().await.is_err());
        assert!(!handle.is_done());
        handle.done().await;
        assert!(!handle.is_cancelled());
    })
    .unwrap();
}

#[test]
fn rule_11_a_request_to_a_task_is_delivered_once() {
    run(async {
        let task = spawn(async {
            let first = catch(forever()).await.is_err();
            passes(5).await;
            first
        });
        passes(1).await;
        task.cancel();
        assert!(task.await);
    })
    .unwrap();
}

#[test]
fn rule_13_an_adopted_cleanup_runs_and_no_request_reaches_it() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let task = spawn(async move {
            adopt(async move {
                passes(9).await;
                l.put("cleaned");
            });
            forever().await;
        });
        passes(2).await;
        assert_eq!(testing::counts().orphans, 1);
        task.cancel();
    })
    .unwrap();
    assert_eq!(log.joined(), "cleaned");
}

#[test]
fn rule_14_a_panic_is_the_third_way_out() {
    run(async {
        let ended = exit(async { panic!("poll") }).await;
        assert!(matches!(ended, Exit::<()>::Panicked(_)));
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("drop");
            }
        }
        let task = spawn(async {
            let body = async {
                let _bomb = Bomb;
                forever().await;
            };
            matches!(exit(body).await, Exit::Panicked(_))
        });
        passes(1).await;
        task.cancel();
        // The request was not consumed by the panic: the task is asked when it suspends, but it
        // ends with its value first.
        assert!(task.await);
    })
    .unwrap();
}

#[test]
fn rule_15_an_asked_handler_dropped_by_a_foreign_select_hands_the_request_on() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let task = spawn(async move {
            let won = match select(pin!(passes(3)), pin!(catch(forever()))).await {
                Either::Left(_) => "tick",
                Either::Right(_) => "cancelled",
            };
            l.put(won);
            passes(5).await;
            l.put("ran on");
        });
        // In the pass in which the sibling wins, just before it does.
        passes(3).await;
        task.cancel();
        assert!(task.outcome().await.is_err());
    })
    .unwrap();
    assert_eq!(log.joined(), "tick");
}

#[test]
fn rule_15_a_shield_with_a_parked_request_hands_it_on_when_dropped() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let task = spawn(async move {
            let _ = select(pin!(passes(3)), pin!(shield(forever()))).await;
            l.put("select over");
            passes(5).await;
            l.put("ran on");
        });
        passes(1).await;
        task.cancel();
        assert!(task.outcome().await.is_err());
    })
    .unwrap();
    assert_eq!(log.joined(), "select over");
}

#[test]
fn rule_15_a_forwarded_request_is_handed_on_when_the_await_is_dropped() {
    run(async {
        let stubborn = spawn(async { shield(passes(20)).await });
        let task = spawn(async move {
            let _ = select(stubborn, pin!(passes(5))).await;
            forever().await;
        });
        passes(2).await;
        task.cancel();
        assert!(task.outcome().await.is_err());
    })
    .unwrap();
}

#[test]
fn rule_16_a_handler_may_be_dropped_on_another_thread() {
    run(async {
        let mut scope = Box::pin(exit(exit(std::future::pending::<()>())));
        assert!(futures::poll!(scope.as_mut()).is_pending());
        assert_eq!(testing::counts().handlers, 2);
        std::thread::spawn(move || drop(scope)).join().unwrap();
        assert_eq!(testing::counts().handlers, 0);
    })
    .unwrap();
}

#[test]
fn rule_18_isolated_handlers_are_invisible_outside() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let task = spawn(isolate(finally(forever(), async move { l.put("cleanup") })));
        passes(1).await;
        task.cancel();
        assert!(task.outcome().await.is_err());
    })
    .unwrap();
    assert_eq!(log.joined(), "", "only a drop ends what is isolated");
}
