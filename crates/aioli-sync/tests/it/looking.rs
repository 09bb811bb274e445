//! Waiters that are served by other threads look again before they have themselves woken.
//!
//! Nothing but that is different.

use crate::harness::{Task, pending, start};
use aioli_sync::channel::mpmc::{Receiver, Sender};
use aioli_sync::{Queue, RecvError, SendError, budget, channel};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use std::collections::VecDeque;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;

/// Runs `f` on a thread of its own.
fn elsewhere<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(f).join().expect("it does not panic"))
}

/// A channel whose receivers have been served by another thread.
fn receivers_look(capacity: usize) -> (Sender<u32>, Receiver<u32>) {
    let (tx, rx) = channel(capacity);
    let recv = pending(rx.recv());
    elsewhere(|| tx.try_send(0).expect("it has room"));
    assert_eq!(recv.finish(), Ok(0));
    (tx, rx)
}

/// A full channel of capacity 1 whose senders have been served by another thread.
fn senders_look() -> (Sender<u32>, Receiver<u32>) {
    let (tx, rx) = channel(1);
    tx.try_send(0).expect("it has room");
    let send = pending(tx.send(1));
    assert_eq!(elsewhere(|| rx.try_recv()), Ok(0));
    assert_eq!(send.finish(), Ok(()));
    (tx, rx)
}

/// Polls for as long as the task wakes itself, and returns how often it did.
fn look_through<T>(task: &mut Task<'_, T>) -> usize {
    let mut polls = 0;
    while task.take_wakes() > 0 {
        assert!(task.poll().is_pending());
        polls += 1;
    }
    polls
}

#[test]
fn who_looks_wakes_itself_for_a_while_and_is_then_woken() {
    let (tx, rx) = receivers_look(1);
    let mut recv = pending(rx.recv());
    assert!((1..100).contains(&look_through(&mut recv)));
    assert_eq!(rx.stats().receiving, 1, "it has kept its place");
    assert!(!recv.is_woken());
    tx.try_send(1).unwrap();
    assert_eq!(recv.finish(), Ok(1));
}

#[test]
fn a_grant_is_found_by_the_next_poll() {
    let (tx, rx) = receivers_look(1);
    let mut recv = pending(rx.recv());
    assert_eq!(recv.take_wakes(), 1);
    tx.try_send(1).unwrap();
    assert_eq!(recv.take_wakes(), 0, "nobody has to be woken who looks");
    assert_eq!(recv.poll(), Poll::Ready(Ok(1)));
}

#[test]
fn what_goes_on_within_a_thread_is_not_looked_at_twice() {
    let (tx, rx) = receivers_look(1);
    let mut recv = pending(rx.recv());
    tx.try_send(1).unwrap();
    assert_eq!(recv.poll(), Poll::Ready(Ok(1)));
    for _ in 0..3 {
        let recv = pending(rx.recv());
        assert!(!recv.is_woken());
        tx.try_send(1).unwrap();
        assert_eq!(recv.finish(), Ok(1));
    }
}

#[test]
fn who_looks_stands_in_line() {
    let (tx, rx) = receivers_look(2);
    let mut first = pending(rx.recv());
    let mut second = pending(rx.recv());
    let mut third = pending(rx.recv());
    tx.try_send(1).unwrap();
    assert!(third.poll().is_pending());
    assert!(second.poll().is_pending());
    assert_eq!(first.poll(), Poll::Ready(Ok(1)));
    tx.try_send(2).unwrap();
    assert!(third.poll().is_pending());
    second.cancel();
    assert_eq!(third.poll(), Poll::Ready(Ok(2)), "the grant went on");
    assert_eq!(rx.stats().len, 0);
}

#[test]
fn a_sender_looks_and_keeps_its_item_until_it_has_room() {
    let (tx, rx) = senders_look();
    let first = pending(tx.send(2));
    let mut second = pending(tx.send(3));
    assert!(first.is_woken() && rx.stats().sending == 2);
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(rx.stats().len, 0);
    assert!(second.poll().is_pending());
    first.cancel();
    assert_eq!(second.poll(), Poll::Ready(Ok(())));
    assert_eq!(rx.try_recv(), Ok(3));
}

#[test]
fn who_looks_hears_of_an_end() {
    let (tx, rx) = receivers_look(1);
    let mut recv = pending(rx.recv());
    elsewhere(move || drop(tx));
    assert_eq!(recv.poll(), Poll::Ready(Err(RecvError::End)));
    let (tx, rx) = senders_look();
    let mut send = pending(tx.send(2));
    elsewhere(move || drop(rx));
    assert_eq!(send.poll(), Poll::Ready(Err(SendError::Broken(2))));
}

#[test]
fn looking_in_vain_spends_no_budget_and_finding_something_does() {
    let (tx, rx) = receivers_look(1);
    budget::refill(1);
    let mut recv = pending(rx.recv());
    assert_eq!(budget::remaining(), Some(1));
    tx.try_send(1).unwrap();
    assert!(recv.poll().is_ready());
    assert_eq!(budget::remaining(), Some(0));
    budget::unlimited();
}

