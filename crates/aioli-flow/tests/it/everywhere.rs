//! Cancels scenarios everywhere, and looks whether they balance.
//!
//! Queue, lock, semaphore, timeout, task group, `with`, and the other combinators. Each scenario
//! prints how many cancel points it had.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use aioli_flow::testing::{Cut, Everywhere, How, Scenario};
use aioli_flow::{
    AsyncClose, Gather, Of2, Stack, TaskGroup, TryGather, finally, gather, generator, race,
    timeout, with,
};
use aioli_sync::{Lock, Queue, Semaphore};
use aioli_task::{Tasks, current, spawn};
use aioli_time::sleep;

/// Runs a scenario in FIFO order and in two shuffled ones.
pub(crate) fn everywhere(name: &str, scenario: fn() -> Scenario) {
    let summary = Everywhere::new(name).run(scenario);
    println!("{summary}");
    summary.assert();
    assert!(summary.points() >= 20, "{summary}");
    for seed in 1..=2 {
        Everywhere::new(format!("{name}, seed {seed}"))
            .shuffle(seed)
            .run(scenario)
            .assert();
    }
}

fn ensure(is_fine: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if is_fine { Ok(()) } else { Err(message()) }
}

/// Counts what is opened and closed.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Rc<Counts>);

#[derive(Default)]
struct Counts {
    opened: Cell<u32>,
    closed: Cell<u32>,
}

impl Ledger {
    pub(crate) fn open(&self) -> Resource {
        self.0.opened.set(self.0.opened.get() + 1);
        Resource {
            ledger: self.clone(),
            is_closed: Cell::new(false),
        }
    }

    fn close(&self) {
        self.0.closed.set(self.0.closed.get() + 1);
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        let (opened, closed) = (self.0.opened.get(), self.0.closed.get());
        ensure(opened == closed, || {
            format!("{opened} opened, {closed} closed")
        })
    }
}

/// Has to be closed, once; closing takes a second.
pub(crate) struct Resource {
    ledger: Ledger,
    is_closed: Cell<bool>,
}

impl Resource {
    pub(crate) async fn close(&self) {
        sleep(0.5).await;
        assert!(!self.is_closed.replace(true), "closed twice");
        self.ledger.close();
        sleep(0.5).await;
    }
}

impl AsyncClose for Resource {
    async fn aclose(self) {
        self.close().await;
    }
}

/// Waits for tasks, whichever way they end.
pub(crate) async fn all_ended<T>(tasks: Vec<aioli_task::Task<T>>) {
    for task in tasks {
        task.handle().done().await;
    }
}

fn queue() -> Scenario {
    let queue = Queue::new(2);
    let (put, received) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let made = 6;
    let (inside, n_put, n_received) = (queue.clone(), put.clone(), received.clone());
    let main = async move {
        let producer = |first: u32| {
            let (queue, put) = (inside.clone(), n_put.clone());
            async move {
                for item in first..first + 3 {
                    queue.put(item).await.expect("the queue is open");
                    put.set(put.get() + 1);
                }
            }
        };
        let worker = || {
            let (queue, received) = (inside.clone(), n_received.clone());
            async move {
                let count = async |_item| {
                    received.set(received.get() + 1);
                    sleep(1).await;
                };
                queue.for_each(count).await;
            }
        };
        let workers = vec![spawn(worker()), spawn(worker())];
        all_ended(vec![spawn(producer(0)), spawn(producer(10))]).await;
        let joined = timeout(60, inside.join()).await;
        let is_served = workers.iter().any(|worker| !worker.is_done());
        assert!(
            joined.is_ok() || !is_served,
            "the join hangs although a worker is alive"
        );
        Tasks::from(workers).stop().await;
    };
    Scenario::new(main, move |_| {
        let (put, received, stats) = (put.get(), received.get(), queue.stats());
        let here = received + stats.len;
        ensure(put <= here && here <= made, || {
            format!("{put} of {made} items were put, {here} are received or left")
        })?;
        ensure(stats.unfinished == stats.len, || {
            format!(
                "{} items are left, {} unfinished",
                stats.len, stats.unfinished
            )
        })?;
        ensure(
            (stats.getting, stats.putting, stats.joining) == (0, 0, 0),
            || format!("somebody is still in line: {stats:?}"),
        )
    })
}

