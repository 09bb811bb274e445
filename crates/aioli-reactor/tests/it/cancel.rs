//! Dropping a future that waits loses nothing and leaves nothing behind.

use aioli_reactor::Async;
use futures::executor::block_on;
use futures::future::{Either, select};
use std::pin::pin;

use crate::{Count, pair, poll_once, receive};

#[test]
fn a_dropped_read_takes_nothing() {
    let (left, right) = pair();
    let (_, waker) = Count::new();
    assert!(poll_once(receive(&right), &waker).is_pending());
    left.send(b"a").unwrap();
    assert_eq!(block_on(receive(&right)), b'a');
}

#[test]
fn a_dropped_waiter_does_not_take_the_wake_up_of_another() {
    let (left, right) = pair();
    block_on(async {
        let loser = pin!(right.readable());
        let winner = pin!(async {
            left.send(b"a").unwrap();
            receive(&right).await
        });
        // `select` drops nothing here, so the second one waits beside the first.
        match select(winner, loser).await {
            Either::Left((byte, _)) => assert_eq!(byte, b'a'),
            Either::Right((ready, winner)) => {
                ready.unwrap();
                assert_eq!(winner.await, b'a');
            }
        }
    });
}

#[test]
fn a_dropped_waiter_is_not_woken() {
    let (left, right) = pair();
    let (count, waker) = Count::new();
    assert!(poll_once(right.readable(), &waker).is_pending());
    left.send(b"a").unwrap();
    block_on(right.readable()).unwrap();
    assert_eq!(count.get(), 0);
}

#[test]
fn taking_the_source_back_deregisters_it() {
    let (left, right) = pair();
    let (count, waker) = Count::new();
    let cx = &mut std::task::Context::from_waker(&waker);
    assert!(right.registration().poll_readable(cx).is_pending());
    let socket = right.into_inner();
    left.send(b"a").unwrap();
    // Registering again would fail if it were registered still.
    let again = Async::new(socket).unwrap();
    assert_eq!(block_on(receive(&again)), b'a');
    assert_eq!(count.get(), 0);
}
