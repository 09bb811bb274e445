//! An alarm rings in time, and is set no oftener than it has to be.

use aioli_task::{Runner, now};
use aioli_time::{Alarm, sleep, sleep_until, stats};
use proptest::prelude::*;

use crate::{bell, ms, run};

/// So much time that no test lives to see the end of it.
const HOUR: u64 = 3_600_000;

fn run_on_the_real_clock<T>(main: impl Future<Output = T>) -> T {
    Runner::new().run(main).expect("main is not stopped")
}

#[test]
fn it_rings_by_the_first_deadline_and_is_set_anew_for_the_second() {
    run_on_the_real_clock(async {
        let mut alarm = Alarm::new();
        let (waker, rung) = bell();
        let began = now();
        let (first, second) = (began + ms(2), began + ms(20));
        alarm.ring_by(first, began, || waker.clone());
        alarm.ring_by(second, began, || unreachable!("it is set for less"));
        sleep_until(first).await;
        while rung.try_recv().is_err() {
            sleep(0).await;
        }
        let looked = now();
        assert!(looked >= first);
        alarm.ring_by(second, looked, || waker.clone());
        while rung.try_recv().is_err() {
            sleep(0).await;
        }
        assert!(now() >= second);
        assert_eq!(stats().pending, 0);
    });
}

#[test]
fn an_earlier_deadline_takes_the_place_of_a_later_one() {
    run_on_the_real_clock(async {
        let mut alarm = Alarm::new();
        let (waker, rung) = bell();
        let began = now();
        alarm.ring_by(began + ms(HOUR), began, || waker.clone());
        alarm.ring_by(began + ms(2), began, || waker.clone());
        assert_eq!(stats().pending, 1);
        while rung.try_recv().is_err() {
            sleep(ms(1)).await;
        }
        assert!(now() >= began + ms(2));
    });
}

#[test]
fn it_leaves_nothing_when_it_is_dropped() {
    run_on_the_real_clock(async {
        let mut alarm = Alarm::new();
        let (waker, rung) = bell();
        alarm.ring_by(now() + ms(HOUR), now(), || waker.clone());
        alarm.rest();
        assert_eq!(stats().pending, 1, "it stays set");
        drop(alarm);
        drop(waker);
        assert_eq!(stats().pending, 0);
        assert!(rung.recv().is_err(), "its waker is gone");
    });
}

#[test]
fn a_virtual_clock_stops_at_the_deadline_and_at_nothing_else() {
    let rung_at = run(async {
        let mut alarm = Alarm::new();
        let (waker, rung) = bell();
        let began = now();
        for length in [HOUR, 5, 10] {
            alarm.ring_by(began + ms(length), began, || waker.clone());
            alarm.ring_by(began + ms(length), began, || unreachable!("it is set"));
            assert_eq!(stats().pending, 1);
        }
        sleep(ms(9)).await;
        assert!(rung.try_recv().is_err());
        sleep(ms(1)).await;
        assert!(rung.try_recv().is_ok());
        alarm.ring_by(now() + ms(10), now(), || waker.clone());
        alarm.rest();
        assert_eq!(stats().pending, 0);
        now() - began
    });
    assert_eq!(rung_at, ms(10));
}

#[test]
fn on_another_loop_it_is_set_there() {
    let mut alarm = Alarm::new();
    let (waker, rung) = bell();
    let mut runners = [Runner::new(), Runner::new()];
    for runner in &mut runners {
        let main = async {
            alarm.ring_by(now() + ms(HOUR), now(), || waker.clone());
            assert_eq!(stats().pending, 1);
        };
        runner.run(main).expect("main is not stopped");
    }
    let [one, mut other] = runners;
    drop(one);
    assert!(rung.try_recv().is_err(), "the former loop has forgotten it");
    let main = async {
        alarm.ring_by(now() + ms(2), now(), || waker.clone());
        while rung.try_recv().is_err() {
            sleep(ms(1)).await;
        }
    };
    other.run(main).expect("main is not stopped");
}

#[test]
fn under_another_executor_it_rings_too() {
    let mut alarm = Alarm::new();
    let (waker, rung) = bell();
    for length in [HOUR, 2] {
        alarm.ring_by(now() + ms(length), now(), || waker.clone());
    }
    rung.recv().expect("the alarm is there");
}

#[test]
fn under_another_executor_it_stays_set_too() {
    let mut alarm = Alarm::new();
    let (waker, _rung) = bell();
    alarm.ring_by(now() + ms(HOUR), now(), || waker.clone());
    alarm.ring_by(now() + ms(HOUR), now(), || {
        unreachable!("it is set for less")
    });
    // A loop that runs on this thread is another one, and a thread may not know of it yet.
    let mut is_set_anew = false;
    run_on_the_real_clock(async {
        alarm.ring_by(now() + ms(HOUR), now(), || {
            is_set_anew = true;
            waker.clone()
        });
        assert_eq!(stats().pending, 1);
    });
    assert!(is_set_anew);
}

#[test]
fn it_rings_when_its_loop_ends() {
    let (waker, rung) = bell();
    let mut alarm = Alarm::new();
    let mut runner = Runner::new();
    let main = async { alarm.ring_by(now() + ms(HOUR), now(), || waker.clone()) };
    runner.run(main).expect("main is not stopped");
    drop(runner);
    rung.try_recv().expect("a loop that ends wakes who waits");
}

proptest! {
    /// At any time it is set for a moment that is to come and not too late, and only what is not so
    /// is changed.
    #[test]
    fn it_is_always_in_time(steps in proptest::collection::vec((0..3_u64, 1..50_u64), 1..60)) {
        run_on_the_real_clock(async {
            let mut alarm = Alarm::new();
            // Told times: hours that nobody waits for.
            let begin = now();
            let (mut clock, mut set_for) = (begin, None);
            for (passed, length) in steps {
                clock += ms(passed * HOUR);
                let deadline = clock + ms(length * HOUR);
                let mut was_set = false;
                alarm.ring_by(deadline, clock, || {
                    was_set = true;
                    std::task::Waker::noop().clone()
                });
                let is_good = set_for.is_some_and(|at| clock < at && at <= deadline);
                prop_assert_eq!(was_set, !is_good);
                if was_set {
                    set_for = Some(deadline);
                }
                prop_assert_eq!(stats().pending, 1);
            }
            Ok(())
        })?;
    }
}
