//! Cancelling at every await of what tells many, and of what is bounded by weight.

use super::cancel::{Future, everywhere, pass};
use super::kind::{Notify, OnceCell, Queue, broadcast, oneshot, watch};
use std::cell::{Cell, RefCell};

#[test]
fn notify_loses_no_permit() {
    struct Scenario {
        notify: Notify,
        told: Cell<u32>,
        given: Cell<u32>,
    }
    async fn listen(s: &Scenario) {
        s.notify.notified().await;
        s.told.set(s.told.get() + 1);
        pass().await;
    }
    async fn tell(s: &Scenario) {
        for _ in 0..3 {
            pass().await;
            s.notify.notify_one();
            s.given.set(s.given.get() + 1);
        }
    }
    everywhere(
        || Scenario {
            notify: Notify::new(),
            told: Cell::new(0),
            given: Cell::new(0),
        },
        |s| {
            vec![
                Box::pin(listen(s)),
                Box::pin(listen(s)),
                Box::pin(listen(s)),
                Box::pin(tell(s)),
            ]
        },
        |s, at, _| {
            let stats = s.notify.stats();
            let (told, given) = (s.told.get(), s.given.get());
            assert_eq!(told + u32::from(stats.permit), given, "at {at}");
            assert!(!stats.permit || stats.waiting == 0, "at {at}");
        },
    );
}

#[test]
fn watch_shows_the_last_value_to_whoever_is_left() {
    struct Scenario {
        seen: RefCell<Vec<u32>>,
        sent: Cell<u32>,
    }
    everywhere(
        || Scenario {
            seen: RefCell::default(),
            sent: Cell::new(0),
        },
        |s| {
            let (tx, rx) = watch::channel(0);
            let see = |mut rx: watch::Receiver<u32>| async move {
                let mut last = 0;
                while let Ok(value) = rx.changed().await {
                    last = *value;
                    pass().await;
                }
                s.seen.borrow_mut().push(last);
            };
            let send = async move {
                for value in 1..=3 {
                    tx.send(value);
                    s.sent.set(value);
                    pass().await;
                }
            };
            vec![
                Box::pin(see(rx.clone())) as Future<'_>,
                Box::pin(see(rx)),
                Box::pin(send),
            ]
        },
        |s, at, ended| {
            assert!(ended, "the channel ends by itself, at {at}");
            let seen = s.seen.borrow();
            assert!(!seen.is_empty(), "one is left, at {at}");
            assert!(seen.iter().all(|value| *value == s.sent.get()), "at {at}");
        },
    );
}

#[test]
fn broadcast_delivers_or_says_what_it_did_not() {
    struct Scenario {
        accounts: RefCell<Vec<u64>>,
        sent: Cell<u64>,
    }
    everywhere(
        || Scenario {
            accounts: RefCell::default(),
            sent: Cell::new(0),
        },
        |s| {
            let (tx, rx) = broadcast::channel(2);
            let hear = |mut rx: broadcast::Receiver<u64>, pauses: u32| async move {
                let mut account = 0;
                loop {
                    match rx.recv().await {
                        Ok(_) => account += 1,
                        Err(super::kind::Lagging::Missed(missed)) => account += missed,
                        Err(_) => break,
                    }
                    for _ in 0..pauses {
                        pass().await;
                    }
                }
                s.accounts.borrow_mut().push(account);
            };
            let send = async move {
                for n in 0..6 {
                    if tx.send(n).is_ok() {
                        s.sent.set(s.sent.get() + 1);
                    }
                    pass().await;
                }
            };
            vec![
                Box::pin(hear(rx.clone(), 0)) as Future<'_>,
                Box::pin(hear(rx, 3)),
                Box::pin(send),
            ]
        },
        |s, at, ended| {
            assert!(ended, "the channel ends by itself, at {at}");
            let accounts = s.accounts.borrow();
            assert!(!accounts.is_empty(), "one is left, at {at}");
            assert!(accounts.iter().all(|n| *n == s.sent.get()), "at {at}");
        },
    );
}

#[test]
fn a_queue_by_weight_keeps_its_room() {
    async fn produce(queue: &Queue<usize>, weight: usize) {
        for _ in 0..3 {
            pass().await;
            let _ = queue.put(weight).await;
        }
    }
    everywhere(
        || Queue::builder().max_bytes(4, |weight| *weight).build(),
        |queue| {
            let consume = async {
                for _ in 0..30 {
                    let _ = queue.try_get();
                    pass().await;
                }
                queue.shutdown();
            };
            vec![
                Box::pin(produce(queue, 4)),
                Box::pin(produce(queue, 1)),
                Box::pin(produce(queue, 3)),
                Box::pin(consume),
            ]
        },
        |queue, at, _| {
            let left: usize = queue.shutdown_now().into_iter().sum();
            let stats = queue.stats();
            assert!(left <= 4, "at {at}");
            assert_eq!(
                (stats.bytes, stats.len, stats.putting),
                (0, 0, 0),
                "at {at}"
            );
        },
    );
}

#[test]
fn a_cell_is_filled_by_whoever_is_left() {
    everywhere(
        OnceCell::new,
        |cell| {
            let fill = || async {
                let init = async || {
                    pass().await;
                    pass().await;
                    7
                };
                assert_eq!(*cell.get_or_init(init).await, 7);
            };
            (0..4).map(|_| Box::pin(fill()) as Future<'_>).collect()
        },
        |cell, at, ended| {
            assert!(ended, "somebody waits for an empty cell, at {at}");
            assert_eq!(cell.get(), Some(&7), "at {at}");
        },
    );
}

#[test]
fn a_oneshot_is_answered_or_known_to_be_not() {
    everywhere(
        || Cell::new(0),
        |ends| {
            let mut tasks: Vec<Future<'_>> = Vec::new();
            for value in 0..3 {
                let (mut tx, rx) = oneshot::channel();
                tasks.push(Box::pin(async move {
                    let answer = rx.await;
                    assert!(answer.is_err() || answer == Ok(value));
                    ends.set(ends.get() + 1);
                }));
                tasks.push(Box::pin(async move {
                    if value == 1 {
                        tx.closed().await;
                    } else {
                        pass().await;
                        let _ = tx.send(value);
                    }
                    ends.set(ends.get() + 1);
                }));
            }
            // The second receiver is gone from the beginning, for which its sender waits.
            drop(tasks.remove(2));
            tasks
        },
        |ends, at, ended| assert!(ended && ends.get() >= 4, "at {at}"),
    );
}
