//! Section T: iteration, generators, managed blocks.

use std::cell::Cell;
use std::rc::Rc;

use aioli_flow::{AsyncClose, Gen, finally, generator, timeout, with};
use aioli_sync::Lock;
use aioli_task::{catch, spawn, time, yield_now};
use aioli_time::sleep;

use crate::support::{Log, builder, cancelled, forever, in_any_order, in_order, noted, settle};

/// Counts up to two, and notes how it ends.
fn numbers(log: &Log) -> Gen<u32> {
    let log = log.clone();
    generator(async move |y| {
        let body = async {
            y.put(1).await;
            y.put(2).await;
        };
        let out = catch(body).await;
        yield_now().await;
        match out {
            Ok(()) => log.put("exhausted"),
            Err(cancelled) => {
                log.put("cancelled");
                cancelled.raise().await
            }
        }
    })
}

#[test]
fn c380_clean_up_of_a_generator() {
    // Abandoned: soon after.
    in_any_order(async || {
        let log = Log::default();
        {
            let mut abandoned = numbers(&log);
            assert_eq!(abandoned.next().await, Some(1));
        }
        settle().await;
        assert_eq!(log.timed(), ["cancelled at 0"]);
    });
    // Closed: by the time the close is done.
    in_any_order(async || {
        let log = Log::default();
        let mut closed = numbers(&log);
        assert_eq!(closed.next().await, Some(1));
        closed.aclose().await;
        assert_eq!(log.names(), ["cancelled"]);
    });
    // Exhausted: at the end.
    in_any_order(async || {
        let log = Log::default();
        let mut exhausted = numbers(&log);
        let mut items = Vec::new();
        while let Some(item) = exhausted.next().await {
            items.push(item);
        }
        assert_eq!(
            (items, log.names()),
            (vec![1, 2], vec!["exhausted".to_owned()])
        );
        assert_eq!(exhausted.next().await, None);
    });
    // Outliving the run: at its end.
    let log = Log::default();
    let mut runner = builder().build();
    let mut outliving = numbers(&log);
    runner
        .run(async { assert_eq!(outliving.next().await, Some(1)) })
        .unwrap();
    assert!(log.is_empty());
    runner.run(async move { drop(outliving) }).unwrap();
    runner.close();
    assert_eq!(log.names(), ["cancelled"]);
}

#[test]
fn c381_chain_of_generators_is_cleaned_up_from_the_innermost() {
    fn link(number: usize, mut inner: Gen<u32>, log: Log) -> Gen<u32> {
        generator(async move |y| {
            let passing = async {
                while let Some(item) = inner.next().await {
                    y.put(item).await;
                }
            };
            if let Err(cancelled) = catch(passing).await {
                // What is closed is iterated by nobody else, and comes first.
                inner.aclose().await;
                log.put(number);
                cancelled.raise().await
            }
        })
    }
    in_any_order(async || {
        let log = Log::default();
        let innermost = log.clone();
        let mut chain = generator(async move |y| {
            noted(innermost, "0", async {
                loop {
                    y.put(7).await;
                }
            })
            .await;
        });
        for number in 1..=100 {
            chain = link(number, chain, log.clone());
        }
        assert_eq!((chain.next().await, chain.next().await), (Some(7), Some(7)));
        drop(chain);
        sleep(1).await;
        let expected: Vec<_> = (0..=100).map(|number| number.to_string()).collect();
        assert_eq!(log.names(), expected);
    });
}

#[test]
fn c382_half_iterated_generator_is_closed_by_the_loop() {
    in_order(async || {
        let log = Log::default();
        let closing = log.clone();
        let mut items = generator(async move |y| {
            noted(closing, "closed", async {
                y.put(1).await;
                y.put(2).await;
            })
            .await;
        });
        assert_eq!(items.next().await, Some(1));
        drop(items);
        assert!(log.is_empty(), "the drop only schedules it");
        yield_now().await;
        assert_eq!(log.names(), ["closed"]);
    });
}

