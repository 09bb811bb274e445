//! Channels in which several receive the same: watch and broadcast.

use crate::harness::{pending, ready};
use aioli_sync::{Lagging, ReceiverGone, RecvError, broadcast, watch};
use futures::StreamExt;
use futures::executor::block_on;
use std::sync::Arc;
use std::task::Poll;

#[test]
fn watch_skips_what_was_in_between() {
    let (tx, mut rx) = watch::channel(0);
    let mut other = rx.clone();
    let waits = [pending(rx.changed()), pending(other.changed())];
    assert_eq!(tx.stats().waiting, 2);
    tx.send(1);
    tx.send(2);
    let seen = waits.map(|wait| *wait.finish().unwrap());
    assert_eq!(seen, [2, 2]);
    assert!(!rx.has_changed());
}

#[test]
fn watch_value_is_unseen_until_the_wait_has_completed() {
    let (tx, mut rx) = watch::channel(0);
    let wait = pending(rx.changed());
    tx.send(1);
    wait.cancel();
    assert_eq!(*ready(rx.changed()).unwrap(), 1);
    let wait = pending(rx.changed());
    wait.cancel();
    assert_eq!(tx.stats().waiting, 0);
}

#[test]
fn watch_ends_when_the_last_value_was_seen() {
    let (tx, mut rx) = watch::channel(0);
    let mut late = tx.subscribe();
    let wait = pending(late.changed());
    tx.send(1);
    drop(tx.clone());
    drop(tx);
    assert_eq!(*wait.finish().unwrap(), 1);
    assert_eq!(*ready(rx.changed()).unwrap(), 1);
    assert_eq!(ready(rx.changed()), Err(RecvError::End));
    assert_eq!(*rx.latest(), 1);
}

#[test]
fn watch_wakes_who_waits_for_the_end() {
    let (tx, mut rx) = watch::channel(0);
    let wait = pending(rx.changed());
    drop(tx);
    assert_eq!(wait.finish(), Err(RecvError::End));
}

#[test]
fn broadcast_gives_every_item_to_everybody() {
    let (tx, mut one) = broadcast::channel(4);
    let mut two = one.clone();
    let waits = [pending(one.recv()), pending(two.recv())];
    tx.send(1).unwrap();
    let [a, b] = waits.map(|wait| wait.finish().unwrap());
    assert!(Arc::ptr_eq(&a, &b), "shared, not copied");
    tx.send(2).unwrap();
    drop(tx);
    assert_eq!(
        (*ready(one.recv()).unwrap(), *ready(two.recv()).unwrap()),
        (2, 2)
    );
    assert_eq!(ready(one.recv()), Err(Lagging::End));
}

#[test]
fn broadcast_says_how_many_were_missed_and_goes_on() {
    let (tx, mut rx) = broadcast::channel(2);
    (0..5).for_each(|n| tx.send(n).unwrap());
    assert_eq!(ready(rx.recv()), Err(Lagging::Missed(3)));
    assert_eq!(
        (*ready(rx.recv()).unwrap(), *ready(rx.recv()).unwrap()),
        (3, 4)
    );
    let wait = pending(rx.recv());
    (5..8).for_each(|n| tx.send(n).unwrap());
    assert_eq!(
        wait.finish(),
        Err(Lagging::Missed(1)),
        "granted, and too slow all the same"
    );
    assert_eq!(*ready(rx.recv()).unwrap(), 6);
}

#[test]
fn broadcast_item_is_there_until_the_wait_has_completed() {
    let (tx, mut rx) = broadcast::channel(2);
    let wait = pending(rx.recv());
    tx.send(1).unwrap();
    wait.cancel();
    assert_eq!(*ready(rx.recv()).unwrap(), 1);
}

#[test]
fn broadcast_to_nobody_gives_the_item_back() {
    let (tx, rx) = broadcast::channel(2);
    drop(rx);
    assert_eq!(tx.send("hello"), Err(ReceiverGone("hello")));
    assert_eq!(tx.stats().len, 0);
}

#[test]
fn watch_as_a_stream_yields_what_is_unseen_and_ends() {
    let (tx, mut rx) = watch::channel(0);
    let mut next = pending(rx.next());
    tx.send(1);
    assert_eq!(next.poll(), Poll::Ready(Some(Arc::new(1))));
    drop(next);
    tx.send(2);
    tx.send(3);
    drop(tx);
    let rest: Vec<_> = block_on(rx.map(|value| *value).collect());
    assert_eq!(rest, [3]);
}

#[test]
fn broadcast_as_a_stream_says_what_was_missed() {
    let (tx, rx) = broadcast::channel(2);
    (0..3).for_each(|n| tx.send(n).unwrap());
    drop(tx);
    let items: Vec<_> = block_on(rx.map(|item| item.map(|item| *item)).collect());
    assert_eq!(items, [Err(Lagging::Missed(1)), Ok(1), Ok(2)]);
}

/// A stream that waits has its place in line; to receive past it must not yield an item twice.
#[test]
fn receiving_beside_the_stream_moves_the_stream_on() {
    let (tx, mut rx) = broadcast::channel(4);
    pending(rx.next()).cancel();
    assert_eq!(tx.stats().waiting, 1);
    tx.send(1).unwrap();
    tx.send(2).unwrap();
    assert_eq!(*ready(rx.recv()).unwrap(), 1);
    assert_eq!(ready(rx.next()), Some(Ok(Arc::new(2))));
    pending(rx.next()).cancel();
    drop(rx);
    assert_eq!(tx.stats().waiting, 0);
}
