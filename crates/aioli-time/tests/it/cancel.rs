//! What is left of a sleep that is dropped: nothing.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use aioli_task::{now, spawn, yield_now};
use aioli_time::{interval, sleep, stats};

use crate::{run, since};

#[test]
fn a_cancelled_sleep_leaves_no_timer() {
    run(async {
        let task = spawn(sleep(10));
        yield_now().await;
        assert_eq!(stats().pending, 1);
        let begin = now();
        task.stop().await;
        assert_eq!(stats().pending, 0);
        assert_eq!(since(begin), Duration::ZERO);
    });
}

#[test]
fn a_dropped_sleep_leaves_no_timer_in_any_state() {
    run(async {
        drop(sleep(1)); // never polled
        {
            let mut waiting = pin!(sleep(1));
            let mut cx = Context::from_waker(Waker::noop());
            for _ in 0..3 {
                assert!(waiting.as_mut().poll(&mut cx).is_pending());
                assert_eq!(stats().pending, 1, "polling again adds no timer");
            }
        }
        assert_eq!(stats().pending, 0);
        {
            let over = &mut sleep(1);
            over.await;
            assert_eq!(stats().pending, 0);
        }
        assert_eq!(stats().pending, 0);
    });
}

#[test]
fn many_cancelled_timers_leave_nothing_behind() {
    run(async {
        let mut sleeps: Vec<_> = (1..=1000).map(|n| Box::pin(sleep(n))).collect();
        let mut cx = Context::from_waker(Waker::noop());
        for nap in &mut sleeps {
            assert!(nap.as_mut().poll(&mut cx).is_pending());
        }
        assert_eq!(stats().pending, 1000);
        let mut left = 0;
        sleeps.retain(|_| {
            left += 1;
            left % 2 == 0
        });
        assert_eq!(stats().pending, 500);
        drop(sleeps);
        assert_eq!(stats().pending, 0);
    });
}

#[test]
fn a_waker_that_drops_another_sleep_is_no_trouble() {
    run(async {
        let begin = now();
        let second = spawn(sleep(1));
        let handle = second.handle();
        let first = spawn(async move {
            sleep(1).await;
            handle.cancel();
        });
        first.await;
        assert_eq!(since(begin), Duration::from_secs(1));
        drop(second);
    });
}

#[test]
fn an_abandoned_tick_is_not_lost() {
    run(async {
        let begin = now();
        let mut ticks = interval(2);
        ticks.tick().await;
        {
            let mut tick = pin!(ticks.tick());
            let mut cx = Context::from_waker(Waker::noop());
            assert!(tick.as_mut().poll(&mut cx).is_pending());
        }
        assert_eq!(ticks.tick().await, begin + Duration::from_secs(2));
        assert_eq!(stats().pending, 0);
    });
}
