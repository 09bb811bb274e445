//! Trying again: what may be repeated, how often, and after how long.
//!
//! A retry repeats the hop that failed, not the chain of redirects that led to it: a `POST` that
//! was answered with a redirect has been carried out, and the `GET` after it is what failed. The
//! number of redirects goes on. All of it happens within the total time limit, and where the next
//! wait would not end before that limit, what there is (a response or an error) is the outcome.
//!
//! How long to wait is random, from nothing up to a bound that doubles ("full jitter"): clients
//! that failed together do not come back together. What a server asks for by `retry-after` comes
//! before that, and is capped, for a number in a header must not put a client to sleep for years.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use aioli_task::Seconds;
use http::{HeaderMap, StatusCode, header};

use crate::date;
use crate::error::{Error, ErrorKind, Phase};
use crate::h1::{parse_decimal, trim_ows};

/// Longer than this no server's `retry-after` is believed, unless the caller says so.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(120);

/// When a request is tried again, how often, and after how long.
///
/// Off unless it is given to [`SessionBuilder::retry`](crate::SessionBuilder::retry) or
/// [`RequestBuilder::retry`](crate::RequestBuilder::retry). (Whatever it says, a connection of
/// the pool that turns out to be closed is replaced once, where nothing can be carried out twice.)
///
/// A request is tried again when all of this holds:
///
/// * it failed in passing: no connection, a lost one, a time limit of a phase, or one of the
///   [statuses](Retry::on_status);
/// * it cannot be carried out twice: its method is idempotent, or nothing of it was sent
///   ([`Error::maybe_processed`]), or [`unsafe_methods`](Retry::unsafe_methods) says so;
/// * its body can be sent again: bytes can, a stream that has begun cannot;
/// * there is a try left, the [budget](Retry::budget) allows it, and the wait ends within the
///   total limit of [`Timeout`](crate::Timeout).
///
/// What is repeated is the hop that failed: the request that a redirect was answered with is not
/// made again. A body of a *response* that breaks off is not fetched again: part of it is in your
/// hands.
///
/// Clones share one budget.
///
/// # Examples
///
/// ```
/// use aioli_http::{Retry, Session};
///
/// let retry = Retry::idempotent(3)         // at most three times more
///     .backoff(0.1..5.0)                   // up to 0.1 s, 0.2 s, 0.4 s …, never above 5 s
///     .respect_retry_after(60)             // and what the server asks for, up to a minute
///     .on_status([429, 502, 503, 504])
///     .budget(0.2);                        // no more than a fifth of all requests
/// let session = Session::builder().retry(retry).build()?;
/// # let _ = session;
/// # Ok::<(), aioli_http::Error>(())
/// ```
#[doc(alias = "aiohttp_retry.RetryOptions")]
#[doc(alias = "urllib3.Retry")]
#[derive(Clone)]
#[must_use]
pub struct Retry {
    most: u32,
    first: Duration,
    longest: Duration,
    /// Zero ignores the header.
    retry_after: Duration,
    /// The bound on that, too.
    longest_retry_after: Duration,
    /// For how long after the first try there are others.
    within: Option<Duration>,
    statuses: Arc<[u16]>,
    unsafe_methods: bool,
    budget: Option<Arc<Budget>>,
    /// Where randomness comes from, if not from the system: numbers from 0 to 1.
    random: Option<Arc<dyn Fn() -> f64 + Send + Sync>>,
}

impl Retry {
    /// Tries a request at most `most` times more, when it is safe to.
    ///
    /// With a backoff of `0.1..5.0` seconds, `retry-after` of up to a minute, a budget of 0.2,
    /// and the statuses 429, 502, 503 and 504.
    pub fn idempotent(most: u32) -> Retry {
        Retry {
            most,
            first: Duration::from_millis(100),
            longest: Duration::from_secs(5),
            retry_after: Duration::from_secs(60),
            longest_retry_after: LONGEST_RETRY_AFTER,
            within: None,
            statuses: Arc::new([429, 502, 503, 504]),
            unsafe_methods: false,
            budget: Budget::new(0.2, most),
            random: None,
        }
    }

