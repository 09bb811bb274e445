//! Receiving many items at a time.

use crate::harness::{pending, ready};
use aioli_sync::{RecvError, channel};

#[test]
fn a_batch_leaves_what_others_were_promised() {
    let (tx, rx) = channel::unbounded();
    let (mut first, mut batch) = (pending(rx.recv()), Vec::new());
    (1..=3).for_each(|n| tx.try_send(n).unwrap());
    assert_eq!(ready(rx.recv_many(&mut batch, 10)), Ok(2));
    assert_eq!(first.poll(), std::task::Poll::Ready(Ok(3)));
    assert_eq!(
        batch,
        [1, 2],
        "items go out in order, promises are for one each"
    );
}

#[test]
fn a_batch_that_waited_takes_what_has_come_since() {
    let (tx, rx) = channel::unbounded();
    let mut batch = Vec::new();
    let waiter = pending(rx.recv_many(&mut batch, 2));
    (1..=3).for_each(|n| tx.try_send(n).unwrap());
    assert_eq!(waiter.finish(), Ok(2));
    assert_eq!(batch, [1, 2]);
    assert_eq!(rx.try_recv(), Ok(3));
}

#[test]
fn a_batch_that_is_cancelled_after_its_grant_has_taken_nothing() {
    let (tx, rx) = channel::unbounded();
    let mut batch = Vec::new();
    let waiter = pending(rx.recv_many(&mut batch, 2));
    let next = pending(rx.recv());
    tx.try_send(1).unwrap();
    waiter.cancel();
    assert_eq!(next.finish(), Ok(1));
    assert!(batch.is_empty());
}

#[test]
fn a_batch_frees_the_slots_of_those_who_wait_to_send() {
    let (tx, rx) = channel(2);
    (1..=2).for_each(|n| tx.try_send(n).unwrap());
    let (three, four) = (pending(tx.send(3)), pending(tx.send(4)));
    let mut batch = Vec::new();
    assert_eq!(ready(rx.recv_many(&mut batch, 9)), Ok(2));
    assert_eq!((three.finish(), four.finish()), (Ok(()), Ok(())));
    drop(tx);
    assert_eq!(ready(rx.recv_many(&mut batch, 9)), Ok(2));
    assert_eq!(ready(rx.recv_many(&mut batch, 9)), Err(RecvError::End));
    assert_eq!(batch, [1, 2, 3, 4]);
}

#[test]
#[should_panic(expected = "to receive 0 items")]
fn a_batch_of_none_is_refused() {
    let (_tx, rx) = channel::<u32>(1);
    drop(rx.recv_many(&mut Vec::new(), 0));
}
