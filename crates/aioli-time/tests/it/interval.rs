//! Ticks, on time and missed.

use std::time::Duration;

use aioli_task::now;
use aioli_time::{MissedTicks, interval, interval_at, sleep};
use futures::StreamExt;

use crate::{ms, run, since};

/// Ticks of period 100 ms; the consumer is busy for 250 ms after the second. When each was
/// delivered, and when it was due, in ms.
fn ticks(missed: MissedTicks) -> Vec<(u128, u128)> {
    run(async {
        let begin = now();
        let mut ticks = interval(ms(100)).missed_ticks(missed);
        let mut seen = Vec::new();
        for n in 0..6 {
            let due = ticks.tick().await;
            seen.push((since(begin).as_millis(), (due - begin).as_millis()));
            if n == 1 {
                sleep(ms(250)).await;
            }
        }
        seen
    })
}

#[test]
fn burst_catches_up() {
    let expected = [
        (0, 0),
        (100, 100),
        (350, 200),
        (350, 300),
        (400, 400),
        (500, 500),
    ];
    assert_eq!(ticks(MissedTicks::Burst), expected);
}

#[test]
fn delay_goes_on_from_the_late_tick() {
    let expected = [
        (0, 0),
        (100, 100),
        (350, 200),
        (450, 450),
        (550, 550),
        (650, 650),
    ];
    assert_eq!(ticks(MissedTicks::Delay), expected);
}

#[test]
fn skip_stays_on_the_multiples() {
    let expected = [
        (0, 0),
        (100, 100),
        (350, 200),
        (400, 400),
        (500, 500),
        (600, 600),
    ];
    assert_eq!(ticks(MissedTicks::Skip), expected);
}

#[test]
fn an_interval_may_begin_later_and_anew() {
    run(async {
        let begin = now();
        let mut ticks = interval_at(begin + ms(70), 0.03);
        assert_eq!(ticks.period(), Some(ms(30)));
        assert_eq!(ticks.next().await, Some(begin + ms(70)));
        sleep(ms(10)).await;
        ticks.reset();
        assert_eq!(ticks.tick().await, begin + ms(110));
        assert_eq!(since(begin), ms(110));
    });
}

#[test]
fn an_interval_is_a_stream() {
    run(async {
        let begin = now();
        let due: Vec<_> = StreamExt::take(interval(1), 3).collect().await;
        let seconds: Vec<u64> = due.iter().map(|due| (*due - begin).as_secs()).collect();
        assert_eq!(seconds, [0, 1, 2]);
    });
}

#[test]
fn an_infinite_period_ticks_once() {
    run(async {
        let mut ticks = interval(f64::INFINITY);
        ticks.tick().await;
        let begin = now();
        let task = aioli_task::spawn(async move { ticks.tick().await });
        sleep(1000).await;
        assert!(!task.is_done());
        assert_eq!(since(begin), Duration::from_secs(1000));
        task.stop().await;
    });
}

#[test]
fn a_period_of_zero_is_refused() {
    for period in [0.0, -1.0] {
        assert!(std::panic::catch_unwind(|| interval(period)).is_err());
    }
}
