//! Cases that broke earlier wordings of the kernel's rules: each must stay as it is here.

use std::cell::RefCell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use aioli_task::{Exit, ExitFuture, Reason, ReasonKind, catch, current, exit, spawn};
use futures::future::join;

use crate::support::{Log, finally, forever, passes, run};

/// A generator of sorts: a body that is polled now and then, and set aside in between.
async fn step<F: Future<Output = ()>>(mut body: Pin<&mut ExitFuture<F>>) -> bool {
    let polled = futures::poll!(body.as_mut());
    body.set_aside();
    polled.is_ready()
}

#[test]
fn a_body_set_aside_does_not_get_the_request_that_its_consumer_absorbs() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let task = spawn(async move {
            let mut body = pin!(exit(finally(passes(3), async { l.put("cleanup") })));
            assert!(!step(body.as_mut()).await);
            l.put(format!("absorbed {}", catch(forever()).await.is_err()));
            while !step(body.as_mut()).await {
                passes(1).await;
            }
            5
        });
        passes(1).await;
        task.cancel();
        assert_eq!(task.await, 5);
    })
    .unwrap();
    assert_eq!(log.joined(), "absorbed true,cleanup");
}

#[test]
fn a_foreign_join_of_a_handler_and_a_task_that_others_cancel_does_not_hang() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let other = spawn(forever());
        let canceller = other.handle();
        let joined = spawn(async move {
            let sibling = async {
                let _ = catch(forever()).await;
                l.put("sibling done");
                forever().await;
            };
            join(sibling, other).await;
        });
        passes(2).await;
        canceller.cancel();
        assert!(joined.outcome().await.is_err());
    })
    .unwrap();
    assert_eq!(log.joined(), "sibling done");
}

/// A waker that polls its future where it is woken, as some hand-written executors do.
struct Inline(Mutex<Option<Pin<Box<dyn Future<Output = bool> + Send>>>>);

impl Wake for Inline {
    fn wake(self: Arc<Self>) {
        let future = self.0.lock().unwrap().take();
        if let Some(mut future) = future {
            let waker = Waker::from(self.clone());
            if future
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
            {
                *self.0.lock().unwrap() = Some(future);
            }
        }
    }
}

#[test]
fn a_waker_may_poll_inline() {
    run(async {
        let task = spawn(async {
            let absorbed = async { catch(std::future::pending::<()>()).await.is_err() };
            let inline = Arc::new(Inline(Mutex::new(Some(Box::pin(absorbed)))));
            inline.clone().wake(); // the first poll
            assert!(inline.0.lock().unwrap().is_some());
            current().cancel();
            assert!(
                inline.0.lock().unwrap().is_none(),
                "it took the request where it was woken"
            );
            passes(1).await;
            "survived"
        });
        assert_eq!(task.await, "survived");
    })
    .unwrap();
}

#[test]
fn a_drop_may_cancel_spawn_and_wake() {
    struct Reenters(Log);
    impl Drop for Reenters {
        fn drop(&mut self) {
            current().cancel();
            spawn(async {});
            self.0.put("dropped");
        }
    }
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let task = spawn(async move {
            let body = async {
                let _guard = Reenters(l.clone());
                forever().await;
            };
            l.put(catch(body).await.is_err().to_string());
            passes(1).await;
            l.put("never: the second request was not lost");
        });
        passes(1).await;
        task.cancel();
        assert!(task.outcome().await.is_err());
    })
    .unwrap();
    assert_eq!(log.joined(), "dropped,true");
}

#[test]
fn a_generator_style_body_can_be_asked_while_it_is_set_aside() {
    run(async {
        let cleaned = Rc::new(RefCell::new(false));
        let flag = cleaned.clone();
        let body = finally(forever(), async move { *flag.borrow_mut() = true });
        let mut body = pin!(exit(body));
        let unwinder = body.unwinder();
        assert!(futures::poll!(body.as_mut()).is_pending());
        body.as_mut().set_aside();
        unwinder.unwind(Reason::new(ReasonKind::Scope));
        assert!(matches!(body.await, Exit::Cancelled(c) if c.is_from(&unwinder)));
        assert!(*cleaned.borrow());
    })
    .unwrap();
}

/// What nobody polls any more must not stall a raise either, however far in it happens.
#[test]
fn an_abandoned_handler_beside_a_raise_does_not_stall_it() {
    let log = Log::default();
    let l = log.clone();
    run(async move {
        let other = spawn(forever());
        other.cancel();
        let body = async {
            let mut idle = pin!(catch(forever()));
            assert!(futures::poll!(idle.as_mut()).is_pending());
            other.await;
        };
        l.put(format!("caught {}", catch(body).await.is_err()));
        // The same below a scope that unwinds, under another handler.
        let body = exit(async {
            let mut idle = pin!(catch(forever()));
            assert!(futures::poll!(idle.as_mut()).is_pending());
            forever().await;
        });
        let unwinder = body.unwinder();
        let task = spawn(catch(body));
        passes(1).await;
        unwinder.unwind(Reason::new(ReasonKind::Scope));
        l.put(format!(
            "unwound {}",
            matches!(task.await, Ok(Exit::Cancelled(_)))
        ));
    })
    .unwrap();
    assert_eq!(log.joined(), "caught true,unwound true");
}

/// What each of many siblings does must not cost a look at all of them.
#[test]
fn twenty_thousand_siblings_may_raise_and_absorb_one_by_one() {
    const MANY: usize = 20_000;
    run(async {
        let absorbed = Rc::new(RefCell::new(0));
        let count = absorbed.clone();
        let task = spawn(async move {
            let child = |i: usize| {
                let count = count.clone();
                async move {
                    let cancelled = catch(forever()).await.unwrap_err();
                    if i.is_multiple_of(2) {
                        *count.borrow_mut() += 1;
                    } else {
                        cancelled.raise().await;
                    }
                }
            };
            let mut children: Vec<_> = (0..MANY).map(|i| Some(Box::pin(child(i)))).collect();
            std::future::poll_fn(|cx| {
                for child in &mut children {
                    if child
                        .as_mut()
                        .is_some_and(|child| child.as_mut().poll(cx).is_ready())
                    {
                        *child = None;
                    }
                }
                std::task::Poll::<()>::Pending
            })
            .await;
        });
        passes(1).await;
        task.cancel();
        assert!(task.outcome().await.is_err());
        assert_eq!(*absorbed.borrow(), MANY / 2);
    })
    .unwrap();
}
