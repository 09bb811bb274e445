//! Section K: queues and channels.

use aioli_flow::timeout;
use aioli_sync::{
    LifoQueue, PriorityQueue, PutError, Queue, RecvError, SendError, ShutDown, TaskDoneError,
    TryGetError, TryPutError, TryRecvError, TrySendError, channel,
};
use aioli_task::{SpawnAll, Task, spawn, time};
use aioli_time::sleep;

use crate::support::{Log, cancelled, in_any_order, in_order, passes, settle};

/// A task that gets one item.
fn get(queue: &Queue<u32>) -> Task<Result<u32, ShutDown>> {
    let queue = queue.clone();
    spawn(async move { queue.get().await })
}

/// A task that puts one item.
fn put(queue: &Queue<u32>, item: u32) -> Task<Result<(), PutError<u32>>> {
    let queue = queue.clone();
    spawn(async move { queue.put(item).await })
}

#[test]
fn c238_putter_of_three_waits_on_a_queue_of_two() {
    in_any_order(async || {
        let (queue, log) = (Queue::new(2), Log::default());
        let (putting, noting) = (queue.clone(), log.clone());
        let putter = spawn(async move {
            for item in 0..3_u32 {
                putting.put(item).await.expect("nobody shuts down");
                noting.put(item);
            }
        });
        settle().await;
        assert_eq!(
            (log.names(), queue.is_full()),
            (vec!["0".into(), "1".into()], true)
        );
        assert!(!putter.is_done());
        assert_eq!(queue.get().await, Ok(0));
        settle().await;
        assert_eq!(log.names(), ["0", "1", "2"]);
        putter.await;
        assert_eq!((queue.try_get(), queue.try_get()), (Ok(1), Ok(2)));
        assert_eq!(queue.try_get(), Err(TryGetError::Empty));
    });
}

#[test]
fn c239_try_get_of_an_empty_queue_and_try_put_into_a_full_one() {
    in_order(async || {
        let queue = Queue::new(1);
        assert_eq!(queue.try_get(), Err(TryGetError::Empty));
        queue.put(1).await.unwrap();
        assert_eq!(queue.try_put(2), Err(TryPutError::Full(2)));
        assert_eq!(queue.try_get(), Ok(1));
        assert_eq!(queue.try_get(), Err(TryGetError::Empty));
    });
}

#[test]
fn c240_item_goes_past_a_cancelled_getter() {
    in_order(async || {
        for is_granted in [false, true] {
            let queue = Queue::new(1);
            let (first, second) = (get(&queue), get(&queue));
            settle().await;
            assert_eq!(queue.stats().getting, 2);
            if is_granted {
                queue.try_put(7).unwrap();
            }
            assert!(first.cancel());
            if !is_granted {
                queue.try_put(7).unwrap();
            }
            assert_eq!(second.await, Ok(7));
            cancelled(first).await;
            assert_eq!((queue.len(), queue.stats().getting), (0, 0));
        }
        assert_eq!(time(), 0.0);
    });
}

#[test]
fn c242_first_of_three_getters_is_cancelled_after_two_puts() {
    in_any_order(async || {
        let queue = Queue::unbounded();
        let [first, second, third] = [get(&queue), get(&queue), get(&queue)];
        settle().await;
        queue.try_put(1).unwrap();
        queue.try_put(2).unwrap();
        first.cancel();
        let mut received = [second.await.unwrap(), third.await.unwrap()];
        received.sort_unstable();
        assert_eq!(received, [1, 2]);
        cancelled(first).await;
        assert_eq!((queue.len(), queue.stats().getting), (0, 0));
    });
}

#[test]
fn c244_cancelled_putter_never_gets_in() {
    in_order(async || {
        for is_granted in [false, true] {
            let queue = Queue::new(1);
            let a = put(&queue, 1);
            settle().await;
            assert!(a.is_done());
            let (b, x) = if is_granted {
                let x = put(&queue, 99);
                (put(&queue, 2), x)
            } else {
                (put(&queue, 2), put(&queue, 99))
            };
            settle().await;
            assert_eq!((queue.stats().putting, b.is_done()), (2, false));
            if is_granted {
                assert_eq!(queue.try_get(), Ok(1));
                x.cancel();
            } else {
                x.cancel();
                settle().await;
                assert!(!b.is_done());
                assert_eq!(queue.try_get(), Ok(1));
            }
            assert_eq!(b.await, Ok(()));
            cancelled(x).await;
            assert_eq!(
                (queue.try_get(), queue.try_get()),
                (Ok(2), Err(TryGetError::Empty))
            );
            a.await.unwrap();
        }
    });
}

