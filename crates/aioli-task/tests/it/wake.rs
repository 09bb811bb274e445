//! Wake-ups from the home thread and from others.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use aioli_task::spawn;

use crate::support::{passes, run};

#[test]
fn many_wakes_before_a_poll_are_one_poll() {
    run(async {
        let polls = Rc::new(Cell::new(0));
        let count = polls.clone();
        let waker = Rc::new(Cell::new(None));
        let slot = waker.clone();
        spawn(poll_fn(move |cx| {
            count.set(count.get() + 1);
            slot.set(Some(cx.waker().clone()));
            Poll::<()>::Pending
        }));
        passes(1).await;
        let waker = waker.take().unwrap();
        for _ in 0..10 {
            waker.wake_by_ref();
            waker.wake_by_ref();
        }
        passes(2).await;
        assert_eq!(polls.get(), 2);
    })
    .unwrap();
}

/// A waker that counts its clones.
struct Counted;

impl std::task::Wake for Counted {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn who_stops_waiting_for_a_task_takes_its_waker_back() {
    run(async {
        let task = spawn(crate::support::forever());
        let counted = Arc::new(Counted);
        for _ in 0..10 {
            let waker = std::task::Waker::from(counted.clone());
            let mut done = std::pin::pin!(task.handle().done());
            let polled = done
                .as_mut()
                .poll(&mut std::task::Context::from_waker(&waker));
            assert!(polled.is_pending());
            assert_eq!(Arc::strong_count(&counted), 3);
        }
        assert_eq!(Arc::strong_count(&counted), 1);
        task.cancel();
    })
    .unwrap();
}

#[test]
fn no_wake_from_another_thread_is_lost() {
    const WAKES: usize = 2_000;
    let sent = Arc::new(AtomicUsize::new(0));
    let seen = sent.clone();
    aioli_task::run(async move {
        let (register, registered) = std::sync::mpsc::channel::<std::task::Waker>();
        let thread = std::thread::spawn(move || {
            // Answers each registration with one wake, so a lost one would hang the test.
            while let Ok(waker) = registered.recv() {
                sent.fetch_add(1, Ordering::SeqCst);
                waker.wake();
            }
        });
        for round in 0..WAKES {
            let mut asked = false;
            poll_fn(|cx| {
                if seen.load(Ordering::SeqCst) > round {
                    return Poll::Ready(());
                }
                if !std::mem::replace(&mut asked, true) {
                    register.send(cx.waker().clone()).unwrap();
                }
                Poll::Pending
            })
            .await;
        }
        drop(register);
        thread.join().unwrap();
        assert_eq!(seen.load(Ordering::SeqCst), WAKES);
    });
}
