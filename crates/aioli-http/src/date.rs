//! Dates as servers write them into headers: in any order, with any separators.
//!
//! The algorithm is that of RFC 6265bis, section 5.1.1. It looks for a time, a day, a month and a
//! year among the tokens, takes the first of each, and does not care for the rest.

use std::time::SystemTime;

use crate::wall;

const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];
/// The first full year of the calendar's present cycle; earlier dates mean nothing to a computer.
const FIRST_YEAR: u32 = 1601;

/// What was found so far.
#[derive(Default)]
struct Found {
    time: Option<(u32, u32, u32)>,
    day: Option<u32>,
    month: Option<u32>,
    year: Option<u32>,
}

/// Reads a date as it stands in a header: `last-modified`, `date`, `expires`.
///
/// The three forms of HTTP are understood (RFC 9110, section 5.6.7), and whatever else has a time
/// (`08:49:37`), a day, a month by its name and a year, in this order or another (RFC 6265bis,
/// section 5.1.1). It is taken for UTC. `None` is for what is no date.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let date = aioli_http::parse_date("Sun, 06 Nov 1994 08:49:37 GMT");
/// assert_eq!(date, Some(UNIX_EPOCH + Duration::from_secs(784_111_777)));
/// ```
#[doc(alias = "email.utils.parsedate_to_datetime")]
#[must_use]
pub fn parse_date(text: &str) -> Option<SystemTime> {
    wall::time(parse(text.as_bytes())?)
}

/// Reads a date, in seconds since the beginning of 1970 (UTC).
pub(crate) fn parse(text: &[u8]) -> Option<i64> {
    let mut found = Found::default();
    for token in text.split(|byte| is_delimiter(*byte)) {
        found.look_at(token);
    }
    let (hour, minute, second) = found.time?;
    let (day, month, year) = (found.day?, found.month?, full_year(found.year?));
    if year < FIRST_YEAR || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    if day == 0 || day > days_of(month, year) {
        return None;
    }
    let seconds = i64::from(hour * 3600 + minute * 60 + second);
    Some(days_since_epoch(year, month, day) * 86_400 + seconds)
}

impl Found {
    fn look_at(&mut self, token: &[u8]) {
        if self.time.is_none()
            && let Some(time) = time(token)
        {
            self.time = Some(time);
        } else if self.day.is_none()
            && let Some(day) = number(token, 1, 2)
        {
            self.day = Some(day);
        } else if self.month.is_none()
            && let Some(month) = month(token)
        {
            self.month = Some(month);
        } else if self.year.is_none()
            && let Some(year) = number(token, 2, 4)
        {
            self.year = Some(year);
        }
    }
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'/' | b';'..=b'@' | b'['..=b'`' | b'{'..=b'~')
}

/// Splits off the digits at the beginning.
fn digits(token: &[u8]) -> (&[u8], &[u8]) {
    let end = token.iter().position(|byte| !byte.is_ascii_digit());
    token.split_at(end.unwrap_or(token.len()))
}

/// A number of `least` to `most` digits, and then none.
fn number(token: &[u8], least: usize, most: usize) -> Option<u32> {
    let (digits, _) = digits(token);
    if !(least..=most).contains(&digits.len()) {
        return None;
    }
    let value = digits
        .iter()
        .fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    Some(value)
}

/// `hh:mm:ss`, each of one or two digits; what is no digit may follow.
fn time(token: &[u8]) -> Option<(u32, u32, u32)> {
    let (hour, rest) = digits(token);
    let (minute, rest) = digits(rest.strip_prefix(b":")?);
    let second = rest.strip_prefix(b":")?;
    Some((
        number(hour, 1, 2)?,
        number(minute, 1, 2)?,
        number(second, 1, 2)?,
    ))
}

fn month(token: &[u8]) -> Option<u32> {
    let name = token.get(..3)?;
    let at = MONTHS
        .iter()
        .position(|month| name.eq_ignore_ascii_case(&month[..]))?;
    u32::try_from(at + 1).ok()
}

fn full_year(year: u32) -> u32 {
    match year {
        0..=69 => year + 2000,
        70..=99 => year + 1900,
        year => year,
    }
}

fn days_of(month: u32, year: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days from the beginning of 1970 to a date of the Gregorian calendar.
///
/// Years are counted from March, so that the leap day comes last in them.
fn days_since_epoch(year: u32, month: u32, day: u32) -> i64 {
    /// Days from 1 March of the year 0 to 1 January 1970.
    const TO_EPOCH: i64 = 719_468;
    let shifted = (month + 9) % 12;
    let year = i64::from(if month <= 2 { year - 1 } else { year });
    let in_year = i64::from((153 * shifted + 2) / 5 + day - 1);
    year * 365 + year / 4 - year / 100 + year / 400 + in_year - TO_EPOCH
}

/// Reads a date as `20301231 23:59:59`, in seconds since the beginning of 1970 (UTC).
pub(crate) fn parse_compact(text: &[u8]) -> Option<i64> {
    let (date, clock) = (text.get(..8)?, text.get(8..)?.strip_prefix(b" ")?);
    let part = |range: std::ops::Range<usize>| {
        let part = &date[range];
        number(part, part.len(), part.len())
    };
    let (year, month, day) = (part(0..4)?, part(4..6)?, part(6..8)?);
    let is_clock = clock.iter().enumerate().all(|(at, byte)| match at {
        2 | 5 => *byte == b':',
        _ => byte.is_ascii_digit(),
    });
    let (hour, minute, second) = time(clock).filter(|_| is_clock && clock.len() == 8)?;
    let is_month = (1..=12).contains(&month);
    if year < FIRST_YEAR || !is_month || day == 0 || day > days_of(month, year) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = i64::from(hour * 3600 + minute * 60 + second);
    Some(days_since_epoch(year, month, day) * 86_400 + seconds)
}

/// Writes a time as [`parse_compact`] reads it; one before 1970 or after 9999 as the nearest of
/// those years.
pub(crate) fn write_compact(seconds: i64) -> String {
    let seconds = seconds.clamp(0, days_since_epoch(10_000, 1, 1) * 86_400 - 1);
    let (days, clock) = (seconds / 86_400, seconds % 86_400);
    // Leap days are what this is too late by.
    let mut year = u32::try_from(1970 + days / 365).expect("it was clamped");
    while days_since_epoch(year, 1, 1) > days {
        year -= 1;
    }
    let mut month = 12;
    while days_since_epoch(year, month, 1) > days {
        month -= 1;
    }
    let day = days - days_since_epoch(year, month, 1) + 1;
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    format!("{year:04}{month:02}{day:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests;
