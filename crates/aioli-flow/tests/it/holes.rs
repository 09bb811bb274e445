//! Cases that break a careless wording of the rules: requests that vanish, come twice, or hang.
//!
//! The combinators of the `futures` crate stand for foreign code, which drops and forgets its
//! branches.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use aioli_flow::{finally, generator, isolate, timeout, wait_up_to, with};
use aioli_task::{catch, current, shield, spawn};
use aioli_time::sleep;
use futures::future::{Either, FutureExt, join, select};
use futures::stream::{FuturesUnordered, StreamExt};

use crate::{Conn, Log, at, caught, check, passes};

#[test]
fn an_asked_handler_dropped_by_a_select_hands_its_request_on() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            // The tick is polled first, and is ready in the pass in which the request arrives.
            let (tick, sleeper) = (pin!(sleep(1)), pin!(catch(sleep(9))));
            match select(tick, sleeper).await {
                Either::Left(_) => own.put("tick"),
                Either::Right(_) => own.put("cancelled"),
            }
            sleep(5).await;
            own.put("ran on");
        });
        sleep(1).await;
        task.cancel();
        let result = caught(task).await;
        (result, at())
    };
    check(body, "tick", "(Err(\"cancelled\"), \"1.0\")");
}

#[test]
fn a_shield_with_a_parked_request_dropped_by_a_select_hands_it_on() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            select(pin!(sleep(1)), pin!(shield(sleep(9)))).await;
            own.put("select over");
            sleep(5).await;
            own.put("ran on");
        });
        sleep(0.5).await;
        task.cancel();
        let result = caught(task).await;
        (result, at())
    };
    check(body, "select over", "(Err(\"cancelled\"), \"1.0\")");
}

#[test]
fn unordered_children_that_absorb_all_go_on() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            let mut children = FuturesUnordered::new();
            for i in 0..3 {
                let log = own.clone();
                children.push(async move {
                    let cancelled = caught(sleep(9)).await.is_err();
                    log.put(format!("{i} absorbed {cancelled}"));
                    passes(3).await;
                    log.put(format!("{i} finished"));
                });
            }
            while children.next().await.is_some() {}
            7
        });
        sleep(0.1).await;
        task.cancel();
        let result = caught(task).await;
        let mut entries: Vec<String> = log.0.take();
        entries.sort();
        log.put(entries.join(" "));
        result
    };
    let log = "0 absorbed true 0 finished 1 absorbed true 1 finished 2 absorbed true 2 finished";
    check(body, log, "Ok(7)");
}

#[test]
fn unordered_children_that_are_busy_do_not_set_a_clean_up_aside() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            let mut children = FuturesUnordered::new();
            for _ in 0..2 {
                children.push(passes(1000).boxed_local());
            }
            children.push(finally(sleep(99), async move { own.put("cleanup") }).boxed_local());
            while children.next().await.is_some() {}
        });
        passes(5).await;
        task.cancel();
        caught(task).await
    };
    check(body, "cleanup", "Err(\"cancelled\")");
}

#[test]
fn only_woken_children_are_polled_and_each_cleans_up() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            let mut children = FuturesUnordered::new();
            for i in 1..4 {
                let log = own.clone();
                children.push(finally(sleep(9), async move {
                    sleep(i).await;
                    log.put(format!("c{i}"));
                }));
            }
            while children.next().await.is_some() {}
        });
        sleep(0.1).await;
        task.cancel();
        let result = caught(task).await;
        (result, at())
    };
    check(body, "c1,c2,c3", "(Err(\"cancelled\"), \"3.1\")");
}

#[test]
fn a_generator_set_aside_does_not_hold_a_request() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            let inner = own.clone();
            let mut items = generator(async move |y| {
                let puts = async {
                    for i in 0..3 {
                        y.put(i).await;
                    }
                };
                finally(puts, async { inner.put("gen cleanup") }).await;
            });
            own.put(format!("{:?}", items.next().await));
            let absorbed = caught(sleep(9)).await.is_err();
            own.put(format!("absorbed {absorbed}"));
            sleep(1).await;
            own.put("alive");
            // The request must not arrive a second time.
            own.put(format!("{:?}", items.next().await));
            items.aclose().await;
            5
        });
        sleep(0.1).await;
        task.cancel();
        let result = caught(timeout(20, task)).await;
        (result, at())
    };
    let log = "Some(0),absorbed true,alive,Some(1),gen cleanup";
    check(body, log, "(Ok(Ok(5)), \"1.1\")");
}

