//! Timers that go before their loop looks at them, or that others get hold of before.

use std::sync::mpsc;
use std::sync::{Arc, atomic::AtomicUsize, atomic::Ordering};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use aioli_task::{Runner, spawn, yield_now};
use aioli_time::{Sleep, sleep, stats};
use proptest::prelude::*;
use proptest::test_runner::contextualize_config;

use crate::{Log, bell, ms, poll, run, since};

const LONG: Duration = Duration::from_secs(60);

/// A sleep that has been polled once on this thread, whose loop has not looked at it since.
async fn begun(length: Duration) -> Sleep {
    // The loop has looked, and the next timer goes to the stage.
    sleep(ms(1)).await;
    let mut nap = sleep(length);
    assert!(poll(&mut nap, Waker::noop()).is_pending());
    nap
}

fn elsewhere<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    thread::spawn(f).join().expect("the thread does not panic")
}

#[test]
fn what_comes_and_goes_leaves_nothing() {
    run(async {
        for _ in 0..3 {
            let nap = begun(LONG).await;
            assert_eq!(stats().pending, 1);
            drop(nap);
            assert_eq!(stats().pending, 0);
        }
    });
}

#[test]
fn one_that_is_polled_again_wakes_the_new_waker() {
    run(async {
        let mut nap = begun(ms(20)).await;
        let (waker, rung) = bell();
        assert!(poll(&mut nap, &waker).is_pending());
        sleep(ms(30)).await;
        assert_eq!(rung.try_recv(), Ok(()));
        assert!(poll(&mut nap, &waker).is_ready());
    });
}

#[test]
fn one_that_is_polled_again_by_the_same_waker_stays_and_fires() {
    run(async {
        sleep(ms(1)).await;
        let mut nap = sleep(ms(20));
        let (waker, rung) = bell();
        for _ in 0..3 {
            assert!(poll(&mut nap, &waker).is_pending());
            assert_eq!(stats().pending, 1);
        }
        sleep(ms(30)).await;
        assert_eq!(rung.try_recv(), Ok(()));
        assert!(poll(&mut nap, &waker).is_ready());
        assert_eq!(stats().pending, 0);
    });
}

#[test]
fn one_that_is_cancelled_never_ends() {
    run(async {
        let mut begun = begun(ms(20)).await;
        let mut new = sleep(ms(20));
        let mut over = sleep(ms(1));
        (&mut over).await;
        for nap in [&mut begun, &mut new, &mut over] {
            nap.cancel();
        }
        assert_eq!(stats().pending, 0);
        assert!(over.is_over());
        sleep(ms(30)).await;
        for nap in [&mut begun, &mut new] {
            assert!(poll(nap, Waker::noop()).is_pending());
        }
    });
}

#[test]
fn loops_that_take_turns_on_a_thread_have_a_stage_each() {
    let mut runners = [Runner::new(), Runner::new()];
    let mut naps = Vec::new();
    for runner in &mut runners {
        naps.push(runner.run(begun(LONG)).expect("main is not stopped"));
    }
    let [mut one, mut other] = runners;
    let pending = |runner: &mut Runner| {
        let count = runner.run(async { stats().pending });
        count.expect("main is not stopped")
    };
    assert_eq!((pending(&mut one), pending(&mut other)), (1, 1));
    // Where another loop runs, the first one's timer is somebody else's.
    let first = naps.remove(0);
    let dropped = other.run(async move { drop(first) });
    dropped.expect("main is not stopped");
    assert_eq!((pending(&mut one), pending(&mut other)), (0, 1));
}

#[test]
fn one_that_is_polled_elsewhere_wakes_who_polled_it_there() {
    let mut runner = Runner::new();
    let ran = runner.run(async {
        let begin = Instant::now();
        let mut nap = begun(ms(20)).await;
        let (first, first_rung) = bell();
        let (second, second_rung) = bell();
        let mut nap = elsewhere(move || {
            assert!(poll(&mut nap, &first).is_pending());
            assert!(poll(&mut nap, &second).is_pending());
            nap
        });
        sleep(ms(40)).await;
        assert_eq!(second_rung.try_recv(), Ok(()));
        assert!(first_rung.try_recv().is_err(), "it was replaced");
        assert!(poll(&mut nap, Waker::noop()).is_ready());
        assert!(begin.elapsed() >= ms(20));
    });
    ran.expect("main is not stopped");
}

#[test]
fn one_that_comes_back_wakes_who_polled_it_last() {
    run(async {
        let mut nap = begun(ms(20)).await;
        let (there, there_rung) = bell();
        let mut nap = elsewhere(move || {
            assert!(poll(&mut nap, &there).is_pending());
            nap
        });
        let (here, here_rung) = bell();
        assert!(poll(&mut nap, &here).is_pending());
        sleep(ms(30)).await;
        assert_eq!(here_rung.try_recv(), Ok(()));
        assert!(there_rung.try_recv().is_err(), "it was replaced");
    });
}

#[test]
fn one_that_is_dropped_elsewhere_is_gone_with_its_wakers() {
    run(async {
        for is_polled_there in [false, true] {
            let mut nap = begun(ms(20)).await;
            let (waker, rung) = bell();
            elsewhere(move || {
                if is_polled_there {
                    assert!(poll(&mut nap, &waker).is_pending());
                }
                drop(nap);
            });
            assert_eq!(rung.try_recv(), Err(mpsc::TryRecvError::Disconnected));
            let next = begun(ms(5)).await;
            assert_eq!(stats().pending, 1);
            drop(next);
            sleep(ms(30)).await;
            assert_eq!(stats().pending, 0);
        }
    });
}