#[test]
fn c245_no_record_of_a_getter_that_timed_out_or_a_putter_that_was_cancelled() {
    in_any_order(async || {
        let queue = Queue::new(1);
        assert!(timeout(0.1, queue.get()).await.is_err());
        assert_eq!((time(), queue.stats().getting), (0.1, 0));
        queue.put(1).await.unwrap();
        let putter = put(&queue, 2);
        settle().await;
        assert_eq!(queue.stats().putting, 1);
        putter.cancel();
        cancelled(putter).await;
        assert_eq!((queue.stats().putting, queue.len()), (0, 1));
        assert!(timeout(0.1, queue.put(3)).await.is_err());
        assert_eq!((time(), queue.stats().putting, queue.len()), (0.2, 0, 1));
    });
}

#[test]
fn c246_producer_and_consumer_over_a_queue_of_one() {
    in_any_order(async || {
        let queue = Queue::new(1);
        let putting = queue.clone();
        let producer = spawn(async move {
            for item in 0..5 {
                putting.put(item).await.expect("nobody shuts down");
                sleep(0.1).await;
            }
        });
        let consumer = spawn(async move {
            let mut items = Vec::new();
            for _ in 0..5 {
                items.push(queue.get().await.expect("nobody shuts down"));
                sleep(0.3).await;
            }
            items
        });
        producer.await;
        // The last put but one waits for the fourth get, at 0.9.
        assert_eq!(time(), 1.0);
        assert_eq!(consumer.await, [0, 1, 2, 3, 4]);
        assert_eq!(time(), 1.5);
    });
}

#[test]
fn c247_four_putters_and_one_that_drains_what_is_there() {
    in_any_order(async || {
        let queue = Queue::new(2);
        let putters = [1, 2, 3, 4].map(|item| put(&queue, item));
        sleep(0.02).await;
        assert_eq!((queue.len(), queue.stats().putting), (2, 2));
        while !queue.is_empty() {
            queue.try_get().unwrap();
        }
        for putter in putters {
            assert_eq!(putter.await, Ok(()));
        }
        assert_eq!((time(), queue.len()), (0.02, 2));
    });
}

#[test]
fn c248_order_of_the_lifo_and_of_the_priority_queue() {
    in_order(async || {
        let (lifo, priority) = (LifoQueue::unbounded(), PriorityQueue::unbounded());
        for item in [1, 3, 2] {
            lifo.put(item).await.unwrap();
            priority.put(item).await.unwrap();
        }
        let (mut last_first, mut smallest_first) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            last_first.push(lifo.get().await.unwrap());
            smallest_first.push(priority.get().await.unwrap());
        }
        assert_eq!((last_first, smallest_first), (vec![2, 3, 1], vec![1, 2, 3]));
        assert!(lifo.is_empty() && priority.is_empty());
    });
}

#[test]
fn c249_task_done_on_a_fresh_queue() {
    assert_eq!(Queue::<u32>::unbounded().task_done(), Err(TaskDoneError));
    assert_eq!(PriorityQueue::<u32>::new(3).task_done(), Err(TaskDoneError));
    assert_eq!(LifoQueue::<u32>::new(3).task_done(), Err(TaskDoneError));
}

#[test]
fn c250_join_returns_when_the_last_item_is_done() {
    in_any_order(async || {
        let (queue, log) = (Queue::unbounded(), Log::default());
        (0..100).for_each(|item| queue.try_put(item).unwrap());
        let workers = [(), ()].map(|()| {
            let (queue, log) = (queue.clone(), log.clone());
            async move {
                let mut sum = 0;
                while let Ok(item) = queue.get().await {
                    sum += item;
                    sleep(0.1).await;
                    log.put("done");
                    queue.task_done().expect("one call for one item");
                }
                sum
            }
        });
        let workers = workers.spawn_all();
        queue.join().await;
        assert_eq!((log.count("done"), time()), (100, 5.0));
        assert_eq!(queue.task_done(), Err(TaskDoneError));
        queue.shutdown();
        let mut sum = 0;
        for worker in workers {
            sum += worker.await;
        }
        assert_eq!(sum, 4950);
    });
}