#[test]
fn a_handler_polled_inside_a_short_lived_one_cleans_up_where_it_is_awaited() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            let cleanup = async move {
                own.put("cleanup begins");
                sleep(1).await;
                own.put("cleanup done");
            };
            let mut job = Box::pin(finally(sleep(99), cleanup));
            let _ = catch(select(&mut job, pin!(sleep(0.1)))).await;
            job.await;
        });
        sleep(1).await;
        task.cancel();
        let result = caught(task).await;
        (result, at())
    };
    check(
        body,
        "cleanup begins,cleanup done",
        "(Err(\"cancelled\"), \"2.0\")",
    );
}

#[test]
fn a_timeout_by_reference_cancels_for_good() {
    let body = |log: Log| async move {
        let own = log.clone();
        let mut job = Box::pin(async move {
            finally(sleep(3), async move { own.put("cleanup") }).await;
            42
        });
        log.put(format!("{:?}", timeout(1, &mut job).await));
        let again = caught(job).await;
        (again, at())
    };
    check(
        body,
        "cleanup,Err(Elapsed)",
        "(Err(\"cancelled\"), \"1.0\")",
    );
}

#[test]
fn waiting_up_to_a_time_leaves_the_future_be() {
    let body = |log: Log| async move {
        let own = log.clone();
        let mut job = Box::pin(async move {
            finally(sleep(3), async move { own.put("cleanup") }).await;
            42
        });
        log.put(format!("{:?}", wait_up_to(1, &mut job).await));
        (job.await, at())
    };
    check(body, "None,cleanup", "(42, \"3.0\")");
}

#[test]
fn a_foreign_join_with_a_task_that_others_cancel_ends() {
    let body = |_| async move {
        let a = spawn(sleep(9));
        a.cancel();
        let b = spawn(async move {
            join(a, sleep(3)).await;
            1
        });
        let result = caught(b).await;
        (result, at())
    };
    check(body, "", "(Err(\"cancelled\"), \"0.0\")");
}

#[test]
fn a_foreign_join_of_a_handler_and_a_task_that_others_cancel_ends() {
    let body = |log: Log| async move {
        let a = spawn(sleep(9));
        let handle = a.handle();
        let own = log.clone();
        let b = spawn(async move {
            let handler = async move {
                let _ = catch(sleep(3)).await;
                own.put("sibling done");
                std::future::pending::<()>().await;
            };
            join(handler, a).await;
            1
        });
        sleep(0.1).await;
        handle.cancel();
        let result = caught(timeout(50, b)).await;
        (result, at())
    };
    check(body, "sibling done", "(Err(\"cancelled\"), \"0.1\")");
}

#[test]
fn a_select_with_a_task_that_others_cancel_ends() {
    let body = |log: Log| async move {
        let (a, b) = (
            spawn(sleep(9)),
            spawn(async {
                sleep(1).await;
                3
            }),
        );
        let handle = a.handle();
        let own = log.clone();
        let task = spawn(async move {
            let _ = select(b, a).await;
            own.put("got b");
        });
        sleep(0.1).await;
        handle.cancel();
        caught(task).await
    };
    check(body, "", "Err(\"cancelled\")");
}

#[test]
fn with_cleans_up_though_it_was_never_polled() {
    let body = |log: Log| async move {
        drop(with(Conn(log.clone()), async |_| {}));
        log.put("dropped");
        sleep(1).await;
    };
    check(body, "dropped,closing,closed", "()");
}

/// A waker that polls what it wakes at once, as some hand-written executors do.
struct Inline<F>(std::sync::Mutex<Option<Pin<Box<F>>>>);