    /// Sets how long to wait: a random time of up to `start` before the first retry, and up to
    /// twice as long before each further one, but never longer than `end`.
    ///
    /// # Panics
    ///
    /// When a number of seconds is NaN.
    pub fn backoff(mut self, range: Range<impl Seconds>) -> Retry {
        self.longest = range.end.into_duration().unwrap_or(Duration::MAX);
        let first = range.start.into_duration().unwrap_or(Duration::MAX);
        self.first = first.min(self.longest);
        self
    }

    /// Waits as long as `retry-after` asks for, in seconds or as a date, but for at most `limit`
    /// and never for more than [two minutes](Retry::longest_retry_after); zero ignores the header.
    ///
    /// A date is compared with the response's own `date`, so that clocks may differ. What is
    /// malformed, negative or past is ignored.
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN.
    pub fn respect_retry_after(mut self, limit: impl Seconds) -> Retry {
        self.retry_after = limit.into_duration().unwrap_or(Duration::MAX);
        self
    }

    /// Sets the bound on what [`respect_retry_after`](Retry::respect_retry_after) may be given: two
    /// minutes, unless it is said.
    ///
    /// For services that close for longer, and programs that can wait for them. Where the total
    /// limit of [`Timeout`](crate::Timeout) comes before, there is no wait.
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Retry, Session, Timeout};
    ///
    /// let retry = Retry::idempotent(3).respect_retry_after(3600).longest_retry_after(3600);
    /// let session = Session::builder().timeout(Timeout::total(3 * 3600)).retry(retry).build()?;
    /// # let _ = session;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    pub fn longest_retry_after(mut self, limit: impl Seconds) -> Retry {
        self.longest_retry_after = limit.into_duration().unwrap_or(Duration::MAX);
        self
    }

    /// Tries again only while less than `limit` has passed since the first try began; for ever,
    /// unless it is said.
    ///
    /// What has begun is not cut off: that is the total limit of [`Timeout`](crate::Timeout), in
    /// which all tries have to find room.
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::{Retry, Session};
    ///
    /// // As often as there is room for in half a minute.
    /// let retry = Retry::idempotent(u32::MAX).within(30);
    /// let session = Session::builder().retry(retry).build()?;
    /// # let _ = session;
    /// # Ok::<(), aioli_http::Error>(())
    /// ```
    pub fn within(mut self, limit: impl Seconds) -> Retry {
        self.within = limit.into_duration();
        self
    }

    /// Sets which statuses are tried again.
    ///
    /// The response of the last try is the outcome, whatever its status.
    pub fn on_status(mut self, statuses: impl IntoIterator<Item = u16>) -> Retry {
        self.statuses = statuses.into_iter().collect();
        self
    }

    /// Allows so many retries for each request, in the long run, and ten at once.
    ///
    /// When a server is down for everybody, retries are what keeps it down. Each request pays
    /// `ratio` into a bucket, each retry takes one out, and an empty bucket means no retries. An
    /// infinite ratio is no limit. All clones of this value, and so all requests of a session,
    /// share the bucket.
    ///
    /// # Panics
    ///
    /// When `ratio` is NaN.
    pub fn budget(mut self, ratio: f64) -> Retry {
        assert!(!ratio.is_nan(), "a ratio must not be NaN");
        self.budget = Budget::new(ratio, self.most);
        self
    }

    /// Also repeats what may be carried out twice by that: `POST`, `PATCH` and other methods that
    /// are not idempotent.
    ///
    /// For services that recognise a repeated request, by a header like `idempotency-key`.
    pub fn unsafe_methods(mut self, yes: bool) -> Retry {
        self.unsafe_methods = yes;
        self
    }

    /// Sets where the randomness of the backoff comes from: numbers from 0 to 1.
    ///
    /// For tests: with `|| 1.0` the waits are as long as the backoff allows.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::Retry;
    ///
    /// let exact = Retry::idempotent(3).backoff(1..8).jitter(|| 1.0); // 1 s, 2 s, 4 s
    /// # let _ = exact;
    /// ```
    pub fn jitter(mut self, random: impl Fn() -> f64 + Send + Sync + 'static) -> Retry {
        self.random = Some(Arc::new(random));
        self
    }

    /// Notes a request, for the budget.
    pub(crate) fn note_request(&self) {
        if let Some(budget) = &self.budget {
            budget.pay_in();
        }
    }

    /// Whether an error is one that passes; `None` when it is not.
    pub(crate) fn judge_error(&self, error: &Error, idempotent: bool) -> Option<Again> {
        let passing = match error.kind() {
            // Who has waited for a slot, or for as long as he wants to, is not to wait anew.
            ErrorKind::Timeout { phase, .. } => !matches!(phase, Phase::Total | Phase::Pool),
            _ => error.is_passing(),
        };
        let safe = idempotent || self.unsafe_methods || !error.maybe_processed();
        (passing && safe).then_some(Again { asked: None })
    }

    /// Whether a response is one to be asked for again.
    pub(crate) fn judge_response(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        idempotent: bool,
        now: SystemTime,
    ) -> Option<Again> {
        let safe = idempotent || self.unsafe_methods;
        (safe && self.statuses.contains(&status.as_u16())).then(|| Again {
            asked: retry_after(headers, now),
        })
    }

    /// How long to wait before the retry after `tried` retries, which took `passed`; `None` when
    /// there is none left.
    ///
    /// Nothing is taken from the budget yet.
    pub(crate) fn wait(&self, again: Again, tried: u32, passed: Duration) -> Option<Duration> {
        if tried >= self.most || self.within.is_some_and(|within| passed >= within) {
            return None;
        }
        let factor = 2_u32.checked_pow(tried).unwrap_or(u32::MAX);
        let bound = self.first.saturating_mul(factor).min(self.longest);
        let random = self.random.as_ref().map_or_else(random, |random| random());
        let jittered = bound.mul_f64(random.clamp(0.0, 1.0));
        let most = self.retry_after.min(self.longest_retry_after);
        let asked = again.asked.unwrap_or_default().min(most);
        Some(asked.saturating_add(jittered))
    }

    /// Takes a retry from the budget; `false` when there is none.
    #[must_use]
    pub(crate) fn take(&self) -> bool {
        self.budget.as_ref().is_none_or(|budget| budget.take())
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("most", &self.most)
            .field("backoff", &(self.first..self.longest))
            .field(
                "retry_after",
                &self.retry_after.min(self.longest_retry_after),
            )
            .field("within", &self.within)
            .field("statuses", &self.statuses)
            .field("unsafe_methods", &self.unsafe_methods)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

/// That something may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Again {
    /// How long the server has asked to wait.
    asked: Option<Duration>,
}

