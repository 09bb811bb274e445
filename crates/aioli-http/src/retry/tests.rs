//! The decision, without a request: what is tried again, and when.

use std::sync::Mutex;

use http::HeaderValue;

use super::*;
use crate::error::Sent;

const SECOND: Duration = Duration::from_secs(1);
/// 2026-01-01, in seconds since 1970.
const NOW: u64 = 1_767_225_600;

fn exact(most: u32) -> Retry {
    Retry::idempotent(most).backoff(1..20).jitter(|| 1.0)
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
}

fn waits(retry: &Retry, again: Again) -> Vec<Duration> {
    (0..)
        .map_while(|tried| retry.wait(again, tried, Duration::ZERO))
        .collect()
}

/// How long `retry-after` with these headers makes one wait, beside the backoff.
fn asked(retry: &Retry, headers: &[(&'static str, &str)]) -> Duration {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            let value = HeaderValue::from_str(value).expect("a valid value");
            (header::HeaderName::from_static(name), value)
        })
        .collect();
    let again = retry
        .judge_response(StatusCode::SERVICE_UNAVAILABLE, &headers, true, now())
        .expect("503 is tried again");
    let wait = retry.clone().jitter(|| 0.0).wait(again, 0, Duration::ZERO);
    wait.expect("a first retry")
}

#[test]
fn waits_double_up_to_the_longest() {
    let again = Again { asked: None };
    let seconds = [1, 2, 4, 8, 16, 20, 20].map(|n| n * SECOND);
    assert_eq!(waits(&exact(7), again), seconds);
    assert!(waits(&exact(0), again).is_empty());
    assert_eq!(waits(&exact(40), again).len(), 40);
}

#[test]
fn the_jitter_is_full() {
    let numbers = Mutex::new([0.0, 0.5, 1.0, 7.0, -1.0].into_iter());
    let retry = exact(9)
        .backoff(1..1)
        .jitter(move || numbers.lock().unwrap().next().unwrap());
    let again = Again { asked: None };
    let waits: Vec<_> = (0..5)
        .map(|n| retry.wait(again, n, Duration::ZERO).unwrap())
        .collect();
    let seconds = [0.0, 0.5, 1.0, 1.0, 0.0].map(Duration::from_secs_f64);
    assert_eq!(waits, seconds);

    let system = Retry::idempotent(1).backoff(1..1);
    let waits: Vec<_> = (0..64)
        .map(|_| system.wait(again, 0, Duration::ZERO).unwrap())
        .collect();
    assert!(waits.iter().all(|wait| *wait <= SECOND));
    assert!(waits.iter().any(|wait| *wait != waits[0]));
}

