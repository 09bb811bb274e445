//! The time limits of one request: one timer at most, read and armed only when waiting.
//!
//! I/O is polled first, so what is ready is never lost to a limit that passed meanwhile. A
//! limit that moves on (a new phase, progress) leaves the timer where it is; when that fires
//! early it is set again. So a body of many pieces costs no timer operations at all. Nor does the
//! next request on the same connection: who waits for a socket uses the alarm of that.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use aioli_time::{Sleep, sleep_until};

use crate::error::{Error, ErrorKind, Phase};
use crate::h1::exchange::Wire;
use crate::limits::MinSpeed;
use crate::timings::Point;
use crate::watch::Watch;

/// The time limits that hold at the moment.
#[derive(Debug)]
pub(crate) struct Deadline {
    /// When the whole request must be over, and after how long that was.
    total: Option<(Instant, Duration)>,
    /// The current phase and its limit.
    phase: Option<(Phase, Duration)>,
    /// When the phase began to wait.
    since: Option<Instant>,
    /// The speed that is asked for, which few do.
    speed: Option<Box<Speed>>,
    timer: Option<Sleep>,
    /// The last look at the clock, since the phase or the hop began.
    looked: Option<Instant>,
    /// What is noted on the way.
    pub(crate) watch: Watch,
}

/// How fast bytes come, or are taken, while we wait for that.
///
/// Spans are made of waiting alone: what a caller does between two pieces is not the server's
/// slowness.
#[derive(Debug)]
struct Speed {
    limit: MinSpeed,
    /// Bytes that came in this span, or that were taken.
    came: u64,
    /// The waiting of this span that is over.
    waited: Duration,
    /// When the present wait began.
    since: Option<Instant>,
    /// What is waited for at present is not the server.
    paused: bool,
}

impl Speed {
    fn new(limit: MinSpeed) -> Speed {
        Speed {
            limit,
            came: 0,
            waited: Duration::ZERO,
            since: None,
            paused: false,
        }
    }

    fn came(&mut self, n: u64) {
        self.came = self.came.saturating_add(n);
        if let Some(since) = self.since.take() {
            self.waited += aioli_task::now().saturating_duration_since(since);
        }
    }

    /// The end of the present span; `Err` when one has ended with too few bytes.
    fn span_end(&mut self, now: Instant) -> Result<Option<Instant>, Error> {
        if self.paused {
            return Ok(None);
        }
        let since = *self.since.get_or_insert(now);
        let MinSpeed { bytes, over } = self.limit;
        if self.waited + now.saturating_duration_since(since) < over {
            return Ok(since.checked_add(over - self.waited));
        }
        if self.came < bytes {
            return Err(passed(Phase::MinSpeed, over));
        }
        *self = Speed {
            since: Some(now),
            ..Speed::new(self.limit)
        };
        Ok(now.checked_add(over))
    }
}

impl Deadline {
    /// Starts the total limit now.
    pub(crate) fn start(total: Option<Duration>) -> Deadline {
        let now = aioli_task::now();
        Deadline {
            // A moment too far away to be represented is never.
            total: total.and_then(|after| Some((now.checked_add(after)?, after))),
            watch: Watch::start(now),
            looked: Some(now),
            ..Deadline::NONE
        }
    }

    /// No limits, of nothing.
    const NONE: Deadline = Deadline {
        total: None,
        phase: None,
        since: None,
        speed: None,
        timer: None,
        looked: None,
        watch: Watch::NONE,
    };

    /// Returns the phase whose limit holds.
    pub(crate) fn phase(&self) -> Option<Phase> {
        self.phase.map(|(phase, _)| phase)
    }

    /// Asks for a speed, from now on.
    pub(crate) fn demand_speed(&mut self, limit: Option<MinSpeed>) {
        self.speed = limit.map(|limit| Box::new(Speed::new(limit)));
    }

    /// Whether a speed is asked for.
    pub(crate) fn demands_speed(&self) -> bool {
        self.speed.is_some()
    }

    /// Counts bytes that the server took; from now on it is waited for, or somebody else is.
    pub(crate) fn measure(&mut self, taken: u64, waits_for_server: bool) {
        if let Some(speed) = &mut self.speed {
            if taken > 0 || !waits_for_server {
                speed.came(taken);
            }
            speed.paused = !waits_for_server;
        }
    }

    /// Hands the limits over to who goes on with the request; what is left here means nothing.
    #[inline(always)]
    pub(crate) fn take(&mut self) -> Deadline {
        // Not by `mem::replace`, which would write all of it once more.
        Deadline {
            total: self.total,
            phase: self.phase,
            since: self.since,
            speed: self.speed.take(),
            timer: self.timer.take(),
            looked: self.looked,
            watch: Watch {
                timings: self.watch.timings,
                tracer: self.watch.tracer.take(),
            },
        }
    }

    /// Notes that the request has left: when we began to wait for the response.
    pub(crate) fn note_sent(&mut self) {
        if !self.watch.timings.has_passed(Point::Sent) {
            let now = self.looked.unwrap_or_else(aioli_task::now);
            self.watch.sent(now);
        }
    }

