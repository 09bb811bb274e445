//! Generators: when the body runs, and how it ends.

use std::cell::Cell;
use std::rc::Rc;

use aioli_flow::{Gen, finally, for_each, gather, generator, next, race, timeout, with};
use aioli_task::{Stop, spawn, yield_now};
use aioli_time::sleep;
use futures::StreamExt;

use crate::{Log, at, caught, check, run, run_any_order};

fn count(n: u32) -> Gen<u32> {
    generator(async move |y| {
        for i in 0..n {
            y.put(i).await;
            sleep(1).await;
        }
    })
}

/// Counts for ever; its clean-up takes a second.
fn cleaning(log: &Log, name: &'static str) -> Gen<u32> {
    let log = log.clone();
    generator(async move |y| {
        let puts = async {
            for i in 0.. {
                y.put(i).await;
            }
        };
        let cleanup = async {
            log.put(format!("{name} closing"));
            sleep(1).await;
            log.put(format!("{name} closed"));
        };
        finally(puts, cleanup).await;
    })
}

#[test]
fn items_come_in_order_and_the_end_stays() {
    run_any_order(|| async {
        let mut items = count(3);
        for expected in 0..3 {
            assert_eq!(items.next().await, Some(expected));
        }
        assert_eq!((items.next().await, items.next().await), (None, None));
        assert_eq!(at(), "3.0");
        assert_eq!(StreamExt::collect::<Vec<_>>(count(4)).await, [0, 1, 2, 3]);
        let mut sum = 0;
        count(4).for_each(async |n| sum += n).await;
        assert_eq!(sum, 6);
    });
}

#[test]
fn the_body_does_not_run_ahead() {
    let body = |log: Log| async move {
        let own = log.clone();
        let mut items = generator(async move |y| {
            own.put("a");
            y.put(1).await;
            own.put("b");
            y.put(2).await;
            own.put("c");
        });
        log.put("made");
        for _ in 0..3 {
            let item = items.next().await;
            sleep(1).await;
            log.put(format!("{item:?}"));
        }
    };
    check(body, "made,a,Some(1),b,Some(2),c,None", "()");
}

#[test]
fn a_generator_that_was_not_started_never_runs() {
    let body = |log: Log| async move {
        drop(cleaning(&log, "dropped"));
        cleaning(&log, "closed").aclose().await;
        with(cleaning(&log, "unused"), async |_| {}).await;
    };
    check(body, "", "()");
}

#[test]
fn closing_awaits_the_clean_up() {
    let body = |log: Log| async move {
        let mut items = cleaning(&log, "g");
        assert_eq!(items.next().await, Some(0));
        items.aclose().await;
        log.put(at());
        let seen = with(cleaning(&log, "h"), async |items| items.next().await).await;
        (seen, at())
    };
    check(
        body,
        "g closing,g closed,1.0,h closing,h closed",
        "(Some(0), \"2.0\")",
    );
}

#[test]
fn an_abandoned_generator_is_closed_by_the_loop() {
    let body = |log: Log| async move {
        let mut items = cleaning(&log, "g");
        items.next().await;
        drop(items);
        log.put("dropped");
        yield_now().await;
        yield_now().await;
        log.put("passes");
    };
    check(body, "dropped,g closing,passes,g closed", "()");
}

#[test]
fn a_request_goes_to_the_body_and_then_to_the_consumer() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            let inner = own.clone();
            let mut items = generator(async move |y| {
                y.put(1).await;
                finally(sleep(9), async { inner.put("generator") }).await;
                y.put(2).await;
            });
            let consume = async { while items.next().await.is_some() {} };
            finally(consume, async { own.put("consumer") }).await;
        });
        sleep(1).await;
        task.cancel();
        let out = caught(task).await;
        (out, at())
    };
    check(body, "generator,consumer", "(Err(\"cancelled\"), \"1.0\")");
}

#[test]
fn a_request_in_the_consumers_code_reaches_the_generator_after_it() {
    let body = |log: Log| async move {
        let own = log.clone();
        let task = spawn(async move {
            let items = cleaning(&own, "g");
            let each = async |_| finally(sleep(9), async { own.put("body") }).await;
            items.for_each(each).await;
        });
        sleep(1).await;
        task.cancel();
        let out = caught(task).await;
        (out, at())
    };
    check(
        body,
        "body,g closing,g closed",
        "(Err(\"cancelled\"), \"2.0\")",
    );
}

