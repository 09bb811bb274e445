//! Dates of every shape, and the calendar against counting day by day.

use super::*;

#[track_caller]
fn check(rows: &[(&str, Option<i64>)]) {
    for (text, want) in rows {
        assert_eq!(parse(text.as_bytes()), *want, "{text:?}");
    }
}

#[test]
fn formats_that_servers_send() {
    const WANT: Option<i64> = Some(784_111_777);
    check(&[
        ("Sun, 06 Nov 1994 08:49:37 GMT", WANT),
        ("Sunday, 06-Nov-94 08:49:37 GMT", WANT),
        ("Sun Nov  6 08:49:37 1994", WANT),
        ("6 nov 1994 8:49:37", WANT),
        ("1994 Nov 6 08:49:37", WANT),
        ("08:49:37 06 November 94", WANT),
        ("06/Nov/1994@08:49:37", WANT),
        ("06-Nov-1994 08:49:37.123 GMT", WANT),
        ("06Nov NOVEMBER 94z 08:49:37x", WANT),
        ("Sun, 06 Nov 1994 08:49:37 +0100", WANT),
        ("06 Nov 1994 08:49:37 PST", WANT),
        ("08:49:37 06 Nov 1994 07 Dec 1995", WANT),
    ]);
}

#[test]
fn years_of_two_digits() {
    check(&[
        ("01 Jan 70 00:00:00", Some(0)),
        ("01 Jan 99 00:00:00", Some(915_148_800)),
        ("01 Jan 00 00:00:00", Some(946_684_800)),
        ("01 Jan 69 00:00:00", Some(3_124_224_000)),
        ("01 Jan 100 00:00:00", None),
    ]);
}

#[test]
fn n114_the_ends_of_the_calendar() {
    check(&[
        ("01 Jan 1601 00:00:00", Some(-11_644_473_600)),
        ("31 Dec 1600 23:59:59", None),
        ("31 Dec 9999 23:59:59", Some(253_402_300_799)),
        ("01 Jan 10000 00:00:00", None),
    ]);
}

#[test]
fn what_is_no_date() {
    check(&[
        ("", None),
        ("never", None),
        ("06 Nov 1994", None),
        ("06 Nov 08:49:37", None),
        ("06 1994 08:49:37", None),
        ("Nov 08:49:37", None),
        ("00 Nov 1994 08:49:37", None),
        ("31 Nov 1994 08:49:37", None),
        ("30 Feb 2024 00:00:00", None),
        ("29 Feb 2023 00:00:00", None),
        ("29 Feb 1900 00:00:00", None),
        ("29 Feb 2024 00:00:00", Some(1_709_164_800)),
        ("29 Feb 2000 00:00:00", Some(951_782_400)),
        ("06 Nov 1994 24:00:00", None),
        ("06 Nov 1994 00:60:00", None),
        ("06 Nov 1994 00:00:60", None),
        ("06 Nov 1994 008:49:37", None),
        ("06 Nov 1994 08:049:37", None),
        ("06 Nov 1994 08:49:037", None),
        ("06 Nov 1994 08:49", None),
        ("06 Nxv 1994 08:49:37", None),
        ("06 No 1994 08:49:37", None),
        ("\u{ff10}\u{ff16} Nov 1994 08:49:37", None),
    ]);
}

#[test]
fn each_day_follows_the_one_before() {
    let mut day = days_since_epoch(1601, 1, 1);
    assert_eq!(days_since_epoch(1970, 1, 1), 0);
    for year in 1601..=2500 {
        for month in 1..=12 {
            for of_month in 1..=days_of(month, year) {
                assert_eq!(days_since_epoch(year, month, of_month), day);
                day += 1;
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read(bytes: Vec<u8>) {
        parse(&bytes);
    }
}

#[test]
fn compact_dates() {
    for (text, want) in [
        ("19700101 00:00:00", Some(0)),
        ("20291212 19:00:05", Some(1_891_796_405)),
        ("20000229 23:59:59", Some(951_868_799)),
        ("99991231 23:59:59", Some(253_402_300_799)),
        ("19000229 00:00:00", None),
        ("20291301 00:00:00", None),
        ("20290001 00:00:00", None),
        ("20290100 00:00:00", None),
        ("20290101 24:00:00", None),
        ("20290101 00:60:00", None),
        ("20290101 0:00:000", None),
        ("20290101 00:00:0x", None),
        ("20290101 00:00:00 ", None),
        ("20290101T00:00:00", None),
        ("2029010 00:00:00", None),
        ("20290101", None),
        ("", None),
    ] {
        assert_eq!(parse_compact(text.as_bytes()), want, "{text}");
    }
    assert_eq!(write_compact(i64::MIN), "19700101 00:00:00");
    assert_eq!(write_compact(i64::MAX), "99991231 23:59:59");
    // The calendar begins anew after 400 years.
    for day in 0..146_097 {
        let seconds = day * 86_400 + day % 86_400;
        let text = write_compact(seconds);
        assert_eq!(parse_compact(text.as_bytes()), Some(seconds), "{text}");
    }
}