#[test]
fn one_that_was_polled_elsewhere_can_be_dropped_here() {
    run(async {
        let mut nap = begun(ms(20)).await;
        let (waker, rung) = bell();
        let nap = elsewhere(move || {
            assert!(poll(&mut nap, &waker).is_pending());
            nap
        });
        drop(nap);
        assert_eq!(rung.try_recv(), Err(mpsc::TryRecvError::Disconnected));
        // What comes after it is not what was wished of it.
        let begin = aioli_task::now();
        sleep(ms(5)).await;
        assert_eq!(since(begin), ms(5));
        assert_eq!(stats().pending, 0);
    });
}

#[test]
fn equal_deadlines_fire_in_the_order_in_which_they_began() {
    let log = Log::default();
    run(async {
        sleep(1).await;
        let start = |n: u32, log: Log| async move {
            sleep(1).await;
            log.put(n);
        };
        let tasks: Vec<_> = (0..4).map(|n| spawn(start(n, log.clone()))).collect();
        // Goes to the stage and off it again, before those above have begun.
        drop(begun_at_once());
        for task in tasks {
            task.await;
        }
    });
    log.check(&["0", "1", "2", "3"]);
}

fn begun_at_once() -> Sleep {
    let mut nap = sleep(LONG);
    assert!(poll(&mut nap, Waker::noop()).is_pending());
    nap
}

#[test]
fn loops_that_take_turns_on_a_thread_keep_their_timers() {
    let mut one = Runner::new();
    let mut other = Runner::new();
    let mut naps = Vec::new();
    for _ in 0..3 {
        for runner in [&mut one, &mut other] {
            naps.push(runner.run(begun(ms(10))).expect("main is not stopped"));
        }
    }
    for (n, mut nap) in naps.into_iter().enumerate() {
        let runner = if n % 2 == 0 { &mut one } else { &mut other };
        let slept = runner.run(&mut nap);
        slept.expect("main is not stopped");
    }
}

#[test]
fn one_whose_loop_has_ended_goes_on_where_it_is_polled() {
    let mut runner = Runner::new();
    let mut nap = runner.run(begun(ms(20))).expect("main is not stopped");
    drop(runner);
    let (waker, rung) = bell();
    assert!(poll(&mut nap, &waker).is_pending(), "it never fired");
    rung.recv_timeout(LONG)
        .expect("the background loop wakes the sleep");
    assert!(poll(&mut nap, &waker).is_ready());
}

/// What becomes of a sleep.
#[derive(Debug, Clone)]
enum Fate {
    Dropped,
    PolledElsewhere,
    DroppedElsewhere,
    Kept,
}

proptest! {
    #![proptest_config(contextualize_config(ProptestConfig::with_cases(64)))]

    /// Sleeps that come and go here and there, with looks of the loop in between: each that stays
    /// wakes at its moment whoever polled it last.
    #[test]
    fn each_sleep_that_stays_wakes_its_last_waker(
        naps in prop::collection::vec((1..20u64, prop::sample::select(vec![
            Fate::Dropped, Fate::Dropped, Fate::PolledElsewhere, Fate::DroppedElsewhere, Fate::Kept,
        ]), any::<bool>()), 1..40),
    ) {
        run(async move {
            let mut waiting = Vec::new();
            for (length, fate, looks) in naps {
                let (waker, rung) = bell();
                let mut nap = sleep(ms(100 + length));
                assert!(poll(&mut nap, &waker).is_pending());
                match fate {
                    Fate::Dropped => drop(nap),
                    Fate::DroppedElsewhere => elsewhere(move || drop(nap)),
                    Fate::Kept => waiting.push((length, nap, rung)),
                    Fate::PolledElsewhere => {
                        let (waker, rung) = bell();
                        let nap = elsewhere(move || {
                            assert!(poll(&mut nap, &waker).is_pending());
                            nap
                        });
                        waiting.push((length, nap, rung));
                    }
                }
                if looks {
                    yield_now().await;
                }
            }
            assert_eq!(stats().pending, waiting.len());
            for moment in 0..20 {
                sleep(ms(if moment == 0 { 100 } else { 1 })).await;
                for (length, nap, rung) in &mut waiting {
                    let is_due = *length <= moment;
                    assert_eq!(rung.try_recv().is_ok(), *length == moment);
                    if is_due {
                        assert!(poll(nap, Waker::noop()).is_ready());
                    }
                }
            }
            assert_eq!(stats().pending, 0);
        });
    }
}

#[test]
fn a_timer_wheel_that_is_used_from_two_sides_loses_nothing() {
    let fired = Arc::new(AtomicUsize::new(0));
    let mut runner = Runner::new();
    let counted = Arc::clone(&fired);
    let ran = runner.run(async move {
        let (to_there, naps) = mpsc::channel::<Sleep>();
        let there = thread::spawn(move || {
            for (n, nap) in naps.into_iter().enumerate() {
                match n % 3 {
                    0 => drop(nap),
                    _ => {
                        futures::executor::block_on(nap);
                        counted.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        });
        for n in 0..300 {
            let mut nap = sleep(Duration::from_micros(n % 50));
            let _ = poll(&mut nap, Waker::noop());
            to_there.send(nap).expect("the other thread listens");
            yield_now().await;
        }
        drop(to_there);
        while !there.is_finished() {
            sleep(ms(1)).await;
        }
        there.join().expect("the other thread does not panic");
        assert_eq!(stats().pending, 0);
    });
    ran.expect("main is not stopped");
    assert_eq!(fired.load(Ordering::Relaxed), 200);
}
