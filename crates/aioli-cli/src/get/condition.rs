//! The condition of `-z`: what has changed, or has not, since a date.

use std::time::{SystemTime, UNIX_EPOCH};

use aioli::http::{HeaderName, header, parse_date};
use aioli::prelude::*;

use super::failure::Failure;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The header that asks for it.
///
/// # Errors
///
/// When the text is neither a date nor a file.
pub(super) async fn condition(text: &str) -> Result<(HeaderName, String), Failure> {
    let (name, when) = match text.strip_prefix('-') {
        Some(when) => (header::IF_UNMODIFIED_SINCE, when),
        None => (header::IF_MODIFIED_SINCE, text),
    };
    // A date without a time is its beginning.
    let date = parse_date(when).or_else(|| parse_date(&format!("{when} 00:00:00")));
    let date = match date {
        Some(date) => date,
        None => match fs::metadata(when).await {
            Ok(there) => there
                .modified()
                .map_err(|error| Failure::read(&error.into()))?,
            Err(_) => {
                let wrong =
                    format!("-z {text}: neither a date, like 1 Sep 2021 12:18:00, nor a file");
                return Err(Failure::usage(wrong));
            }
        },
    };
    Ok((name, written(date)))
}

/// The date as HTTP writes it (RFC 9110, section 5.6.7).
fn written(date: SystemTime) -> String {
    let since = date.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs();
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let weekday = DAYS[(days % 7) as usize];
    let (year, month, day) = civil(days);
    let month = MONTHS[month];
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// The year, the month from 0, and the day of a number of days since the beginning of 1970.
///
/// Years are counted from March, so that the leap day comes last in them (Hinnant,
/// "chrono-compatible low-level date algorithms").
fn civil(days: u64) -> (u64, usize, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = (shifted + 2) % 12;
    let year = year + era * 400 + u64::from(month < 2);
    (year, month as usize, day)
}

#[cfg(test)]
mod tests {
    use super::written;
    use aioli::http::parse_date;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn dates_are_written() {
        for (seconds, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] {
            let date = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(written(date), expected);
            assert_eq!(parse_date(expected), Some(date));
        }
    }
}
