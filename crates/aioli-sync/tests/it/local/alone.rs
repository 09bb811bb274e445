//! What needs no `Send` and what may be woken from elsewhere.

use aioli_sync::local::{
    Barrier, CapacityLimiter, Condition, Event, Lock, Notify, OnceCell, Queue, RwLock, Semaphore,
    broadcast, channel, oneshot, watch,
};
use futures::executor::{LocalPool, block_on};
use futures::task::LocalSpawnExt;
use std::rc::Rc;
use std::thread;

/// Every primitive once, with items that cannot be sent.
async fn everything() -> u32 {
    let queue = Queue::new(1);
    let (tx, rx) = channel(1);
    let (reply, answer) = oneshot::channel();
    let (level, mut dial) = watch::channel(Rc::new(0));
    let (air, mut radio) = broadcast::channel(2);
    let (lock, rw_lock) = (Rc::new(Lock::new(Rc::new(0))), RwLock::new(Rc::new(0)));
    let (semaphore, limiter) = (Rc::new(Semaphore::new(1)), CapacityLimiter::new(1));
    let (event, notify, condition) = (Event::new(), Notify::new(), Condition::new());
    let (barrier, cell) = (Barrier::new(2), OnceCell::new());

    let produce = async {
        for item in 0..10 {
            queue.put(Rc::new(item)).await.expect("nobody shuts down");
        }
        queue.join().await;
        queue.shutdown();
        event.set();
        notify.notify_one();
        level.send(Rc::new(1));
        assert!(air.send(Rc::new(1)).is_ok());
        *lock.lock().await = Rc::new(1);
        condition.notify_all();
        barrier.wait().await.expect("nobody breaks it");
    };
    let consume = {
        let queue = queue.clone();
        async move {
            while let Ok(item) = queue.take().await {
                tx.send(Rc::clone(&item)).await.expect("the receiver lives");
            }
        }
    };
    let gather = async {
        while let Ok(item) = rx.recv().await {
            let _permit = Rc::clone(&semaphore).acquire_owned().await;
            let _token = limiter.acquire().await;
            let sum = **rw_lock.read().await + *item;
            *rw_lock.write().await = Rc::new(sum);
        }
        event.wait().await;
        notify.notified().await;
        assert_eq!(**dial.changed().await.expect("it was sent"), 1);
        assert_eq!(**radio.recv().await.expect("it was sent"), 1);
        let guard = lock.lock().await;
        drop(condition.wait_for(guard, |count| **count == 1).await);
        drop(Rc::clone(&lock).lock_owned().await);
        barrier.wait().await.expect("nobody breaks it");
        let sum = Rc::clone(&*rw_lock.read().await);
        reply.send(Rc::clone(cell.get_or_init(async || sum).await))
    };
    let (_, _, sent) = futures::join!(produce, consume, gather);
    sent.expect("the answer is awaited");
    *answer.await.expect("it was sent")
}

#[test]
fn block_on_one_thread() {
    assert_eq!(block_on(everything()), 45);
}

#[test]
fn a_pool_of_one_thread() {
    let mut pool = LocalPool::new();
    let spawner = pool.spawner();
    let tasks: Vec<_> = (0..8)
        .map(|_| spawner.spawn_local_with_handle(everything()))
        .collect();
    for task in tasks {
        let task = task.expect("the pool runs");
        assert_eq!(pool.run_until(task), 45);
    }
}

#[test]
fn tokio_and_smol_on_one_thread() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .expect("a thread can be had");
    let set = tokio::task::LocalSet::new();
    let task = set.spawn_local(everything());
    runtime.block_on(set);
    assert_eq!(runtime.block_on(task).expect("it does not panic"), 45);

    let executor = smol::LocalExecutor::new();
    let task = executor.spawn(everything());
    assert_eq!(smol::block_on(executor.run(task)), 45);
}

#[test]
fn a_foreign_thread_may_hold_and_drop_the_waker() {
    let lock = Lock::new(1);
    let (mut guard, mut waiting) = (lock.try_lock(), Box::pin(lock.lock()));
    let value = block_on(std::future::poll_fn(|cx| {
        let polled = waiting.as_mut().poll(cx);
        if let Some(guard) = guard.take() {
            let waker = cx.waker().clone();
            thread::spawn(move || drop(waker));
            drop(guard);
        }
        polled.map(|guard| *guard)
    }));
    assert_eq!(value, 1);
}
