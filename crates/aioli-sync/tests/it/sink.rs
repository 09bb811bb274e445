//! Senders and queues as sinks, driven by the combinators of `futures`.

use crate::harness::{pending, ready};
use aioli_sync::channel::mpmc::{Receiver, SendSink, Sender};
use aioli_sync::{PutError, Queue, SendError, channel};
use futures::executor::block_on;
use futures::{SinkExt, StreamExt, join, stream};
use std::cell::Cell;

#[test]
fn a_stream_flows_through_a_small_channel() {
    let (tx, rx) = channel(2);
    let numbers = stream::iter(0..100).map(Ok).forward(tx.into_sink());
    let (sent, received) = block_on(async { join!(numbers, rx.collect::<Vec<_>>()) });
    sent.expect("the receiver lives");
    assert_eq!(received, (0..100).collect::<Vec<_>>());
}

#[test]
fn a_stream_flows_through_a_small_queue() {
    let queue = Queue::new(2);
    let produce = async {
        let numbers = stream::iter(0..100).map(Ok);
        numbers
            .forward(queue.clone().into_sink())
            .await
            .expect("nobody shuts down");
        queue.join().await;
        queue.shutdown();
    };
    let mut got = Vec::new();
    block_on(async { join!(produce, queue.clone().for_each(async |n| got.push(n))) });
    assert_eq!(got, (0..100).collect::<Vec<_>>());
}

#[test]
fn errors_give_the_item_back() {
    let (tx, rx) = channel(1);
    let mut sink = tx.into_sink();
    ready(sink.send(1)).expect("there is room");
    ready(sink.feed(2)).expect("the sink itself has room for one");
    drop(rx);
    assert_eq!(ready(sink.flush()), Err(SendError::Broken(2)));
    assert_eq!(ready(sink.send(3)), Err(SendError::Broken(3)));

    let queue = Queue::new(1);
    let mut sink = queue.clone().into_sink();
    ready(sink.send(1)).expect("there is room");
    ready(sink.feed(2)).expect("the sink itself has room for one");
    queue.shutdown();
    assert_eq!(ready(sink.close()), Err(PutError::ShutDown(2)));
    assert_eq!(ready(sink.send(3)), Err(PutError::ShutDown(3)));
}

/// A channel that is full of a 0, and a sink in which a 1 waits in line.
fn waiting_sink() -> (Sender<u32>, Receiver<u32>, SendSink<u32>) {
    let (tx, rx) = channel(1);
    let mut sink = tx.clone().into_sink();
    tx.try_send(0).expect("there is room");
    ready(sink.feed(1)).expect("the sink itself has room for one");
    pending(sink.flush()).cancel();
    (tx, rx, sink)
}

#[test]
fn what_waits_in_a_sink_has_its_place_in_line() {
    let (tx, rx, mut sink) = waiting_sink();
    let later = pending(tx.send(2));
    assert_eq!(rx.try_recv(), Ok(0));
    assert!(!later.is_woken(), "the sink came first");
    ready(sink.flush()).expect("a slot is promised");
    assert_eq!(rx.try_recv(), Ok(1));
    later.finish().expect("its turn");
}

#[test]
fn a_sink_that_is_dropped_drops_its_item_and_hands_its_slot_on() {
    let (tx, rx, sink) = waiting_sink();
    let later = pending(tx.send(2));
    assert_eq!(rx.try_recv(), Ok(0));
    drop(sink);
    later.finish().expect("the slot came here");
    assert_eq!(rx.try_recv(), Ok(2));
}

#[test]
fn closing_a_sink_ends_the_channel_and_leaves_a_queue_open() {
    let (tx, rx) = channel::<u32>(1);
    let mut sink = tx.into_sink();
    ready(sink.close()).expect("nothing waits");
    assert!(ready(rx.recv()).is_err());
    assert_eq!(ready(sink.send(1)), Err(SendError::Closed(1)));

    let queue = Queue::new(1);
    ready(queue.clone().into_sink().close()).expect("nothing waits");
    queue.try_put(1).expect("it is open");
}

/// What is in the sink came first, even if the queue has room again.
#[test]
#[should_panic(expected = "a sink that is not ready was given an item")]
fn a_sink_that_is_not_ready_refuses_items() {
    let queue = Queue::new(1);
    let mut sink = queue.clone().into_sink();
    ready(sink.feed(1)).expect("there is room");
    ready(sink.feed(2)).expect("the sink itself has room for one");
    assert_eq!(queue.try_get(), Ok(1));
    let _ = sink.start_send_unpin(3);
}

#[test]
fn a_sink_weighs_an_item_once() {
    thread_local! {
        static WEIGHED: Cell<u32> = const { Cell::new(0) };
    }
    let weigh = |weight: &usize| {
        WEIGHED.set(WEIGHED.get() + 1);
        *weight
    };
    let queue = Queue::builder().max_bytes(4, weigh).build();
    let mut sink = queue.clone().into_sink();
    ready(sink.feed(3)).expect("there is room");
    ready(sink.feed(2)).expect("the sink itself has room for one");
    assert_eq!(queue.try_get(), Ok(3));
    ready(sink.flush()).expect("there is room again");
    assert_eq!((queue.stats().bytes, WEIGHED.get()), (2, 2));
}

#[test]
fn sinks_go_where_their_items_may() {
    fn send<T: Send + Unpin>(_: &T) {}
    send(&channel::<Cell<u32>>(1).0.into_sink());
    send(&Queue::<Cell<u32>>::new(1).into_sink());
}

#[test]
fn a_local_channel_is_a_sink_of_what_stays() {
    let (tx, rx) = aioli_sync::local::channel::<std::rc::Rc<u32>>(1);
    let items = stream::iter(0..10).map(|n| Ok(std::rc::Rc::new(n)));
    let sum = rx.fold(0, async |sum, n| sum + *n);
    let (sent, sum) = block_on(async { join!(items.forward(tx.into_sink()), sum) });
    sent.expect("the receiver lives");
    assert_eq!(sum, 45);
}
