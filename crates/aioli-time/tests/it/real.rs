//! What holds on the real clock: nothing is early, and waits are exact where the system can.

use std::cell::Cell;
use std::fs;
use std::rc::Rc;
use std::time::{Duration, Instant};

use aioli_task::testing::wait_all_tasks_blocked;
use aioli_task::{Runner, spawn};
use aioli_time::{call_at, call_later, sleep};

use crate::ms;

/// By how many nanoseconds the system puts off waits of this thread; `None` where it has threads
/// of another kind.
fn slack() -> Option<u64> {
    // Threads are found by their number as processes are, and this is told only there.
    let this = fs::read_link("/proc/thread-self").ok()?;
    let number = this.file_name()?.to_str()?;
    let text = fs::read_to_string(format!("/proc/{number}/timerslack_ns"));
    let text = text.expect("a thread may read its own slack");
    Some(text.trim().parse().expect("it is a number"))
}

#[test]
fn waits_are_exact_while_a_loop_has_timers_and_not_longer() {
    let before = slack();
    let mut runner = Runner::new();
    let inside = runner.run(async {
        assert_eq!(slack(), before, "a loop without timers changes nothing");
        sleep(ms(1)).await;
        slack()
    });
    let inside = inside.expect("main is not stopped");
    assert_eq!(inside, before.map(|_| 1));
    drop(runner);
    assert_eq!(slack(), before);
}

#[test]
fn waits_stay_exact_when_one_of_two_loops_of_a_thread_ends() {
    let before = slack();
    let mut runners = [Runner::new(), Runner::new()];
    for runner in &mut runners {
        runner.run(sleep(ms(1))).expect("main is not stopped");
    }
    let [one, mut other] = runners;
    drop(one);
    let inside = other.run(async {
        sleep(ms(1)).await;
        slack()
    });
    assert_eq!(inside.expect("main is not stopped"), before.map(|_| 1));
    drop(other);
    assert_eq!(slack(), before);
}

#[test]
fn timers_that_come_thick_and_fast_are_never_early_and_end_in_order() {
    let mut runner = Runner::new();
    let ended = runner.run(async {
        let last = Rc::new(Cell::new(0));
        let tasks: Vec<_> = (0..500_u64)
            .map(|n| {
                let last = last.clone();
                spawn(async move {
                    let (begin, length) = (Instant::now(), Duration::from_micros(1000 + 7 * n));
                    sleep(length).await;
                    assert!(begin.elapsed() >= length);
                    assert!(last.replace(n) <= n, "they end in order");
                })
            })
            .collect();
        for task in tasks {
            task.await;
        }
    });
    ended.expect("main is not stopped");
}

#[test]
fn what_is_due_already_is_not_put_off_after_others_have_fired() {
    let mut runner = Runner::new();
    let ended = runner.run(async {
        // The first rounds are slower than a gap is long.
        for _ in 0..20 {
            let called = Rc::new(Cell::new(0));
            let count = || {
                let called = called.clone();
                move || called.set(called.get() + 1)
            };
            let (later, at) = (count(), count());
            sleep(ms(1)).await;
            call_later(0, later);
            call_at(Instant::now(), at);
            // Comes after what is due, and well before the end of a gap.
            wait_all_tasks_blocked().await;
            assert_eq!(called.get(), 2);
        }
    });
    ended.expect("main is not stopped");
}