fn lock() -> Scenario {
    let lock = Arc::new(Lock::new(0));
    let inside = lock.clone();
    let main = async move {
        let user = || {
            let lock = inside.clone();
            async move {
                for _ in 0..2 {
                    let mut guard = lock.lock().await;
                    let before = *guard;
                    sleep(1).await;
                    assert_eq!(*guard, before, "two holders");
                    *guard += 1;
                }
            }
        };
        all_ended((0..3).map(|_| spawn(user())).collect()).await;
        drop(timeout(60, inside.lock()).await.expect("the lock is free"));
    };
    Scenario::new(main, move |_| {
        let stats = lock.stats();
        ensure(!stats.locked && stats.waiting == 0, || format!("{stats:?}"))
    })
}

fn semaphore() -> Scenario {
    let semaphore = Arc::new(Semaphore::new(2));
    let inside = semaphore.clone();
    let main = async move {
        let in_use = Rc::new(Cell::new(0));
        let user = |n: usize| {
            let (semaphore, in_use) = (inside.clone(), in_use.clone());
            async move {
                for _ in 0..2 {
                    let _permit = semaphore.acquire_many(n).await;
                    in_use.set(in_use.get() + n);
                    assert!(in_use.get() <= 2, "more users than permits");
                    let give_back = Guard(|| in_use.set(in_use.get() - n));
                    sleep(1).await;
                    drop(give_back);
                }
            }
        };
        all_ended([1, 2, 1, 1].into_iter().map(|n| spawn(user(n))).collect()).await;
        drop(
            timeout(60, inside.acquire_many(2))
                .await
                .expect("the permits are back"),
        );
    };
    Scenario::new(main, move |_| {
        let stats = semaphore.stats();
        ensure((stats.available, stats.waiting) == (2, 0), || {
            format!("{stats:?}")
        })
    })
}

/// Runs a function when dropped.
struct Guard<F: FnMut()>(F);

impl<F: FnMut()> Drop for Guard<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn timeouts() -> Scenario {
    let ledger = Ledger::default();
    let inside = ledger.clone();
    let main = async move {
        let worker = |seconds: u32| {
            let ledger = inside.clone();
            async move {
                let user = with(ledger.open(), async |_| sleep(seconds).await);
                let inner = timeout(2, user).await;
                // A closing that has begun holds the deadline up, and its value is kept.
                assert_eq!(inner.is_ok(), seconds < 3);
                let outer = timeout(3, async {
                    let user = with(ledger.open(), async |_| sleep(9).await);
                    timeout(2.5, finally(user, sleep(1))).await
                });
                assert!(outer.await.is_err());
                assert_eq!(current().cancelling(), 0);
            }
        };
        all_ended((1..=3).map(|n| spawn(worker(n))).collect()).await;
    };
    Scenario::new(main, move |_| ledger.check())
}

fn task_group() -> Scenario {
    let ledger = Ledger::default();
    let (inside, end) = (ledger.clone(), Rc::new(RefCell::new(None)));
    let ended = end.clone();
    let main = async move {
        let out = TaskGroup::scope(async |tg| {
            for n in 1..=3 {
                let (ledger, group) = (inside.clone(), tg.clone());
                tg.spawn(async move {
                    let user = with(ledger.open(), async |_| {
                        sleep(n).await;
                        group.spawn(sleep(n));
                        sleep(9).await;
                    });
                    user.await;
                    if n == 3 { Err("third") } else { Ok(()) }
                });
            }
            with(inside.open(), async |_| sleep(20).await).await;
            Ok(())
        });
        let out = out.await.map_err(|group| group.errors().len());
        ended.replace(Some(out));
    };
    Scenario::new(main, move |cut: &Cut| {
        ledger.check()?;
        let end = end.take();
        let expected = match cut.how() {
            None => end == Some(Err(1)),
            Some(_) => matches!(end, None | Some(Ok(()) | Err(1))),
        };
        ensure(expected, || format!("the group ended with {end:?}"))
    })
}

