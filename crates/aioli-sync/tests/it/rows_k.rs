//! Section K of the conformance list: queues and channels.
//!
//! A waiter is a future polled by hand, a cancellation its drop.

use crate::harness::{pending, ready};
use aioli_sync::{
    LifoQueue, PriorityQueue, PutError, Queue, RecvError, SendError, ShutDown, TaskDoneError,
    TryGetError, TryPutError, TryRecvError, TrySendError, channel,
};
use futures::executor::block_on;
use futures::join;
use std::cell::Cell;

#[test]
fn c238_maxsize() {
    let queue = Queue::new(2);
    let mut putter = pending(async {
        for item in 0..3 {
            queue.put(item).await.expect("nobody shuts down");
        }
    });
    assert_eq!(queue.len(), 2);
    assert_eq!(ready(queue.get()), Ok(0));
    assert!(putter.poll().is_ready());
    assert_eq!((ready(queue.get()), ready(queue.get())), (Ok(1), Ok(2)));
}

#[test]
fn c239_nonblocking_exceptions() {
    let queue = Queue::new(1);
    assert_eq!(queue.try_get(), Err(TryGetError::Empty));
    queue.try_put(1).expect("it is empty");
    assert_eq!(queue.try_put(2), Err(TryPutError::Full(2)));
}

#[test]
fn c240_get_cancelled_race() {
    let queue = Queue::new(1);
    let first = pending(queue.get());
    let second = pending(queue.get());
    first.cancel();
    queue.try_put("a").expect("it is empty");
    assert_eq!(second.finish(), Ok("a"));
}

#[test]
fn c240_get_cancelled_after_its_grant() {
    let queue = Queue::new(1);
    let first = pending(queue.get());
    let second = pending(queue.get());
    queue.try_put("a").expect("it is empty");
    assert!(first.is_woken() && !second.is_woken());
    first.cancel();
    assert_eq!(second.finish(), Ok("a"));
}

#[test]
fn c242_get_cancel_drop_many_pending_readers() {
    let queue = Queue::unbounded();
    let [first, second, third] = [(); 3].map(|()| pending(queue.get()));
    queue.try_put(1).expect("it is unbounded");
    queue.try_put(2).expect("it is unbounded");
    first.cancel();
    assert_eq!((second.finish(), third.finish()), (Ok(1), Ok(2)));
}

#[test]
fn c244_put_cancelled_race() {
    let queue = Queue::new(1);
    ready(queue.put("a")).expect("it is empty");
    let b = pending(queue.put("b"));
    let x = pending(queue.put("X"));
    x.cancel();
    assert_eq!(queue.try_get(), Ok("a"));
    assert_eq!(b.finish(), Ok(()));
    assert_eq!(queue.try_get(), Ok("b"));
    assert_eq!(queue.try_get(), Err(TryGetError::Empty));
}

#[test]
fn c244_put_cancelled_after_its_grant() {
    let queue = Queue::new(1);
    ready(queue.put("a")).expect("it is empty");
    let x = pending(queue.put("X"));
    let b = pending(queue.put("b"));
    assert_eq!(queue.try_get(), Ok("a"));
    assert!(x.is_woken());
    x.cancel();
    assert_eq!(b.finish(), Ok(()));
    assert_eq!(queue.try_get(), Ok("b"));
}

#[test]
fn c245_cancelled_waiters_are_not_kept() {
    let queue = Queue::new(1);
    for _ in 0..10 {
        pending(queue.get()).cancel();
    }
    queue.try_put(0).expect("it is empty");
    for _ in 0..10 {
        pending(queue.put(1)).cancel();
    }
    let stats = queue.stats();
    assert_eq!((stats.getting, stats.putting, stats.len), (0, 0, 1));
}

#[test]
fn c246_why_are_getters_waiting() {
    let queue = Queue::new(1);
    let producer = async {
        for item in 0..5 {
            queue.put(item).await.expect("nobody shuts down");
        }
    };
    let consumer = async {
        for item in 0..5 {
            assert_eq!(queue.get().await, Ok(item));
        }
    };
    block_on(async { join!(producer, consumer) });
}

#[test]
fn c247_why_are_putters_waiting() {
    let queue = Queue::new(2);
    let put = async |item| queue.put(item).await.expect("nobody shuts down");
    let drain = async {
        while !queue.is_empty() {
            queue.try_get().expect("it is not empty");
        }
    };
    block_on(async { join!(put(1), put(2), put(3), put(4), drain) });
}