impl<F: Future + Send + 'static> Wake for Inline<F> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Ok(mut slot) = self.0.try_lock() else {
            return;
        };
        if let Some(future) = &mut *slot {
            let waker = Waker::from(self.clone());
            if future
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_ready()
            {
                *slot = None;
            }
        }
    }
}

#[test]
fn a_waker_that_polls_inline_is_no_trouble() {
    let body = |log: Log| async move {
        let inline = Arc::new(Inline(std::sync::Mutex::new(Some(Box::pin(catch(sleep(
            9,
        )))))));
        Wake::wake_by_ref(&inline);
        current().cancel();
        log.put(format!(
            "polled inline: {}",
            inline.0.lock().unwrap().is_none()
        ));
        current().uncancel();
        sleep(1).await;
        "survived"
    };
    check(body, "polled inline: true", "\"survived\"");
}

#[test]
fn a_body_whose_drop_cancels_its_task_and_spawns_is_no_trouble() {
    struct Reenters(Log);
    impl Drop for Reenters {
        fn drop(&mut self) {
            current().cancel();
            drop(spawn(async {}));
            self.0.put("dropped");
        }
    }
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            let guard = Reenters(own.clone());
            let body = async move {
                let _guard = guard;
                sleep(9).await;
            };
            own.put(format!("cancelled {}", catch(body).await.is_err()));
            sleep(1).await;
            own.put("after");
        });
        sleep(0.1).await;
        task.cancel();
        caught(task).await
    };
    check(body, "dropped,cancelled true", "Err(\"cancelled\")");
}

#[test]
fn a_handler_that_nobody_polls_does_not_stall_a_cancellation() {
    /// Polls its first branch once, and then never again.
    struct Lazy<A, B>(A, B, bool);
    impl<A: Future + Unpin, B: Future + Unpin> Future for Lazy<A, B> {
        type Output = ();
        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            if !std::mem::replace(&mut self.2, true) {
                let _ = Pin::new(&mut self.0).poll(cx);
            }
            Pin::new(&mut self.1).poll(cx).map(drop)
        }
    }
    let body = |log: Log| async move {
        let task = spawn(async move {
            let cleanup = finally(sleep(99), async move { log.put("inner cleanup") });
            Lazy(Box::pin(cleanup), Box::pin(sleep(50)), false).await;
        });
        sleep(0.1).await;
        task.cancel();
        let result = caught(task).await;
        (result, at())
    };
    check(body, "", "(Err(\"cancelled\"), \"0.1\")");
}

#[test]
fn a_handler_left_behind_does_not_stall_a_busy_task() {
    let body = |_| async move {
        let task = spawn(async {
            let mut job = Box::pin(finally(sleep(99), async {}));
            let _ = select(&mut job, pin!(passes(1))).await;
            loop {
                sleep(0).await;
            }
        });
        passes(5).await;
        task.cancel();
        caught(task).await
    };
    check(body, "", "Err(\"cancelled\")");
}

#[test]
fn what_is_shared_by_several_owners_is_isolated() {
    let body = |log: Log| async move {
        let own = log.clone();
        let job = finally(sleep(2), async move { own.put("job cleaned up") }).map(|()| 1);
        let shared = isolate(job).boxed_local().shared();
        let (first, second) = (spawn(shared.clone()), spawn(shared));
        sleep(0.5).await;
        first.cancel();
        log.put(format!("first {:?}", caught(first).await));
        let second = timeout(10, second).await;
        (second, at())
    };
    check(
        body,
        "first Err(\"cancelled\"),job cleaned up",
        "(Ok(1), \"2.0\")",
    );
}

#[test]
fn a_request_held_during_a_clean_up_outlives_its_holder() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            let clean_up = async {
                own.put("begins");
                sleep(5).await;
                own.put("ends");
            };
            // The select drops the holder while it cleans up.
            select(pin!(finally(sleep(99), clean_up)), pin!(sleep(2))).await;
            own.put("select over");
            sleep(5).await;
            own.put("ran on");
        });
        sleep(1).await;
        task.cancel();
        let result = caught(task).await;
        (result, at())
    };
    check(body, "begins,select over", "(Err(\"cancelled\"), \"2.0\")");
}