fn resources() -> Scenario {
    let ledger = Ledger::default();
    let inside = ledger.clone();
    let main = async move {
        let user = |ledger: Ledger| async move {
            let outer = with(ledger.open(), async |_| {
                with(ledger.open(), async |_| sleep(1).await).await;
                let stacked = with(Stack::new(), async |stack| {
                    stack.push(ledger.open());
                    sleep(0.5).await;
                    stack.push(ledger.open());
                    sleep(0.5).await;
                });
                stacked.await;
            });
            outer.await;
        };
        let (first, second) = (spawn(user(inside.clone())), spawn(user(inside.clone())));
        user(inside).await;
        all_ended(vec![first, second]).await;
    };
    Scenario::new(main, move |_| ledger.check())
}

fn combinators() -> Scenario {
    let ledger = Ledger::default();
    let inside = ledger.clone();
    let main = async move {
        let user = |seconds: f64| {
            let resource = inside.open();
            async move { with(resource, async |_| sleep(seconds).await).await }
        };
        let all = gather((user(1.0), user(0.5)));
        let won = race((all, user(9.0))).await;
        assert!(matches!(won, Of2::A(_)));
        [0.5, 1.0].map(&user).gather().await;
        let failing = [0.5, 9.0].map(|seconds| {
            let user = user(seconds);
            async move {
                user.await;
                if seconds < 1.0 { Err("no") } else { Ok(()) }
            }
        });
        assert_eq!(failing.try_gather().await, Err("no"));
    };
    Scenario::new(main, move |_| ledger.check())
}

fn generators() -> Scenario {
    let ledger = Ledger::default();
    let inside = ledger.clone();
    let main = async move {
        let items = |ledger: Ledger| {
            generator(async move |y| {
                let puts = async |_: &mut Resource| {
                    for n in 0..3 {
                        y.put(n).await;
                        sleep(1).await;
                    }
                };
                with(ledger.open(), puts).await;
            })
        };
        let consumer = spawn(items(inside.clone()).for_each(async |_| sleep(0.5).await));
        let mut abandoned = items(inside.clone());
        let first = abandoned.next().await;
        drop(abandoned);
        assert_eq!(first, Some(0));
        with(items(inside), async |items| items.next().await).await;
        all_ended(vec![consumer]).await;
    };
    Scenario::new(main, move |_| ledger.check())
}

#[test]
fn a_queue_loses_nothing() {
    everywhere("queue", queue);
}

#[test]
fn a_lock_passes_on() {
    everywhere("lock", lock);
}

#[test]
fn a_semaphore_keeps_its_permits() {
    everywhere("semaphore", semaphore);
}

#[test]
fn timeouts_clean_up() {
    everywhere("timeout", timeouts);
}

#[test]
fn a_task_group_leaves_nobody_behind() {
    everywhere("task group", task_group);
}

#[test]
fn with_closes_once() {
    everywhere("with", resources);
}

#[test]
fn combinators_drain_their_branches() {
    everywhere("gather and race", combinators);
}

#[test]
fn generators_are_closed() {
    everywhere("generator", generators);
}

#[test]
fn the_harness_sees_hangs_panics_and_spinning() {
    let hang = Everywhere::new("hang").run(|| Scenario::new(std::future::pending(), |_| Ok(())));
    assert!(hang.failures()[0].message.contains("hangs"), "{hang}");
    let panic = Everywhere::new("panic")
        .run(|| Scenario::new(async { std::panic::panic_any("planned") }, |_| Ok(())));
    assert!(panic.failures()[0].message.contains("planned"), "{panic}");
    let spin = Everywhere::new("spin").run(|| {
        let main = async {
            let task = spawn(async {
                if crate::caught(sleep(9)).await.is_err() {
                    loop {
                        sleep(0).await;
                    }
                }
            });
            task.handle().done().await;
        };
        Scenario::new(main, |_| Ok(()))
    });
    assert!(!spin.failures().is_empty());
    assert!(spin.failures()[0].message.contains("spin"), "{spin}");
    let check = Everywhere::new("check").run(|| {
        let main = async { sleep(1).await };
        Scenario::new(main, |cut: &Cut| match cut.how() {
            Some(How::Drop) if cut.is_main() && cut.pass() == Some(1) => Err("as planned".into()),
            _ => Ok(()),
        })
    });
    let cut = &check.failures()[0].cut;
    assert_eq!(
        (check.failures().len(), cut.task_name()),
        (1, Some("scenario"))
    );
    assert_eq!(cut.to_string(), "task \"scenario\" dropped in pass 1");
}