    /// Notes that the head of the response is there.
    pub(crate) fn note_head(&mut self) {
        let now = aioli_task::now();
        self.looked = Some(now);
        self.watch.head(now);
    }

    /// Begins another hop or another try.
    pub(crate) fn begin_hop(&mut self) {
        let now = aioli_task::now();
        self.looked = Some(now);
        self.watch.timings.begin_hop(now);
    }

    /// Returns what the clock showed at the last look, for who goes on without having waited
    /// since; else looks.
    pub(crate) fn look(&mut self) -> Instant {
        *self.looked.get_or_insert_with(aioli_task::now)
    }

    /// Returns how long the whole request may still take.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        let (at, _) = self.total?;
        Some(at.saturating_duration_since(aioli_task::now()))
    }

    /// Begins a wait of our own, which only the total limits.
    pub(crate) fn begin_wait(&mut self) {
        self.phase = None;
        self.since = None;
        self.speed = None;
    }

    /// Begins a phase.
    pub(crate) fn begin(&mut self, phase: Phase, limit: Option<Duration>) {
        if matches!(phase, Phase::Pool | Phase::Connect) {
            // What was asked of the body before is not asked of whoever lets us in.
            self.speed = None;
        }
        self.phase = limit.map(|limit| (phase, limit));
        self.since = None;
        self.looked = None;
    }

    /// Renames the current phase; its limit goes on.
    pub(crate) fn rename(&mut self, phase: Phase) {
        if let Some((name, _)) = &mut self.phase {
            *name = phase;
        }
    }

    /// Begins the phase's limit anew: something happened.
    pub(crate) fn progress(&mut self) {
        self.since = None;
    }

    /// As [`progress`](Deadline::progress), by so many bytes.
    pub(crate) fn progress_by(&mut self, n: usize) {
        self.since = None;
        if let Some(speed) = &mut self.speed {
            speed.came(n as u64);
        }
    }

    /// Takes the timer away; the limits stay, and the next wait sets one.
    pub(crate) fn disarm(&mut self) {
        self.timer = None;
    }

    /// Resolves when a limit has passed; to be polled when nothing else was ready.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        self.poll_by(cx, |_, _| false)
    }

    /// As [`poll`](Deadline::poll), for who waits for a connection and for nothing else: its timer
    /// is that of all requests that it serves, and is seldom touched.
    pub(crate) fn poll_on(&mut self, cx: &mut Context<'_>, wire: &mut Wire) -> Poll<Error> {
        self.poll_by(cx, |moment, now| wire.wake_by(moment, now))
    }

    /// `wakes` sees to it that the task is woken by a moment, if it can, and is told the time.
    #[inline(always)]
    fn poll_by(
        &mut self,
        cx: &mut Context<'_>,
        mut wakes: impl FnMut(Instant, Instant) -> bool,
    ) -> Poll<Error> {
        if self.total.is_none() && self.phase.is_none() && self.speed.is_none() {
            return Poll::Pending;
        }
        loop {
            let now = aioli_task::now();
            self.looked = Some(now);
            if let Some((at, after)) = self.total
                && at <= now
            {
                return Poll::Ready(passed(Phase::Total, after));
            }
            let phase = self.phase.and_then(|(phase, after)| {
                let at = self.since.get_or_insert(now).checked_add(after)?;
                Some((at, phase, after))
            });
            if let Some((at, phase, after)) = phase
                && at <= now
            {
                return Poll::Ready(passed(phase, after));
            }
            let span_end = match self.speed.as_mut().map(|speed| speed.span_end(now)) {
                Some(Err(slow)) => return Poll::Ready(slow),
                Some(Ok(at)) => at,
                None => None,
            };
            let total = self.total.map(|(at, _)| at);
            let phase = phase.map(|(at, ..)| at);
            let Some(next) = earlier(earlier(total, phase), span_end) else {
                return Poll::Pending;
            };
            if wakes(next, now) {
                self.timer = None;
                return Poll::Pending;
            }
            let armed = self
                .timer
                .as_ref()
                .and_then(Sleep::deadline)
                .is_some_and(|at| at <= next);
            if !armed {
                self.timer = Some(sleep_until(next));
            }
            let timer = self.timer.as_mut().expect("it was armed just now");
            if timer.poll_upcoming(cx).is_pending() {
                return Poll::Pending;
            }
            self.timer = None;
        }
    }

    /// Runs `future` within the limits.
    pub(crate) async fn within<F: Future>(&mut self, future: F) -> Result<F::Output, Error> {
        let mut future = pin!(future);
        let result = poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => self.poll(cx).map(Err),
        });
        let result = result.await;
        // That was before the wait.
        self.looked = None;
        result
    }
}

/// The earlier of two moments, of which each may be never.
fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn passed(phase: Phase, after: Duration) -> Error {
    Error::new(ErrorKind::Timeout { phase, after })
}

#[cfg(test)]
mod tests;