#[test]
fn c251_join_of_an_unused_queue_returns_at_once() {
    in_order(async || {
        let queue = Queue::<u32>::unbounded();
        let joiner = spawn({
            let queue = queue.clone();
            async move {
                queue.join().await;
                queue.join().await;
            }
        });
        passes(1).await;
        assert!(joiner.is_done(), "neither join has suspended");
        joiner.await;
    });
}

#[test]
fn c252_shutdown_of_an_empty_queue() {
    in_any_order(async || {
        let queue = Queue::new(1);
        let getter = get(&queue);
        settle().await;
        queue.shutdown();
        queue.join().await;
        assert_eq!(getter.await, Err(ShutDown));
        assert_eq!(queue.put(1).await, Err(PutError::ShutDown(1)));
        assert_eq!(queue.try_put(1), Err(TryPutError::ShutDown(1)));
        assert_eq!(queue.get().await, Err(ShutDown));
        assert_eq!(queue.try_get(), Err(TryGetError::ShutDown));
        assert_eq!(time(), 0.0);
    });
}

#[test]
fn c253_graceful_shutdown_of_a_queue_with_an_item() {
    in_any_order(async || {
        let queue = Queue::new(1);
        queue.put(1).await.unwrap();
        let putter = put(&queue, 2);
        let joiner = spawn({
            let queue = queue.clone();
            async move { queue.join().await }
        });
        settle().await;
        queue.shutdown();
        assert_eq!(putter.await, Err(PutError::ShutDown(2)));
        assert_eq!(queue.get().await, Ok(1));
        assert_eq!(queue.get().await, Err(ShutDown));
        assert_eq!(queue.try_get(), Err(TryGetError::ShutDown));
        settle().await;
        assert!(!joiner.is_done(), "the item is not done");
        assert_eq!(queue.task_done(), Ok(()));
        joiner.await;
        assert_eq!(queue.task_done(), Err(TaskDoneError));
    });
}

#[test]
fn c254_immediate_shutdown_of_a_queue_with_an_item() {
    in_any_order(async || {
        let queue = Queue::new(1);
        queue.put(1).await.unwrap();
        let putter = put(&queue, 2);
        let joiner = spawn({
            let queue = queue.clone();
            async move { queue.join().await }
        });
        settle().await;
        assert!(!joiner.is_done());
        assert_eq!(queue.shutdown_now(), [1]);
        assert!(queue.is_empty());
        joiner.await;
        assert_eq!(putter.await, Err(PutError::ShutDown(2)));
        assert_eq!(queue.get().await, Err(ShutDown));
        assert_eq!(queue.try_get(), Err(TryGetError::ShutDown));
        assert_eq!(queue.put(3).await, Err(PutError::ShutDown(3)));
        assert_eq!(queue.try_put(3), Err(TryPutError::ShutDown(3)));
        assert_eq!(queue.task_done(), Err(TaskDoneError));
    });
}

