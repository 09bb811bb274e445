//! How long the parts of a request took.
//!
//! Always on, because it is cheap: of a request that finds an open connection and whose body
//! comes with its head, it costs one look at the clock more than its time limits do. The clock is
//! read when the request starts and when the head is there; whenever the request has to wait, its
//! time limits have read it already; and a connection that has to be opened costs a thousand
//! times more anyway. What was not waited for took no time.

use std::time::{Duration, Instant};

/// How long the parts of a request took, from [`Response::timings`](crate::Response::timings).
///
/// All but [`total`](Timings::total) and [`earlier`](Timings::earlier) are about the last hop: the
/// one that the response came from, after redirects and retries.
///
/// ```text
///  start ── earlier ──┬─ queued ─┬─ dns ─┬─ connect ─┬─ tls ─┬─ send ─┬─ wait ─┬─ receive ─▶
///                     └ last hop └──── a new connection ─────┘        └ head
/// ```
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let (session, url) = (aioli_http::Session::new(), aioli_http::example::serve("hello"));
/// let first = session.get(&url).await?.timings();
/// assert!(first.connect().is_some() && first.tls().is_none());
/// assert!(first.wait() <= first.total());
///
/// let second = session.get(&url).await?.timings();
/// assert!(second.connect().is_none(), "the connection was there");
/// # Ok::<(), aioli_http::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    pub(crate) start: Option<Instant>,
    /// When the last hop began; from here on in nanoseconds since `start`.
    hop: u64,
    /// When there was a slot of the pool.
    slot: u64,
    dns: u64,
    connected: u64,
    secured: u64,
    sent: u64,
    head: u64,
    end: u64,
}

/// A point that was not passed.
const NEVER: u64 = u64::MAX;

/// The points of a request at which the clock is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// A slot was waited for and is there.
    Slot,
    /// The name is looked up.
    Dns,
    /// The socket is connected, also through a proxy.
    Connected,
    /// The TLS handshake is over.
    Secured,
    /// The request has left.
    Sent,
    /// The head of the response is there.
    Head,
    /// The body is at its end.
    End,
}

impl Timings {
    /// Of nothing.
    pub(crate) const NONE: Timings = Timings {
        start: None,
        hop: 0,
        slot: NEVER,
        dns: NEVER,
        connected: NEVER,
        secured: NEVER,
        sent: NEVER,
        head: NEVER,
        end: NEVER,
    };

    pub(crate) fn start(now: Instant) -> Timings {
        Timings {
            start: Some(now),
            ..Timings::NONE
        }
    }

    /// Begins another hop.
    pub(crate) fn begin_hop(&mut self, now: Instant) {
        let hop = self.since_start(now);
        *self = Timings {
            start: self.start,
            hop,
            ..Timings::NONE
        };
    }

    /// Begins to open a connection, after one that was found turned out to be useless.
    pub(crate) fn forget_connection(&mut self) {
        self.dns = NEVER;
        self.connected = NEVER;
        self.secured = NEVER;
        self.sent = NEVER;
    }

    pub(crate) fn pass(&mut self, point: Point, now: Instant) {
        let at = self.since_start(now);
        *self.point(point) = at;
    }

    pub(crate) fn has_passed(&self, point: Point) -> bool {
        let at = match point {
            Point::Slot => self.slot,
            Point::Dns => self.dns,
            Point::Connected => self.connected,
            Point::Secured => self.secured,
            Point::Sent => self.sent,
            Point::Head => self.head,
            Point::End => self.end,
        };
        at != NEVER
    }

    /// The body was there when the head was.
    pub(crate) fn end_with_head(&mut self) {
        self.end = self.head;
    }

    fn point(&mut self, point: Point) -> &mut u64 {
        match point {
            Point::Slot => &mut self.slot,
            Point::Dns => &mut self.dns,
            Point::Connected => &mut self.connected,
            Point::Secured => &mut self.secured,
            Point::Sent => &mut self.sent,
            Point::Head => &mut self.head,
            Point::End => &mut self.end,
        }
    }

    fn since_start(&self, now: Instant) -> u64 {
        let since = self.start.map(|start| now.saturating_duration_since(start));
        let since = since.unwrap_or_default();
        // Not of `as_nanos`, which counts in 128 bits. 584 years of a request are enough, and the
        // last value stands for never.
        let seconds = since.as_secs().saturating_mul(1_000_000_000);
        let nanos = seconds.saturating_add(since.subsec_nanos().into());
        nanos.min(NEVER - 1)
    }

