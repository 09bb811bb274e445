//! Under executors that know nothing of aioli, and between threads.

use aioli_sync::{
    Barrier, CapacityLimiter, Condition, Event, Lock, Notify, OnceCell, PriorityQueue, Queue,
    RwLock, Semaphore, broadcast, channel, oneshot, watch,
};
use futures::StreamExt;
use futures::executor::block_on;
use futures::future::join_all;
use std::sync::Arc;
use std::thread;

/// Every primitive once, as a future that an executor may move between threads.
async fn everything() -> u32 {
    let queue = Queue::new(1);
    let (tx, mut rx) = channel(1);
    let (reply, answer) = oneshot::channel();
    let lock = Arc::new(Lock::new(0));
    let rw_lock = RwLock::new(0);
    let semaphore = Arc::new(Semaphore::new(1));
    let (event, condition, barrier) = (Event::new(), Condition::new(), Barrier::new(2));
    let (limiter, notify, cell) = (CapacityLimiter::new(1), Notify::new(), OnceCell::new());
    let ((level, mut dial), (air, mut radio)) = (watch::channel(0), broadcast::channel(2));

    let produce = async {
        for item in 0..10 {
            queue.put(item).await.expect("nobody shuts down");
        }
        queue.join().await;
        queue.shutdown();
        event.set();
        notify.notify_one();
        level.send(1);
        air.send(1).expect("somebody listens");
        *lock.lock().await += 1;
        condition.notify_all();
        barrier.wait().await.expect("nobody breaks it");
    };
    let consume = {
        let queue = queue.clone();
        async move {
            while let Ok(item) = queue.take().await {
                tx.send(*item).await.expect("the receiver lives");
            }
        }
    };
    let gather = async {
        let mut sum = 0;
        while let Some(item) = rx.next().await {
            let _permit = Arc::clone(&semaphore).acquire_owned().await;
            let _token = limiter.acquire().await;
            *rw_lock.write().await += item;
            sum += *rw_lock.read().await - sum;
        }
        event.wait().await;
        notify.notified().await;
        assert_eq!(*dial.changed().await.expect("it was sent"), 1);
        assert_eq!(*radio.recv().await.expect("it was sent"), 1);
        let guard = lock.lock().await;
        let guard = condition.wait_for(guard, |count| *count == 1).await;
        drop(guard);
        *Arc::clone(&lock).lock_owned().await += 1;
        barrier.wait().await.expect("nobody breaks it");
        reply.send(*cell.get_or_init(async || sum).await)
    };
    let (_, _, sent) = futures::join!(produce, consume, gather);
    sent.expect("the answer is awaited");
    answer.await.expect("it was sent")
}

#[test]
fn tokio_multi_thread() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("threads can be had");
    let sum = runtime.block_on(async {
        let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(everything())).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.expect("it does not panic");
        }
        sum
    });
    assert_eq!(sum, 8 * 45);
}

#[test]
fn tokio_for_each_can_be_spawned() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("threads can be had");
    runtime.block_on(async {
        let queue = Queue::new(2);
        let (tx, rx) = channel::unbounded();
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let tx = tx.clone();
                let work = async move |item: u32| tx.send(item * 2).await.expect("rx lives");
                tokio::spawn(queue.clone().for_each(work))
            })
            .collect();
        drop(tx);
        for item in 0..100 {
            queue.put(item).await.expect("nobody shuts down");
        }
        queue.shutdown();
        for worker in workers {
            worker.await.expect("it does not panic");
        }
        assert_eq!(rx.fold(0, async |sum, item| sum + item).await, 9900);
    });
}

#[test]
fn smol_spawn() {
    let tasks: Vec<_> = (0..8).map(|_| smol::spawn(everything())).collect();
    let sums = smol::block_on(join_all(tasks));
    assert_eq!(sums, [45; 8]);
}

#[test]
fn futures_block_on() {
    assert_eq!(block_on(everything()), 45);
}

/// Runs `task` on several threads at once.
fn contend(task: impl Fn(u32) + Sync) {
    thread::scope(|scope| {
        for n in 0..4 {
            let task = &task;
            scope.spawn(move || task(n));
        }
    });
}

#[test]
fn threads_contend_for_a_lock() {
    let lock = Lock::new(0);
    contend(|_| {
        for _ in 0..2_000 {
            block_on(async { *lock.lock().await += 1 });
        }
    });
    assert_eq!(lock.into_inner(), 8_000);
}

#[test]
fn threads_contend_for_permits_and_give_up() {
    let semaphore = Semaphore::new(2);
    contend(|n| {
        for round in 0..2_000u32 {
            let mut acquire = semaphore.acquire_many(1 + round as usize % 2);
            if (round + n).is_multiple_of(3) {
                let _ = block_on(futures::future::poll_immediate(&mut acquire));
            } else {
                drop(block_on(acquire));
            }
        }
    });
    assert_eq!((semaphore.available(), semaphore.stats().waiting), (2, 0));
}

#[test]
fn threads_share_a_queue() {
    let queue = PriorityQueue::new(3);
    let sum = std::sync::atomic::AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let add = async |item| {
                    sum.fetch_add(item, std::sync::atomic::Ordering::Relaxed);
                };
                block_on(queue.clone().for_each(add));
            });
        }
        contend(|_| {
            for item in 0..500 {
                block_on(queue.put(item)).expect("nobody shuts down");
            }
        });
        block_on(queue.join());
        queue.shutdown();
    });
    assert_eq!(sum.into_inner(), 4 * (0..500).sum::<u32>());
}

#[test]
fn threads_meet_at_a_barrier() {
    let barrier = Barrier::new(4);
    let sum = std::sync::atomic::AtomicUsize::new(0);
    contend(|_| {
        for _ in 0..200 {
            let index = block_on(barrier.wait()).expect("nobody breaks it");
            sum.fetch_add(index, std::sync::atomic::Ordering::Relaxed);
        }
    });
    assert_eq!(sum.into_inner(), 200 * 6);
}