#[test]
fn input_163_retry_after_is_capped_or_ignored() {
    let retry = exact(3);
    for (value, seconds) in [
        ("7", 7),
        (" 7\t", 7),
        ("0", 0),
        ("99999999", 60),
        ("18446744073709551615", 60),
        ("184467440737095516160", 0),
        ("-5", 0),
        ("+5", 0),
        ("5.5", 0),
        ("soon", 0),
        ("", 0),
        ("Thu, 01 Jan 2026 00:00:09 GMT", 9),
        ("Thursday, 01-Jan-26 00:00:09 GMT", 9),
        ("Thu Jan  1 00:00:09 2026", 9),
        ("Mon, 01 Jan 1900 00:00:00 GMT", 0),
        ("Wed, 31 Dec 2025 23:59:59 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 60),
    ] {
        let wait = asked(&retry, &[("retry-after", value)]);
        assert_eq!(wait, seconds * SECOND, "{value:?}");
    }
    let huge = [("retry-after", "99999999")];
    let patient = exact(3).respect_retry_after(f64::INFINITY);
    assert_eq!(asked(&patient, &huge), LONGEST_RETRY_AFTER);
    // The bound can be moved, before what it bounds or after it.
    let hour = 3600 * SECOND;
    assert_eq!(asked(&patient.longest_retry_after(hour), &huge), hour);
    let hour_first = exact(3).longest_retry_after(hour).respect_retry_after(7200);
    assert_eq!(asked(&hour_first, &huge), hour);
    assert_eq!(asked(&exact(3).longest_retry_after(5), &huge), 5 * SECOND);
    assert_eq!(
        asked(&exact(3).respect_retry_after(0), &huge),
        Duration::ZERO
    );
    // Two of them say nothing.
    let two = [("retry-after", "5"), ("retry-after", "6")];
    assert_eq!(asked(&retry, &two), Duration::ZERO);
}

#[test]
fn a_date_is_read_by_the_servers_own_clock() {
    let headers = [
        ("retry-after", "Sat, 01 Jan 2000 00:00:10 GMT"),
        ("date", "Sat, 01 Jan 2000 00:00:00 GMT"),
    ];
    assert_eq!(asked(&exact(3), &headers), 10 * SECOND);
}

#[test]
fn what_the_server_asks_for_comes_before_the_jitter() {
    let again = Again {
        asked: Some(10 * SECOND),
    };
    assert_eq!(exact(3).wait(again, 0, Duration::ZERO), Some(11 * SECOND));
}

#[test]
fn the_budget_is_shared_and_filled_by_requests() {
    let retry = exact(3).budget(0.2);
    let clone = retry.clone();
    assert_eq!((0..20).filter(|_| clone.take()).count(), 10);
    for _ in 0..4 {
        retry.note_request();
    }
    assert!(!retry.take(), "four fifths of a retry");
    retry.note_request();
    assert!(retry.take() && !clone.take());
    for _ in 0..1000 {
        retry.note_request();
    }
    assert_eq!((0..200).filter(|_| retry.take()).count(), 10);

    assert_eq!((0..200).filter(|_| exact(50).take()).count(), 200);
    let many = exact(50).budget(0.1);
    assert_eq!((0..200).filter(|_| many.take()).count(), 50);
    let all = exact(1).budget(f64::INFINITY);
    assert_eq!((0..200).filter(|_| all.take()).count(), 200);
    let none = exact(1).budget(0.0);
    none.note_request();
    assert_eq!((0..200).filter(|_| none.take()).count(), 10);
}

fn lost(sent: Sent) -> Error {
    Error::new(ErrorKind::Disconnected {
        sent,
        reused: false,
        source: None,
    })
}

fn late(phase: Phase) -> Error {
    let after = SECOND;
    Error::new(ErrorKind::Timeout { phase, after })
}

#[test]
fn nothing_is_carried_out_twice() {
    let retry = exact(3);
    let may = |error: &Error, idempotent| retry.judge_error(error, idempotent).is_some();
    assert!(may(&lost(Sent::Fully), true) && may(&lost(Sent::Partly), true));
    assert!(!may(&lost(Sent::Fully), false) && !may(&lost(Sent::Partly), false));
    assert!(may(&lost(Sent::Nothing), false));
    let anyway = exact(3).unsafe_methods(true);
    assert!(anyway.judge_error(&lost(Sent::Fully), false).is_some());

    assert!(may(&late(Phase::Connect), false));
    assert!(may(&late(Phase::Head).with_sent(Sent::Fully), true));
    assert!(!may(&late(Phase::Head).with_sent(Sent::Fully), false));
    assert!(!may(&late(Phase::Total), true) && !may(&late(Phase::Pool), true));

    let limit = Error::from(crate::error::LimitKind::Head.over(1, 2));
    assert!(!may(&limit, true), "it would be too large again");
}

#[test]
fn statuses_are_those_that_were_named() {
    let judged = |retry: &Retry, status: u16, idempotent| {
        let status = StatusCode::from_u16(status).unwrap();
        retry
            .judge_response(status, &HeaderMap::new(), idempotent, now())
            .is_some()
    };
    let retry = exact(1);
    for status in [429, 502, 503, 504] {
        assert!(judged(&retry, status, true) && !judged(&retry, status, false));
    }
    for status in [200, 301, 404, 500] {
        assert!(!judged(&retry, status, true));
    }
    let own = exact(1).on_status([500]).unsafe_methods(true);
    assert!(judged(&own, 500, false) && !judged(&own, 503, true));
}