#[test]
fn c248_order() {
    let lifo = LifoQueue::unbounded();
    let priority = PriorityQueue::unbounded();
    for item in [1, 3, 2] {
        ready(lifo.put(item)).expect("nobody shuts down");
        ready(priority.put(item)).expect("nobody shuts down");
    }
    let lifo: Vec<_> = std::iter::from_fn(|| lifo.try_get().ok()).collect();
    let priority: Vec<_> = std::iter::from_fn(|| priority.try_get().ok()).collect();
    assert_eq!((lifo, priority), (vec![2, 3, 1], vec![1, 2, 3]));
}

#[test]
fn c249_task_done_underflow() {
    assert_eq!(Queue::<u32>::unbounded().task_done(), Err(TaskDoneError));
}

#[test]
fn c250_task_done() {
    let queue = Queue::unbounded();
    (0..100).for_each(|item| queue.try_put(item).expect("it is unbounded"));
    let (sum, running) = (Cell::new(0), Cell::new(true));
    let worker = async || {
        while let Ok(item) = queue.get().await {
            sum.set(sum.get() + item);
            queue.task_done().expect("one item, one call");
        }
        assert!(!running.get());
    };
    let main = async {
        queue.join().await;
        assert_eq!(sum.get(), 4950);
        running.set(false);
        queue.shutdown();
    };
    block_on(async { join!(worker(), worker(), main) });
}

#[test]
fn c251_join_empty_queue() {
    let queue = Queue::<u32>::unbounded();
    ready(queue.join());
    ready(queue.join());
}

#[test]
fn c252_shutdown_empty() {
    let queue = Queue::unbounded();
    let getter = pending(queue.get());
    queue.shutdown();
    ready(queue.join());
    assert_eq!(getter.finish(), Err(ShutDown));
    assert_eq!(ready(queue.put(1)), Err(PutError::ShutDown(1)));
    assert_eq!(queue.try_put(1), Err(TryPutError::ShutDown(1)));
    assert_eq!(ready(queue.get()), Err(ShutDown));
    assert_eq!(queue.try_get(), Err(TryGetError::ShutDown));
}

#[test]
fn c253_shutdown_nonempty() {
    let queue = Queue::new(1);
    queue.try_put("data").expect("it is empty");
    let putter = pending(queue.put("more"));
    let joiner = pending(queue.join());
    queue.shutdown();
    assert_eq!(putter.finish(), Err(PutError::ShutDown("more")));
    assert_eq!(ready(queue.get()), Ok("data"));
    assert_eq!(ready(queue.get()), Err(ShutDown));
    assert!(!joiner.is_woken());
    assert_eq!(queue.task_done(), Ok(()));
    joiner.finish();
    assert_eq!(queue.task_done(), Err(TaskDoneError));
}

#[test]
fn c253_shutdown_overtakes_a_granted_put() {
    let queue = Queue::new(1);
    queue.try_put(1).expect("it is empty");
    let putter = pending(queue.put(2));
    assert_eq!(queue.try_get(), Ok(1));
    queue.shutdown();
    assert_eq!(putter.finish(), Err(PutError::ShutDown(2)));
}

/// The one item is promised to the first getter, so the second must not be told that all is
/// over: should the first be cancelled, the item is the second's.
#[test]
fn c253_shutdown_leaves_a_promised_item_to_the_next_getter() {
    for cancelled in [false, true] {
        let queue = Queue::new(1);
        let first = pending(queue.get());
        queue.try_put(1).expect("it is empty");
        queue.shutdown();
        let second = pending(queue.get());
        if cancelled {
            first.cancel();
            assert_eq!(second.finish(), Ok(1));
        } else {
            assert_eq!(first.finish(), Ok(1));
            assert_eq!(second.finish(), Err(ShutDown));
        }
    }
}

#[test]
fn c254_shutdown_immediate() {
    let queue = Queue::new(1);
    queue.try_put("data").expect("it is empty");
    let putter = pending(queue.put("more"));
    let joiner = pending(queue.join());
    assert_eq!(queue.shutdown_now(), ["data"]);
    joiner.finish();
    assert_eq!(putter.finish(), Err(PutError::ShutDown("more")));
    assert_eq!(ready(queue.get()), Err(ShutDown));
    assert_eq!(ready(queue.put("x")), Err(PutError::ShutDown("x")));
    assert_eq!(queue.task_done(), Err(TaskDoneError));
}

#[test]
fn c254_shutdown_immediate_overtakes_granted_gets() {
    let queue = Queue::new(2);
    let taken = pending(queue.get());
    let cancelled = pending(queue.get());
    queue.try_put(1).expect("it is empty");
    queue.try_put(2).expect("there is room");
    assert_eq!(queue.shutdown_now(), [1, 2]);
    cancelled.cancel();
    assert_eq!(taken.finish(), Err(ShutDown));
    assert_eq!(queue.stats().unfinished, 0);
}