#[test]
fn c256_item_is_not_given_to_a_receiver_that_was_cancelled_before() {
    in_any_order(async || {
        let (tx, rx) = channel(1);
        let receiver = spawn({
            let rx = rx.clone();
            async move { rx.recv().await }
        });
        settle().await;
        receiver.cancel();
        tx.try_send("hello").unwrap();
        cancelled(receiver).await;
        assert_eq!(rx.recv().await, Ok("hello"));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn c257_item_sent_before_the_cancellation_is_not_lost() {
    in_any_order(async || {
        // A request drops the receiver unpolled, and the item goes to the next one.
        let (tx, rx) = channel(1);
        let receive = || {
            let rx = rx.clone();
            spawn(async move { rx.recv().await })
        };
        let receiver = receive();
        settle().await;
        let next = receive();
        settle().await;
        tx.try_send("hello").unwrap();
        receiver.cancel();
        cancelled(receiver).await;
        assert_eq!(next.await, Ok("hello"));
        assert_eq!(rx.stats().len, 0);
    });
}

/// A scope's own deadline keeps what has been handed over.
#[test]
fn c257_item_sent_before_the_deadline_is_received() {
    in_order(async || {
        let (tx, rx) = channel(1);
        let receiver = spawn(async move { timeout(1, rx.recv()).await });
        sleep(1).await;
        tx.try_send("in time").unwrap();
        assert_eq!(receiver.await, Ok(Ok("in time")));
        assert_eq!(time(), 1.0);
    });
}

#[test]
fn c258_waiting_parties_own_what_was_sent_or_freed() {
    in_any_order(async || {
        let (tx, rx) = channel(1);
        let receiver = spawn({
            let rx = rx.clone();
            async move { rx.recv().await }
        });
        settle().await;
        tx.try_send(1).unwrap();
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(receiver.await, Ok(1));

        tx.try_send(2).unwrap();
        let sender = spawn({
            let tx = tx.clone();
            async move { tx.send(3).await }
        });
        settle().await;
        assert_eq!(rx.try_recv(), Ok(2));
        assert_eq!(tx.try_send(4), Err(TrySendError::Full(4)));
        assert_eq!(sender.await, Ok(()));
        assert_eq!(
            (rx.try_recv(), rx.try_recv()),
            (Ok(3), Err(TryRecvError::Empty))
        );
    });
}

#[test]
fn c259_end_closed_while_a_sender_waits() {
    in_any_order(async || {
        let (tx, rx) = channel(1);
        tx.try_send(1).unwrap();
        let tx = std::rc::Rc::new(tx);
        let sender = spawn({
            let tx = tx.clone();
            async move { tx.send(2).await }
        });
        settle().await;
        tx.close();
        assert_eq!(sender.await, Err(SendError::Closed(2)));
        for _ in 0..2 {
            assert_eq!(tx.send(3).await, Err(SendError::Closed(3)));
            assert_eq!(tx.try_send(3), Err(TrySendError::Closed(3)));
        }
        assert_eq!(rx.recv().await, Ok(1));
        for _ in 0..2 {
            assert_eq!(rx.recv().await, Err(RecvError::End));
            assert_eq!(rx.try_recv(), Err(TryRecvError::End));
        }

        let (tx, rx) = channel(1);
        tx.try_send(1).unwrap();
        let sender = spawn({
            let tx = tx.clone();
            async move { tx.send(2).await }
        });
        settle().await;
        rx.close();
        assert_eq!(sender.await, Err(SendError::Broken(2)));
        for _ in 0..2 {
            assert_eq!(tx.send(3).await, Err(SendError::Broken(3)));
            assert_eq!(tx.try_send(3), Err(TrySendError::Broken(3)));
            assert_eq!(rx.recv().await, Err(RecvError::Closed));
        }
    });
}

#[test]
fn c260_ten_producers_and_a_receiver_that_ends_by_itself() {
    in_any_order(async || {
        let (tx, rx) = channel(3);
        let producers = (0..10).map(|producer| {
            let tx = tx.clone();
            async move {
                for item in 3 * producer..3 * producer + 3 {
                    tx.send(item).await.expect("somebody receives");
                }
            }
        });
        let producers = producers.spawn_all();
        drop(tx);
        let mut received = Vec::new();
        while let Ok(item) = rx.recv().await {
            received.push(item);
        }
        received.sort_unstable();
        assert_eq!(received, (0..30).collect::<Vec<_>>());
        assert_eq!(rx.try_recv(), Err(TryRecvError::End));
        for producer in producers {
            producer.await;
        }
    });
}

#[test]
fn c261_closing_one_of_two_send_handles_fails_its_own_sender_only() {
    in_any_order(async || {
        let (tx, rx) = channel(1);
        tx.try_send("first").unwrap();
        let closing = std::rc::Rc::new(tx);
        let staying = closing.as_ref().clone();
        let nope = spawn({
            let tx = closing.clone();
            async move { tx.send("nope").await }
        });
        let yes = spawn(async move { staying.send("yes").await });
        settle().await;
        closing.close();
        assert_eq!(nope.await, Err(SendError::Closed("nope")));
        settle().await;
        assert!(!yes.is_done());
        assert_eq!(rx.recv().await, Ok("first"));
        assert_eq!(yes.await, Ok(()));
        assert_eq!(rx.recv().await, Ok("yes"));
        assert_eq!(rx.recv().await, Err(RecvError::End));
    });
}