#[test]
fn c383_generator_of_a_cancelled_task_never_starts() {
    in_any_order(async || {
        let log = Log::default();
        let (started, ended) = (log.clone(), log.clone());
        let task = spawn(async move {
            let mut items = generator(async move |y| {
                started.put("started");
                y.put(1).await;
            });
            noted(ended, "cancelled", forever()).await;
            items.next().await
        });
        settle().await;
        task.cancel();
        cancelled(task).await;
        assert_eq!(log.names(), ["cancelled"]);
    });
}

#[test]
fn c385_loop_body_ends_before_its_generator() {
    in_any_order(async || {
        let log = Log::default();
        let (in_generator, in_body) = (log.clone(), log.clone());
        let task = spawn(async move {
            let items = generator(async move |y| {
                noted(in_generator, "generator cancelled", async {
                    y.put(1).await;
                    y.put(2).await;
                })
                .await;
            });
            items
                .for_each(async |_| noted(in_body.clone(), "body cancelled", forever()).await)
                .await;
        });
        sleep(1).await;
        task.cancel();
        cancelled(task).await;
        assert_eq!(
            log.timed(),
            ["body cancelled at 1", "generator cancelled at 1"]
        );
    });
}

#[test]
fn c386_generator_does_not_run_ahead() {
    in_any_order(async || {
        let made = Rc::new(Cell::new(0));
        let count = made.clone();
        let mut items = generator(async move |y| {
            for item in 1..=3 {
                count.set(item);
                y.put(item).await;
            }
        });
        assert_eq!(made.get(), 0);
        for expected in 1..=3 {
            assert_eq!(items.next().await, Some(expected));
            sleep(10).await;
            assert_eq!(made.get(), expected);
        }
        assert_eq!((items.next().await, time()), (None, 30.0));
    });
}

#[test]
fn c387_lock_held_for_a_block() {
    in_any_order(async || {
        let lock = Lock::new(0);
        {
            let mut guard = lock.lock().await;
            assert!(lock.is_locked() && lock.try_lock().is_none());
            *guard += 1;
        }
        assert!(!lock.is_locked());
        // Left by a deadline it is free as well.
        let block = async {
            let _guard = lock.lock().await;
            forever().await;
        };
        assert!(timeout(1, block).await.is_err());
        assert_eq!((lock.is_locked(), lock.into_inner()), (false, 1));
    });
}

/// A resource that notes when it is closed, which takes a second.
struct Resource(Log);

impl AsyncClose for Resource {
    async fn aclose(self) {
        sleep(1).await;
        self.0.put("closed");
    }
}

/// The other managed block: its exit is awaited on every path.
#[test]
fn c387_resource_closed_on_every_way_out() {
    in_any_order(async || {
        let log = Log::default();
        let value = with(Resource(log.clone()), async |_| {
            sleep(1).await;
            "value"
        });
        assert_eq!(
            (value.await, time(), log.count("closed")),
            ("value", 2.0, 1)
        );
        let late = with(Resource(log.clone()), async |_| sleep(10).await);
        assert!(timeout(1, late).await.is_err());
        assert_eq!((time(), log.count("closed")), (4.0, 2));
        let noting = log.clone();
        let task = spawn(async move { with(Resource(noting), async |_| forever().await).await });
        settle().await;
        task.cancel();
        sleep(0.5).await;
        // A second request does not cut the closing short.
        task.cancel();
        cancelled(task).await;
        assert_eq!((time(), log.count("closed")), (5.0, 3));
        drop(with(Resource(log.clone()), async |_| ()));
        sleep(2).await;
        assert_eq!(log.count("closed"), 4);
        let noting = log.clone();
        let task = spawn(finally(forever(), async move {
            sleep(1).await;
            noting.put("cleaned up");
        }));
        settle().await;
        task.cancel();
        sleep(0.5).await;
        task.cancel();
        cancelled(task).await;
        assert_eq!((time(), log.count("cleaned up")), (8.0, 1));
    });
}