#[test]
fn c256_send_to_cancelled_receiver() {
    let (tx, rx) = channel(1);
    pending(rx.recv()).cancel();
    tx.try_send("hello").expect("it is empty");
    assert_eq!(rx.try_recv(), Ok("hello"));
}

/// Here the cancellation drops the receiver before it runs, so the item stays for others.
#[test]
fn c257_cancel_during_receive() {
    let (tx, rx) = channel(1);
    let receiver = pending(rx.recv());
    tx.try_send("hello").expect("it is empty");
    receiver.cancel();
    assert_eq!(ready(rx.recv()), Ok("hello"));
}

#[test]
fn c258_channel_fairness() {
    let (tx, rx) = channel(1);
    let receiver = pending(rx.recv());
    tx.try_send(1).expect("it is empty");
    assert_eq!(
        rx.try_recv(),
        Err(TryRecvError::Empty),
        "it is the waiting one's"
    );
    assert_eq!(receiver.finish(), Ok(1));

    tx.try_send(2).expect("it is empty");
    let sender = pending(tx.send(3));
    assert_eq!(rx.try_recv(), Ok(2));
    assert_eq!(
        tx.try_send(4),
        Err(TrySendError::Full(4)),
        "the slot is the waiting one's"
    );
    assert_eq!(sender.finish(), Ok(()));
    assert_eq!(rx.try_recv(), Ok(3));
}

#[test]
fn c259_close_send_end_while_a_sender_waits() {
    let (tx, rx) = channel(1);
    tx.try_send(1).expect("it is empty");
    let sender = pending(tx.send(2));
    tx.close();
    assert_eq!(sender.finish(), Err(SendError::Closed(2)));
    assert_eq!(ready(tx.send(3)), Err(SendError::Closed(3)));
    assert_eq!(tx.try_send(3), Err(TrySendError::Closed(3)));
    assert_eq!(ready(rx.recv()), Ok(1));
    assert_eq!(ready(rx.recv()), Err(RecvError::End));
    assert_eq!(rx.try_recv(), Err(TryRecvError::End));
}

#[test]
fn c259_close_receive_end_while_a_sender_waits() {
    let (tx, rx) = channel(1);
    tx.try_send(1).expect("it is empty");
    let sender = pending(tx.send(2));
    rx.close();
    assert_eq!(sender.finish(), Err(SendError::Broken(2)));
    assert_eq!(ready(tx.send(3)), Err(SendError::Broken(3)));
    assert_eq!(ready(rx.recv()), Err(RecvError::Closed));
    assert_eq!(tx.stats().len, 0, "nobody can receive what was on its way");
}

#[test]
fn c260_channel_multiple_producers() {
    let (tx, rx) = channel(1);
    let producers: Vec<_> = (0..10)
        .map(|n| {
            let tx = tx.clone();
            async move {
                for item in 3 * n..3 * n + 3 {
                    tx.send(item).await.expect("the receiver lives");
                }
            }
        })
        .collect();
    drop(tx);
    let consumer = async {
        let mut items = Vec::new();
        while let Ok(item) = rx.recv().await {
            items.push(item);
        }
        items.sort_unstable();
        items
    };
    let (items, _) = block_on(futures::future::join(
        consumer,
        futures::future::join_all(producers),
    ));
    assert_eq!(items, (0..30).collect::<Vec<_>>());
}

#[test]
fn c261_close_multiple_send_handles() {
    let (tx, rx) = channel(1);
    tx.try_send("first").expect("it is empty");
    let other = tx.clone();
    let closing = pending(tx.send("nope"));
    let staying = pending(other.send("yes"));
    tx.close();
    assert_eq!(closing.finish(), Err(SendError::Closed("nope")));
    assert!(!staying.is_woken());
    assert_eq!(rx.try_recv(), Ok("first"));
    assert_eq!(staying.finish(), Ok(()));
    assert_eq!(rx.try_recv(), Ok("yes"));
}

#[test]
fn c261_closing_a_granted_sender_passes_the_slot_on() {
    let (tx, rx) = channel(1);
    tx.try_send(0).expect("it is empty");
    let other = tx.clone();
    let closing = pending(tx.send(1));
    let staying = pending(other.send(2));
    assert_eq!(rx.try_recv(), Ok(0));
    tx.close();
    assert_eq!(closing.finish(), Err(SendError::Closed(1)));
    assert_eq!(staying.finish(), Ok(()));
}
