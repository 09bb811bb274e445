//! Which downloads are tried again, and after how long.
//!
//! The client could try requests again by itself. It cannot go on in the middle of a body, as we
//! can, so all of it is done here: once, and with one count.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use aioli::http::{self, BodyErrorKind, ErrorKind};

use super::download::Refused;

/// The first wait, which doubles, and the longest.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// Statuses that may go away by themselves.
const PASSING: [u16; 7] = [408, 425, 429, 500, 502, 503, 504];

/// How long to wait before the next try, after `tried` of them; `None` when another is useless.
pub(super) fn wait(error: &aioli::Error, tried: u32) -> Option<Duration> {
    if let Some(refused) = error.downcast_ref::<Refused>() {
        let backoff = || backoff(tried);
        return PASSING.contains(&refused.status.as_u16()).then(|| {
            refused
                .retry_after
                .map_or_else(backoff, |wait| wait.min(LONGEST))
        });
    }
    let error = error.downcast_ref::<http::Error>()?;
    let broke_off = matches!(
        error.kind(),
        ErrorKind::Body {
            kind: BodyErrorKind::Truncated,
            ..
        }
    );
    (broke_off || error.is_retryable()).then(|| backoff(tried))
}

/// Between half of it and all of it, so that downloads that failed together do not come back
/// together.
fn backoff(tried: u32) -> Duration {
    let longest = FIRST.saturating_mul(1 << tried.min(16)).min(LONGEST);
    // Each state of the hash has keys of its own.
    let random = RandomState::new().hash_one(tried) as u32;
    longest.mul_f64(0.5 + f64::from(random) / f64::from(u32::MAX) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::{FIRST, LONGEST, backoff, wait};
    use crate::fetch::download::Refused;
    use aioli::http::StatusCode;
    use std::time::Duration;

    #[test]
    fn waits_grow_up_to_a_bound() {
        for tried in 0..40 {
            let longest = FIRST.saturating_mul(1 << tried.min(16)).min(LONGEST);
            let wait = backoff(tried);
            assert!(longest / 2 <= wait && wait <= longest, "{tried}: {wait:?}");
        }
    }

    #[test]
    fn what_a_server_asks_for_is_bounded() {
        let refused = |status: u16, seconds: Option<u64>| Refused {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: seconds.map(Duration::from_secs),
        };
        let wait = |refused: Refused| wait(&refused.into(), 0);
        assert_eq!(wait(refused(503, Some(2))), Some(Duration::from_secs(2)));
        assert_eq!(wait(refused(429, Some(u64::MAX))), Some(LONGEST));
        assert!(wait(refused(500, None)).is_some());
        assert_eq!(wait(refused(404, Some(0))), None);
    }
}