/// A bucket of retries, in thousandths.
#[derive(Debug)]
struct Budget {
    /// What a request pays in.
    share: u64,
    /// The most there can be: what may be retried at once after a good time.
    most: u64,
    left: AtomicU64,
}

impl Budget {
    /// One retry.
    const RETRY: u64 = 1000;
    /// What a session begins with: its first requests have not paid in yet.
    const RESERVE: u32 = 10;

    fn new(ratio: f64, most: u32) -> Option<Arc<Budget>> {
        if ratio.is_infinite() && ratio.is_sign_positive() {
            return None;
        }
        let reserve = u64::from(most.max(Budget::RESERVE)) * Budget::RETRY;
        let share = Duration::try_from_secs_f64(ratio.max(0.0)).unwrap_or(Duration::MAX);
        Some(Arc::new(Budget {
            share: u64::try_from(share.as_millis()).unwrap_or(u64::MAX),
            most: reserve,
            left: AtomicU64::new(reserve),
        }))
    }

    fn pay_in(&self) {
        let add = |left: u64| Some(left.saturating_add(self.share).min(self.most));
        let _ = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    fn take(&self) -> bool {
        let sub = |left: u64| left.checked_sub(Budget::RETRY);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, sub)
            .is_ok()
    }
}

/// A number from 0 to 1. It spreads clients over time and keeps no secret.
fn random() -> f64 {
    let bits = u32::try_from(RandomState::new().hash_one(()) >> 32).expect("the upper half");
    f64::from(bits) / f64::from(u32::MAX)
}

/// Reads `retry-after` (RFC 9110, section 10.2.3): seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let mut values = headers.get_all(header::RETRY_AFTER).iter();
    let value = trim_ows(values.next()?.as_bytes());
    if values.next().is_some() {
        return None;
    }
    if let Some(seconds) = parse_decimal(value) {
        return Some(Duration::from_secs(seconds));
    }
    let until = date::parse(value)?;
    let now = headers
        .get(header::DATE)
        .and_then(|value| date::parse(value.as_bytes()))
        .or_else(|| {
            let now = now.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            i64::try_from(now.as_secs()).ok()
        })?;
    let seconds = u64::try_from(until.checked_sub(now)?).ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests;