#[test]
fn the_waker_of_the_last_look_is_the_one_that_counts() {
    let (tx, rx) = receivers_look(1);
    let mut recv = pending(rx.recv());
    let other = start(std::future::pending::<()>());
    look_through(&mut recv);
    assert!(recv.poll_with(&other.waker()).is_pending());
    tx.try_send(1).unwrap();
    assert!(!recv.is_woken() && other.is_woken());
    assert_eq!(recv.poll(), Poll::Ready(Ok(1)));
}

#[test]
fn a_queue_is_looked_at_as_well() {
    let queue = Queue::new(1);
    let get = pending(queue.get());
    elsewhere(|| queue.try_put(0).unwrap());
    assert_eq!(get.finish(), Ok(0));
    let mut get = pending(queue.get());
    assert!(look_through(&mut get) > 0);
    queue.try_put(1).unwrap();
    assert_eq!(get.finish(), Ok(1));
}

/// Polls `operation` so often, and drops it if it is not ready by then.
fn poll_a_few<T>(operation: impl Future<Output = T>, times: usize) -> Option<T> {
    let mut operation = pin!(operation);
    let mut cx = Context::from_waker(Waker::noop());
    (0..times).find_map(|_| match operation.as_mut().poll(&mut cx) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}

/// Both sides give up what they have begun, mostly while they look, and begin anew.
#[test]
fn nothing_is_lost_or_moved_between_threads_that_cancel() {
    const ITEMS: u32 = if cfg!(miri) { 50 } else { 5000 };
    for capacity in [1, 3] {
        let (tx, rx) = channel(capacity);
        thread::scope(|scope| {
            scope.spawn(move || {
                for n in 0..ITEMS {
                    let sent = poll_a_few(tx.send(n), n as usize % 8);
                    sent.unwrap_or_else(|| tx.blocking_send(n)).unwrap();
                }
            });
            for n in 0..ITEMS {
                let received = poll_a_few(rx.recv(), n as usize % 9);
                assert_eq!(received.unwrap_or_else(|| rx.blocking_recv()), Ok(n));
            }
            assert_eq!(rx.blocking_recv(), Err(RecvError::End));
        });
    }
}

#[test]
fn threads_in_a_ring_pass_everything_on() {
    const ITEMS: u32 = if cfg!(miri) { 20 } else { 5000 };
    let (tx, mut last) = channel(2);
    thread::scope(|scope| {
        for _ in 0..3 {
            let (next, rx) = channel(1);
            let before = std::mem::replace(&mut last, rx);
            scope.spawn(move || {
                while let Ok(item) = before.blocking_recv() {
                    next.blocking_send(item).unwrap();
                }
            });
        }
        scope.spawn(move || (0..ITEMS).try_for_each(|n| tx.blocking_send(n)));
        let received: Vec<_> = std::iter::from_fn(|| last.blocking_recv().ok()).collect();
        assert!(received.into_iter().eq(0..ITEMS));
    });
}

#[derive(Clone, Debug)]
enum Op {
    Send { elsewhere: bool },
    Start,
    Poll(usize),
    Drop(usize),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        Just(Op::Send { elsewhere: true }),
        Just(Op::Send { elsewhere: false }),
        Just(Op::Start),
        Just(Op::Start),
        any::<usize>().prop_map(Op::Poll),
        any::<usize>().prop_map(Op::Poll),
        any::<usize>().prop_map(Op::Drop),
    ];
    vec(op, 0..60)
}

proptest::proptest! {
    /// Items are promised to those who wait in the order in which they came, whether they look or
    /// sleep, and those who sleep are woken.
    #[test]
    fn who_looks_is_served_as_everybody_is(ops in ops()) {
        let (tx, rx) = channel::unbounded::<u32>();
        let mut items = VecDeque::new();
        let mut waiting: Vec<Task<'_, _>> = Vec::new();
        for (n, op) in (0..).zip(ops) {
            match op {
                Op::Send { elsewhere: apart } => {
                    if apart { elsewhere(|| tx.try_send(n)) } else { tx.try_send(n) }.unwrap();
                    items.push_back(n);
                }
                Op::Start => {
                    let mut recv = start(rx.recv());
                    match recv.poll() {
                        Poll::Ready(item) => {
                            proptest::prop_assert!(items.len() > waiting.len());
                            proptest::prop_assert_eq!(item.ok(), items.pop_front());
                        }
                        Poll::Pending => waiting.push(recv),
                    }
                }
                Op::Poll(pick) if !waiting.is_empty() => {
                    let pick = pick % waiting.len();
                    let is_promised = pick < items.len();
                    proptest::prop_assert!(!is_promised || waiting[pick].is_woken());
                    waiting[pick].take_wakes();
                    let polled = waiting[pick].poll();
                    proptest::prop_assert_eq!(polled.is_ready(), is_promised);
                    if let Poll::Ready(item) = polled {
                        drop(waiting.remove(pick));
                        proptest::prop_assert_eq!(item.ok(), items.pop_front());
                    }
                }
                Op::Drop(pick) if !waiting.is_empty() => {
                    waiting.remove(pick % waiting.len()).cancel();
                }
                _ => {}
            }
            let stats = rx.stats();
            proptest::prop_assert_eq!(stats.len, items.len());
            proptest::prop_assert_eq!(stats.receiving, waiting.len().saturating_sub(items.len()));
        }
    }
}