    /// From the last point before `point` that was passed to `point`, if it was.
    fn up_to(&self, point: u64, before: &[u64]) -> Option<Duration> {
        let passed = before.iter().filter(|at| **at != NEVER);
        let last = passed.max().copied().unwrap_or(self.hop);
        (point != NEVER).then(|| Duration::from_nanos(point.saturating_sub(last)))
    }

    /// Returns how long redirects and retries took before the last hop, waits included.
    #[must_use]
    pub fn earlier(&self) -> Duration {
        Duration::from_nanos(self.hop)
    }

    /// Returns how long a free connection slot was waited for.
    #[must_use]
    pub fn queued(&self) -> Duration {
        self.up_to(self.slot, &[]).unwrap_or_default()
    }

    /// Returns how long the name was looked up; `None` on a connection that was there, or for a
    /// literal address.
    #[must_use]
    pub fn dns(&self) -> Option<Duration> {
        self.up_to(self.dns, &[self.slot])
    }

    /// Returns how long connecting took, proxies included; `None` on a connection that was there.
    #[must_use]
    pub fn connect(&self) -> Option<Duration> {
        self.up_to(self.connected, &[self.slot, self.dns])
    }

    /// Returns how long the TLS handshake took; `None` without one.
    #[must_use]
    pub fn tls(&self) -> Option<Duration> {
        self.up_to(self.secured, &[self.slot, self.dns, self.connected])
    }

    /// Returns how long sending the request took, once there was a connection.
    #[must_use]
    pub fn send(&self) -> Duration {
        let before = [self.slot, self.dns, self.connected, self.secured];
        self.up_to(self.sent, &before).unwrap_or_default()
    }

    /// Returns how long the response's head was waited for, once the request was sent.
    #[must_use]
    pub fn wait(&self) -> Duration {
        let before = [self.slot, self.dns, self.connected, self.secured, self.sent];
        self.up_to(self.head, &before).unwrap_or_default()
    }

    /// Returns how long the body took after the head; `None` when it has not come to its end.
    #[must_use]
    pub fn receive(&self) -> Option<Duration> {
        self.up_to(self.end, &[self.head])
    }

    /// Returns how long all of it took, from the first poll of the request to the end of the
    /// body; to the head, when the body has not come to its end.
    #[must_use]
    pub fn total(&self) -> Duration {
        let last = if self.end == NEVER {
            self.head
        } else {
            self.end
        };
        Duration::from_nanos(if last == NEVER { self.hop } else { last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_part_begins_where_the_one_before_ended() {
        let start = Instant::now();
        let mut timings = Timings::start(start);
        timings.begin_hop(start + 5 * SECOND);
        for (n, point) in [
            Point::Slot,
            Point::Dns,
            Point::Connected,
            Point::Secured,
            Point::Sent,
            Point::Head,
            Point::End,
        ]
        .into_iter()
        .enumerate()
        {
            assert!(!timings.has_passed(point));
            let n = u32::try_from(n).unwrap() + 1;
            // One second, two more, three more …
            timings.pass(point, start + (5 + n * (n + 1) / 2) * SECOND);
            assert!(timings.has_passed(point));
        }
        assert_eq!(timings.earlier(), 5 * SECOND);
        assert_eq!(timings.queued(), SECOND);
        assert_eq!(timings.dns(), Some(2 * SECOND));
        assert_eq!(timings.connect(), Some(3 * SECOND));
        assert_eq!(timings.tls(), Some(4 * SECOND));
        assert_eq!(timings.send(), 5 * SECOND);
        assert_eq!(timings.wait(), 6 * SECOND);
        assert_eq!(timings.receive(), Some(7 * SECOND));
        assert_eq!(timings.total(), 33 * SECOND);
    }

    #[test]
    fn what_was_not_passed_took_no_time() {
        let start = Instant::now();
        let mut timings = Timings::start(start);
        timings.pass(Point::Head, start + SECOND);
        assert_eq!(timings.wait(), SECOND);
        assert_eq!(
            (timings.queued(), timings.send()),
            (Duration::ZERO, Duration::ZERO)
        );
        assert_eq!(
            (timings.dns(), timings.connect(), timings.tls()),
            (None, None, None)
        );
        assert_eq!((timings.receive(), timings.total()), (None, SECOND));
        assert_eq!(Timings::NONE.total(), Duration::ZERO);
    }
}
