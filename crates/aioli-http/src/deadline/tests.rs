//! Limits on a virtual clock: to the exact second, in no time.

use std::future::pending;

use aioli_task::{Runner, now};
use aioli_time::sleep;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Runs `future` on a virtual clock; returns how long it took there.
fn measured<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let mut runner = Runner::builder().virtual_clock().build();
    let timed = async {
        let since = now();
        (future.await, now() - since)
    };
    runner.run(timed).expect("nobody cancels it")
}

/// Which limit ended a wait for ever, and when.
fn ends(total: Option<u32>, phase: Option<u32>) -> (Option<Phase>, Duration) {
    let (error, took) = measured(async {
        let mut deadline = Deadline::start(total.map(|n| n * SECOND));
        deadline.begin(Phase::Read, phase.map(|n| n * SECOND));
        deadline
            .within(pending::<()>())
            .await
            .expect_err("it waits for ever")
    });
    (error.phase(), took)
}

#[test]
fn the_earlier_limit_counts() {
    assert_eq!(ends(Some(10), None), (Some(Phase::Total), 10 * SECOND));
    assert_eq!(ends(None, Some(5)), (Some(Phase::Read), 5 * SECOND));
    assert_eq!(ends(Some(10), Some(5)), (Some(Phase::Read), 5 * SECOND));
    assert_eq!(ends(Some(5), Some(10)), (Some(Phase::Total), 5 * SECOND));
    assert_eq!(
        ends(Some(0), Some(10)),
        (Some(Phase::Total), Duration::ZERO)
    );
}

#[test]
fn n028_progress_moves_the_phase_and_not_the_total() {
    let (error, took) = measured(async {
        let mut deadline = Deadline::start(Some(10 * SECOND));
        deadline.begin(Phase::Head, Some(2 * SECOND));
        loop {
            if let Err(error) = deadline.within(sleep(SECOND * 3 / 2)).await {
                return error;
            }
            deadline.progress();
        }
    });
    assert_eq!((error.phase(), took), (Some(Phase::Total), 10 * SECOND));
}

#[test]
fn a_phase_begins_with_its_first_wait() {
    let (error, took) = measured(async {
        let mut deadline = Deadline::start(None);
        deadline.begin(Phase::Read, Some(2 * SECOND));
        sleep(7).await;
        deadline
            .within(pending::<()>())
            .await
            .expect_err("it waits for ever")
    });
    assert_eq!((error.phase(), took), (Some(Phase::Read), 9 * SECOND));
}

#[test]
fn what_is_ready_beats_a_limit_that_has_passed() {
    let (output, _) = measured(async {
        let mut deadline = Deadline::start(Some(SECOND));
        sleep(5).await;
        deadline.within(async { 7 }).await.expect("it was ready")
    });
    assert_eq!(output, 7);
}

#[test]
fn a_renamed_phase_keeps_its_time() {
    let (error, took) = measured(async {
        let mut deadline = Deadline::start(None);
        deadline.begin(Phase::Connect, Some(5 * SECOND));
        deadline.within(sleep(3)).await.expect("within the limit");
        deadline.rename(Phase::Tls);
        deadline
            .within(pending::<()>())
            .await
            .expect_err("it waits for ever")
    });
    assert_eq!((error.phase(), took), (Some(Phase::Tls), 5 * SECOND));
}

/// Waits for pieces of `n` bytes that come every `each` seconds; returns what ended it, and when.
fn trickle(n: usize, each: u32, asked: u64, over: u32) -> (Option<Phase>, Duration) {
    let (error, took) = measured(async {
        let mut deadline = Deadline::start(Some(100 * SECOND));
        deadline.demand_speed(Some(MinSpeed {
            bytes: asked,
            over: over * SECOND,
        }));
        loop {
            if let Err(error) = deadline.within(sleep(each * SECOND)).await {
                return error;
            }
            deadline.progress_by(n);
        }
    });
    (error.phase(), took)
}

#[test]
fn n159_too_few_bytes_in_a_span_end_it() {
    assert_eq!(trickle(1, 1, 50, 10), (Some(Phase::MinSpeed), 10 * SECOND));
    assert_eq!(trickle(10, 1, 50, 10), (Some(Phase::Total), 100 * SECOND));
    // Nothing at all is too few as well.
    assert_eq!(
        trickle(1000, 60, 50, 10),
        (Some(Phase::MinSpeed), 10 * SECOND)
    );
}

fn two_bytes_in_two_seconds() -> Deadline {
    let mut deadline = Deadline::start(None);
    deadline.demand_speed(Some(MinSpeed {
        bytes: 2,
        over: 2 * SECOND,
    }));
    deadline
}

#[test]
fn what_is_waited_for_besides_the_server_does_not_count() {
    let (error, took) = measured(async {
        let mut deadline = two_bytes_in_two_seconds();
        for _ in 0..5 {
            deadline.within(sleep(SECOND)).await?;
            deadline.measure(1, false);
            // The body has no more for a while, with the limits being watched.
            deadline.within(sleep(20 * SECOND)).await?;
            deadline.measure(0, true);
        }
        deadline.within(pending::<()>()).await
    });
    assert_eq!(error.unwrap_err().phase(), Some(Phase::MinSpeed));
    // The third span has begun with the fifth byte.
    assert_eq!(took, 107 * SECOND - SECOND);
}

#[test]
fn another_connection_has_the_time_that_it_has() {
    let (outcome, took) = measured(async {
        let mut deadline = two_bytes_in_two_seconds();
        deadline.within(sleep(SECOND)).await?;
        for phase in [Phase::Pool, Phase::Connect] {
            deadline.begin(phase, None);
            deadline.within(sleep(20 * SECOND)).await?;
        }
        Ok::<_, Error>(())
    });
    outcome.unwrap();
    assert_eq!(took, 41 * SECOND);
}

#[test]
fn a_slow_caller_is_not_a_slow_server() {
    let (outcome, took) = measured(async {
        let mut deadline = two_bytes_in_two_seconds();
        for _ in 0..5 {
            deadline.within(sleep(SECOND)).await?;
            deadline.progress_by(1);
            sleep(20 * SECOND).await;
        }
        Ok::<_, Error>(())
    });
    outcome.expect("a byte came for each second of waiting");
    assert_eq!(took, 105 * SECOND);
}
