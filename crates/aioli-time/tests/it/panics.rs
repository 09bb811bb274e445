//! Wakers that panic keep nobody else from being woken.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::{Arc, mpsc};
use std::task::{Wake, Waker};
use std::time::Duration;

use aioli_task::Runner;
use aioli_time::{Sleep, sleep};

use crate::{bell, ms, poll};

/// Panics when it is woken.
struct Planted;

impl Wake for Planted {
    fn wake(self: Arc<Self>) {
        panic_any("planted");
    }
}

/// A runner in which timers wait, the first of which panics when it fires; and who hears of the
/// others.
fn planted() -> (Runner, Vec<Sleep>, Vec<mpsc::Receiver<()>>) {
    let mut runner = Runner::builder().virtual_clock().build();
    let mut naps = Vec::new();
    let mut heard = Vec::new();
    let began = runner.run(async {
        let mut begin = |waker: Waker| {
            let mut nap = sleep(ms(10));
            assert!(poll(&mut nap, &waker).is_pending());
            naps.push(nap);
        };
        begin(Waker::from(Arc::new(Planted)));
        for _ in 0..3 {
            let (waker, rung) = bell();
            begin(waker);
            heard.push(rung);
        }
    });
    began.expect("main is not stopped");
    (runner, naps, heard)
}

fn check(panic: Box<dyn std::any::Any + Send>, heard: &[mpsc::Receiver<()>]) {
    assert_eq!(panic.downcast_ref(), Some(&"planted"));
    for rung in heard {
        assert_eq!(rung.try_recv(), Ok(()));
    }
}

#[test]
fn timers_that_fire_after_a_waker_that_panics_wake_too() {
    let (mut runner, mut naps, heard) = planted();
    let ran = catch_unwind(AssertUnwindSafe(|| runner.run(sleep(ms(20)))));
    check(ran.expect_err("the panic goes on"), &heard);
    for nap in &mut naps {
        assert!(poll(nap, Waker::noop()).is_ready());
    }
}

#[test]
fn timers_that_a_loop_leaves_after_a_waker_that_panics_wake_too() {
    let (runner, _naps, heard) = planted();
    let ended = catch_unwind(AssertUnwindSafe(|| drop(runner)));
    check(ended.expect_err("the panic goes on"), &heard);
}

#[test]
fn the_background_loop_goes_on_after_a_waker_that_panics() {
    let mut nap = sleep(ms(1));
    assert!(poll(&mut nap, &Waker::from(Arc::new(Planted))).is_pending());
    let (waker, rung) = bell();
    let mut later = sleep(ms(20));
    assert!(poll(&mut later, &waker).is_pending());
    rung.recv_timeout(Duration::from_secs(60))
        .expect("the background loop wakes the sleep");
    assert!(poll(&mut nap, Waker::noop()).is_ready());
}
