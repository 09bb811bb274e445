//! Cancelling at every await: nothing may be lost, doubled or left locked.
//!
//! A scenario is a set of tasks over shared state. It is run once to count its polls, then
//! again for each of them, and there the task that is about to be polled is dropped instead.
//! The rest runs to its end, and then the books must balance.

use super::kind::{
    Barrier, CapacityLimiter, Condition, Event, Lock, Queue, RwLock, Semaphore, channel,
};
use crate::harness::ready;
use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

pub(super) type Future<'a> = Pin<Box<dyn std::future::Future<Output = ()> + 'a>>;

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Polls woken tasks in turn; drops the one whose poll would be number `cancel_at`.
/// Returns the number of polls, and whether all tasks have ended.
fn run(tasks: Vec<Future<'_>>, cancel_at: Option<usize>) -> (usize, bool) {
    let flag = || Arc::new(Flag(AtomicBool::new(true)));
    let mut tasks: Vec<_> = tasks.into_iter().map(|task| Some((task, flag()))).collect();
    let mut polls = 0;
    loop {
        let mut progress = false;
        for slot in &mut tasks {
            let Some((task, woken)) = slot else { continue };
            if !woken.0.swap(false, Ordering::Relaxed) {
                continue;
            }
            progress = true;
            let waker = Waker::from(Arc::clone(woken));
            let cancelled = cancel_at == Some(polls);
            polls += 1;
            if cancelled
                || task
                    .as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_ready()
            {
                *slot = None;
            }
        }
        if !progress {
            return (polls, tasks.iter().all(Option::is_none));
        }
    }
}

/// Lets the others run.
pub(super) async fn pass() {
    let mut passed = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut passed, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Runs the scenario that `begin` makes of a fresh `S` with a cancellation at every poll.
#[track_caller]
pub(super) fn everywhere<S>(
    make: impl Fn() -> S,
    begin: impl for<'a> Fn(&'a S) -> Vec<Future<'a>>,
    check: impl Fn(&S, usize, bool),
) {
    let state = make();
    let (polls, ended) = run(begin(&state), None);
    assert!(ended, "the scenario hangs by itself");
    check(&state, polls, ended);
    assert!(
        polls >= 8,
        "a scenario with {polls} cancel points shows little"
    );
    for cancel_at in 0..polls {
        let state = make();
        let (_, ended) = run(begin(&state), Some(cancel_at));
        check(&state, cancel_at, ended);
    }
}

#[test]
fn queue_keeps_every_item_and_every_slot() {
    struct Scenario {
        queue: Queue<u32>,
        put: Cell<u32>,
        got: Cell<u32>,
    }
    async fn produce(s: &Scenario) {
        for _ in 0..4 {
            if s.queue.put(1).await.is_ok() {
                s.put.set(s.put.get() + 1);
            }
        }
    }
    async fn consume(s: &Scenario) {
        s.queue
            .clone()
            .for_each(async |item| {
                s.got.set(s.got.get() + item);
                pass().await;
            })
            .await;
    }
    everywhere(
        || Scenario {
            queue: Queue::new(1),
            put: Cell::new(0),
            got: Cell::new(0),
        },
        |s| {
            vec![
                Box::pin(consume(s)),
                Box::pin(consume(s)),
                Box::pin(produce(s)),
                Box::pin(produce(s)),
                Box::pin(async {
                    while s.queue.stats().getting < 1 || s.queue.stats().unfinished > 0 {
                        pass().await;
                        if s.put.get() >= 4 {
                            break;
                        }
                    }
                    s.queue.join().await;
                    for _ in 0..40 {
                        pass().await;
                    }
                    s.queue.shutdown();
                }),
            ]
        },
        |s, at, _| {
            let left = s.queue.shutdown_now().len();
            let stats = s.queue.stats();
            assert_eq!(
                s.put.get() as usize,
                s.got.get() as usize + left,
                "items at {at}"
            );
            assert_eq!(
                stats.unfinished, 0,
                "every item that was got is done, at {at}"
            );
            assert_eq!(
                (stats.getting, stats.putting, stats.joining),
                (0, 0, 0),
                "at {at}"
            );
        },
    );
}

#[test]
fn channel_keeps_every_item_and_ends() {
    struct Scenario {
        sent: Cell<u32>,
        received: Cell<u32>,
    }
    everywhere(
        || Scenario {
            sent: Cell::new(0),
            received: Cell::new(0),
        },
        |s| {
            let (tx, rx) = channel(2);
            let send = |tx: channel::mpmc::Sender<u32>| async move {
                for _ in 0..5 {
                    if tx.send(1).await.is_ok() {
                        s.sent.set(s.sent.get() + 1);
                    }
                }
            };
            let receive = |rx: channel::mpmc::Receiver<u32>| async move {
                while let Ok(item) = rx.recv().await {
                    s.received.set(s.received.get() + item);
                    pass().await;
                }
            };
            vec![
                Box::pin(receive(rx.clone())),
                Box::pin(send(tx.clone())),
                Box::pin(send(tx)),
                Box::pin(receive(rx)),
            ]
        },
        |s, at, ended| {
            assert!(ended, "the channel ends by itself, at {at}");
            assert_eq!(
                s.sent.get(),
                s.received.get(),
                "one receiver survives, at {at}"
            );
        },
    );
}