#[test]
fn a_lost_next_loses_no_item() {
    run(async {
        let mut items = count(3);
        let mut seen = Vec::new();
        loop {
            // The body is asked for an item, and set aside again before it has one.
            assert!(futures::poll!(items.next()).is_pending() || seen.is_empty());
            sleep(0.3).await;
            match items.next().await {
                Some(item) => seen.push(item),
                None => break,
            }
        }
        // The very first poll has an item at once, which is dropped with its future's output.
        assert_eq!(seen, [1, 2]);
    });
}

#[test]
fn a_timeout_of_next_asks_the_body_and_ends_the_generator() {
    let body = |log: Log| async move {
        let own = log.clone();
        let mut items = generator(async move |y| {
            y.put(1).await;
            finally(sleep(9), async { own.put("clean") }).await;
        });
        let first = items.next().await;
        let late = timeout(1, items.next()).await;
        (first, late, items.next().await)
    };
    check(body, "clean", "(Some(1), Err(Elapsed), None)");
}

#[test]
fn a_body_that_ignores_its_closing_is_dropped_at_the_next_put() {
    let body = |log: Log| async move {
        struct Guard(Log);
        impl Drop for Guard {
            fn drop(&mut self) {
                self.0.put("dropped");
            }
        }
        let own = log.clone();
        let mut items = generator(async move |y| {
            let _guard = Guard(own.clone());
            for n in 0.. {
                if caught(y.put(n)).await.is_err() {
                    own.put("ignored");
                }
            }
        });
        items.next().await;
        items.aclose().await;
        at()
    };
    check(body, "ignored,dropped", "\"0.0\"");
}

#[test]
fn a_panic_of_the_body_comes_out_of_next() {
    run(async {
        let task = spawn(async {
            let mut items = generator(async |y| {
                y.put(1).await;
                std::panic::panic_any("planned")
            });
            items.next().await;
            items.next().await
        });
        let Err(Stop::Panicked(panic)) = task.outcome().await else {
            unreachable!("it panics")
        };
        assert_eq!(panic.message(), "planned");
    });
}

#[test]
fn two_branches_of_a_body_may_put() {
    run_any_order(|| async {
        let mut items = generator(async |y| {
            let put_all = async |from: u32| {
                for n in from..from + 3 {
                    y.put(n).await;
                }
            };
            gather((put_all(0), put_all(10))).await;
            race((y.put(100), y.put(200))).await;
        });
        let mut seen = Vec::new();
        while let Some(item) = items.next().await {
            seen.push(item);
        }
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 10, 11, 12, 100]);
    });
}

#[test]
fn generators_consume_generators() {
    let body = |log: Log| async move {
        let inner = cleaning(&log, "inner");
        let own = log.clone();
        let mut outer = generator(async move |y| {
            let doubled = async {
                inner.for_each(async |n| y.put(n * 2).await).await;
            };
            finally(doubled, async { own.put("outer clean") }).await;
        });
        let seen = (outer.next().await, outer.next().await);
        outer.aclose().await;
        seen
    };
    check(
        body,
        "inner closing,inner closed,outer clean",
        "(Some(0), Some(2))",
    );
}

#[test]
fn any_stream_can_be_iterated() {
    run(async {
        let mut stream = futures::stream::iter([1, 2]);
        assert_eq!(
            (next(&mut stream).await, next(&mut stream).await),
            (Some(1), Some(2))
        );
        assert_eq!(next(&mut stream).await, None);
        let sum = Cell::new(0);
        for_each(count(4), async |n| sum.set(sum.get() + n)).await;
        assert_eq!(sum.get(), 6);
    });
}

#[test]
fn a_finished_generator_frees_its_body() {
    run(async {
        let kept = Rc::new(());
        let own = kept.clone();
        let mut items = generator(async move |y| {
            let _own = own;
            y.put(()).await;
        });
        items.next().await;
        assert_eq!(Rc::strong_count(&kept), 2);
        items.next().await;
        assert_eq!(Rc::strong_count(&kept), 1);
    });
}
