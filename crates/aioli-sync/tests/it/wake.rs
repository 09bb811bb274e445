//! Wakers that do more than they should: poll inline, drop the task, use the primitive.

use crate::harness::{pending, ready};
use aioli_sync::{Event, Lock, Queue, Semaphore, channel, oneshot};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

type Job = Box<dyn FnOnce() + Send>;

/// Runs its job inside `wake`, or, if it is never woken, where its last clone is dropped.
struct Inline(Mutex<Option<Job>>);

impl Inline {
    fn waker(job: impl FnOnce() + Send + 'static) -> Waker {
        Waker::from(Arc::new(Inline(Mutex::new(Some(Box::new(job))))))
    }

    fn run(&self) {
        let job = self.0.lock().expect("no job panics").take();
        if let Some(job) = job {
            job();
        }
    }
}

impl Wake for Inline {
    fn wake(self: Arc<Self>) {
        self.run();
    }
}

impl Drop for Inline {
    fn drop(&mut self) {
        self.run();
    }
}

#[test]
fn a_waker_may_poll_its_future_inline() {
    let queue = Queue::new(1);
    let got = Arc::new(AtomicUsize::new(0));
    let get = Arc::new(Mutex::new(Box::pin({
        let queue = queue.clone();
        async move { queue.get().await }
    })));
    let waker = Inline::waker({
        let (get, got) = (Arc::clone(&get), Arc::clone(&got));
        move || {
            let mut cx = Context::from_waker(Waker::noop());
            if let Poll::Ready(Ok(item)) = get.lock().expect("free").as_mut().poll(&mut cx) {
                got.store(item, Ordering::Relaxed);
            }
        }
    });
    let polled = {
        let mut get = get.lock().expect("free");
        get.as_mut().poll(&mut Context::from_waker(&waker))
    };
    assert!(polled.is_pending());
    queue.try_put(7).expect("it is empty");
    assert_eq!(got.load(Ordering::Relaxed), 7);
}

#[test]
fn a_waker_may_drop_its_future_inline() {
    let semaphore = Arc::new(Semaphore::new(0));
    let acquire = Arc::new(Mutex::new(Some(Box::pin(
        Arc::clone(&semaphore).acquire_owned(),
    ))));
    let waker = Inline::waker({
        let acquire = Arc::clone(&acquire);
        move || drop(acquire.lock().expect("free").take())
    });
    let polled = {
        let mut acquire = acquire.lock().expect("free");
        let acquire = acquire.as_mut().expect("not dropped yet");
        acquire.as_mut().poll(&mut Context::from_waker(&waker))
    };
    assert!(polled.is_pending());
    semaphore.add_permits(1);
    assert_eq!(semaphore.available(), 1, "the grant came back");
}

#[test]
fn a_waker_may_use_the_primitive() {
    let event = Arc::new(Event::new());
    let waker = Inline::waker({
        let event = Arc::clone(&event);
        move || event.clear()
    });
    let mut wait = std::pin::pin!(event.wait());
    assert!(
        wait.as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    event.set();
    assert!(!event.is_set());
    ready(wait);
}

/// The last clone of a task's waker may own the task, whose future owns guards.
#[test]
fn dropping_a_waker_may_use_the_primitive() {
    let lock = Arc::new(Lock::new(()));
    let guard = ready(lock.lock());
    let touches = |lock: &Arc<Lock<()>>| {
        let lock = Arc::clone(lock);
        Inline::waker(move || drop(lock.try_lock()))
    };
    let mut locking = lock.lock();
    for _ in 0..3 {
        // The waker of the last round is replaced, and dropped, by this one.
        let waker = touches(&lock);
        let mut locking = std::pin::Pin::new(&mut locking);
        assert!(
            locking
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
    }
    drop(locking);
    drop(guard);

    let (tx, mut rx) = oneshot::channel::<u32>();
    let reply = Arc::new(Mutex::new(Some(tx)));
    let waker = Inline::waker({
        let reply = Arc::clone(&reply);
        move || drop(reply.lock().expect("free").take())
    });
    let mut cx = Context::from_waker(&waker);
    assert!(std::pin::Pin::new(&mut rx).poll(&mut cx).is_pending());
    drop(waker);
    drop(rx);
    assert!(reply.lock().expect("free").is_none());
}

/// An item that uses its queue when it is dropped.
struct Nosy(Queue<Nosy>, Arc<AtomicUsize>);

impl Drop for Nosy {
    fn drop(&mut self) {
        self.1.fetch_add(1 + self.0.len(), Ordering::Relaxed);
        let _ = self.0.task_done();
    }
}

#[test]
fn an_items_drop_may_use_its_queue() {
    let drops = Arc::new(AtomicUsize::new(0));
    let queue = Queue::new(2);
    let nosy = || Nosy(queue.clone(), Arc::clone(&drops));
    queue.try_put(nosy()).expect("it is empty");
    queue.try_put(nosy()).expect("there is room");
    drop(queue.try_put(nosy()));
    pending(queue.put(nosy())).cancel();
    assert_eq!(drops.swap(0, Ordering::Relaxed), 6);
    drop(queue.shutdown_now());
    drop(ready(queue.put(nosy())));
    assert_eq!(drops.load(Ordering::Relaxed), 3);
    assert!(queue.is_empty());
}

#[test]
fn an_items_drop_may_use_its_channel() {
    struct Nosy(channel::mpmc::Sender<Option<Nosy>>);
    impl Drop for Nosy {
        fn drop(&mut self) {
            assert!(self.0.try_send(None).is_err(), "there is no receiver");
        }
    }
    let (tx, rx) = channel::unbounded();
    tx.try_send(Some(Nosy(tx.clone())))
        .expect("it is unbounded");
    drop(rx);
    assert_eq!(tx.stats().len, 0);
}

#[test]
fn one_freed_thing_wakes_one_waiter() {
    let queue = Queue::unbounded();
    let waiting = [(); 5].map(|()| pending(queue.get()));
    queue.try_put(0).expect("it is unbounded");
    assert_eq!(waiting.iter().filter(|task| task.is_woken()).count(), 1);
}

#[test]
fn a_waiter_that_moves_to_another_task_wakes_that_one() {
    let lock = Lock::new(());
    let guard = ready(lock.lock());
    let mut locking = pending(lock.lock());
    assert!(locking.poll_with(Waker::noop()).is_pending());
    drop(guard);
    assert!(!locking.is_woken());
}