#[test]
fn semaphore_keeps_its_permits() {
    async fn work(semaphore: &Semaphore, n: usize) {
        for _ in 0..2 {
            let _permits = semaphore.acquire_many(n).await;
            pass().await;
        }
    }
    everywhere(
        || Semaphore::new(3),
        |s| {
            [1, 3, 2, 1]
                .map(|n| Box::pin(work(s, n)) as Future<'_>)
                .into()
        },
        |s, at, ended| {
            assert!(ended, "somebody waits for a permit that is there, at {at}");
            assert_eq!((s.available(), s.stats().waiting), (3, 0), "at {at}");
        },
    );
}

#[test]
fn limiter_keeps_its_tokens_and_names() {
    async fn work(limiter: &CapacityLimiter, name: u64) {
        for _ in 0..2 {
            let _token = limiter.acquire_on_behalf_of(name).await.unwrap();
            pass().await;
        }
    }
    everywhere(
        || CapacityLimiter::new(2),
        |s| {
            (0..4)
                .map(|name| Box::pin(work(s, name)) as Future<'_>)
                .collect()
        },
        |s, at, ended| {
            assert!(ended, "somebody waits for a token that is there, at {at}");
            assert_eq!((s.available(), s.stats().waiting), (2, 0), "at {at}");
            for name in 0..4 {
                assert!(ready(s.acquire_on_behalf_of(name)).is_ok(), "at {at}");
            }
        },
    );
}

#[test]
fn lock_is_free_in_the_end() {
    async fn work(lock: &Lock<u32>) {
        for _ in 0..2 {
            let mut guard = lock.lock().await;
            *guard += 1;
            pass().await;
            *guard -= 1;
        }
    }
    everywhere(
        || Lock::new(0),
        |lock| (0..3).map(|_| Box::pin(work(lock)) as Future<'_>).collect(),
        |lock, at, ended| {
            assert!(ended, "somebody waits for a free lock, at {at}");
            assert!(!lock.is_locked() && lock.stats().waiting == 0, "at {at}");
        },
    );
}

#[test]
fn rw_lock_is_free_in_the_end() {
    async fn read(lock: &RwLock<u32>) {
        let _guard = lock.read().await;
        pass().await;
    }
    async fn write(lock: &RwLock<u32>) {
        let mut guard = lock.write().await;
        pass().await;
        *guard += 1;
    }
    everywhere(
        || RwLock::new(0),
        |lock| {
            vec![
                Box::pin(read(lock)),
                Box::pin(write(lock)),
                Box::pin(read(lock)),
                Box::pin(write(lock)),
                Box::pin(read(lock)),
            ]
        },
        |lock, at, ended| {
            assert!(ended, "somebody waits for a free lock, at {at}");
            let stats = lock.stats();
            assert_eq!(
                (stats.readers, stats.writing, stats.waiting),
                (0, false, 0),
                "at {at}"
            );
        },
    );
}

#[test]
fn condition_loses_no_notification() {
    struct Scenario {
        stock: Lock<u32>,
        delivered: Condition,
        bought: Cell<u32>,
        supplied: Cell<u32>,
    }
    async fn buy(s: &Scenario) {
        let guard = s.stock.lock().await;
        let mut guard = s.delivered.wait_for(guard, |stock| *stock > 0).await;
        *guard -= 1;
        s.bought.set(s.bought.get() + 1);
    }
    async fn supply(s: &Scenario) {
        for _ in 0..3 {
            let mut guard = s.stock.lock().await;
            *guard += 1;
            s.supplied.set(s.supplied.get() + 1);
            s.delivered.notify(1);
            pass().await;
        }
    }
    everywhere(
        || Scenario {
            stock: Lock::new(0),
            delivered: Condition::new(),
            bought: Cell::new(0),
            supplied: Cell::new(0),
        },
        |s| {
            vec![
                Box::pin(buy(s)),
                Box::pin(buy(s)),
                Box::pin(supply(s)),
                Box::pin(buy(s)),
            ]
        },
        |s, at, _| {
            assert!(!s.stock.is_locked(), "at {at}");
            let left = *s.stock.try_lock().expect("it is free");
            assert_eq!(s.supplied.get(), s.bought.get() + left, "at {at}");
            let idle = left.min(s.delivered.stats().waiting as u32);
            assert_eq!(idle, 0, "goods are there and a buyer was not told, at {at}");
        },
    );
}

#[test]
fn barrier_counts_only_those_who_are_there() {
    async fn meet(barrier: &Barrier) {
        for _ in 0..3 {
            let _ = barrier.wait().await;
        }
    }
    everywhere(
        || Barrier::new(3),
        |barrier| {
            (0..3)
                .map(|_| Box::pin(meet(barrier)) as Future<'_>)
                .collect()
        },
        |barrier, at, ended| {
            let stats = barrier.stats();
            assert_eq!(stats.leaving, 0, "at {at}");
            assert!(
                ended || stats.waiting == 0,
                "dropped waiters are not there, at {at}"
            );
        },
    );
}

#[test]
fn event_leaves_nothing_behind() {
    everywhere(
        Event::new,
        |event| {
            let wait = || Box::pin(event.wait()) as Future<'_>;
            let set = Box::pin(async {
                pass().await;
                event.set();
            });
            vec![wait(), wait(), wait(), set]
        },
        |event, at, ended| assert!(ended || !event.is_set(), "at {at}"),
    );
}
