//! Waiting for a length of time, or for a moment.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use aioli_task::Seconds;

use crate::driver::{self, Added, ClockId};
use crate::moment::{Moment, nanoseconds};
use crate::timers::Key;

/// Waits for a length of time: a number of seconds, or a `Duration`.
///
/// The time begins at the first poll, is measured on the loop's clock, and never ends early. Zero
/// and negative lengths wait for exactly one pass of the loop; an infinite length never ends.
/// Sleeps that are due at the same moment end in the order in which they began. On a real clock,
/// one that is due within 50 µs after others have ended, ends with what else is due by then.
///
/// On a thread without a loop (under another executor), the timers of the process's background
/// loop are used.
///
/// # Cancel safety
///
/// Dropping a `Sleep` removes its timer; nothing remains.
///
/// # Panics
///
/// When the number of seconds is NaN.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     aioli_time::sleep(Duration::from_millis(5)).await;
///     aioli_time::sleep(0.005).await; // a plain number is seconds
/// });
/// ```
#[doc(alias = "asyncio.sleep")]
pub fn sleep(length: impl Seconds) -> Sleep {
    Sleep::new(match length.into_duration() {
        None => State::Never,
        Some(Duration::ZERO) => State::Pass { is_over: false },
        // Three hundred years are for ever.
        Some(length) => nanoseconds(length).map_or(State::Never, State::Length),
    })
}

/// Waits until a moment on the loop's clock; one pass of the loop when it is past already.
///
/// # Cancel safety
///
/// Dropping a `Sleep` removes its timer; nothing remains.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let end = aioli_task::now() + Duration::from_millis(5);
///     aioli_time::sleep_until(end).await;
///     assert!(aioli_task::now() >= end);
/// });
/// ```
pub fn sleep_until(moment: Instant) -> Sleep {
    Sleep::new(State::Moment(Moment::of(moment)))
}

/// The future of [`sleep`] and [`sleep_until`].
// There may be a million of them: this is a `State` in 24 bytes.
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep {
    /// A length or a moment, in nanoseconds.
    number: i64,
    /// The key of a timer.
    arrival: u64,
    index: u32,
    /// The clock of a timer, or one of the tags below.
    tag: u32,
}

const _: () = assert!(size_of::<Sleep>() == 24);

/// What a [`Sleep`] is when it has no timer. No clock is so named.
mod tags {
    pub(super) const NEVER: u32 = u32::MAX;
    pub(super) const PASS: u32 = u32::MAX - 1;
    pub(super) const PASS_OVER: u32 = u32::MAX - 2;
    pub(super) const LENGTH: u32 = u32::MAX - 3;
    pub(super) const MOMENT: u32 = u32::MAX - 4;
    pub(super) const OVER: u32 = u32::MAX - 5;
}

enum State {
    /// Infinite.
    Never,
    /// One pass of the loop.
    Pass { is_over: bool },
    /// Nanoseconds; not polled yet.
    Length(i64),
    /// Not polled yet.
    Moment(Moment),
    /// A timer of this clock.
    Waiting(ClockId, Key, Moment),
    /// The time is over.
    Over,
}

impl Sleep {
    #[inline]
    fn new(state: State) -> Sleep {
        let (tag, number, (arrival, index)) = match state {
            State::Never => (tags::NEVER, 0, (0, 0)),
            State::Pass { is_over: false } => (tags::PASS, 0, (0, 0)),
            State::Pass { is_over: true } => (tags::PASS_OVER, 0, (0, 0)),
            State::Length(length) => (tags::LENGTH, length, (0, 0)),
            State::Moment(moment) => (tags::MOMENT, moment.number(), (0, 0)),
            State::Waiting(clock, key, deadline) => (clock.get(), deadline.number(), key.parts()),
            State::Over => (tags::OVER, 0, (0, 0)),
        };
        Sleep {
            number,
            arrival,
            index,
            tag,
        }
    }

    #[inline]
    fn state(&self) -> State {
        match self.tag {
            tags::NEVER => State::Never,
            tags::PASS => State::Pass { is_over: false },
            tags::PASS_OVER => State::Pass { is_over: true },
            tags::LENGTH => State::Length(self.number),
            tags::MOMENT => State::Moment(Moment::from_number(self.number)),
            tags::OVER => State::Over,
            clock => match ClockId::new(clock) {
                Some(clock) => {
                    let key = Key::from_parts(self.arrival, self.index);
                    State::Waiting(clock, key, Moment::from_number(self.number))
                }
                None => unreachable!("no clock and no tag is zero"),
            },
        }
    }

    /// Whether the time is over, as of the last poll.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.state(), State::Over)
    }

    /// When it will be over, once that is known: a length begins at the first poll.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.state() {
            State::Moment(moment) | State::Waiting(_, _, moment) => Some(moment.instant()),
            State::Never | State::Pass { .. } | State::Length(_) | State::Over => None,
        }
    }

    /// A timer has been added.
    fn wait(&mut self, added: Added, cx: &mut Context<'_>) -> Poll<()> {
        *self = Sleep::new(match added {
            Added::Waiting(clock, key, deadline) => State::Waiting(clock, key, deadline),
            Added::Never => State::Never,
            Added::Past => return self.pass(cx),
        });
        Poll::Pending
    }

    /// Waits for one pass of the loop.
    fn pass(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.tag = tags::PASS_OVER;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn end(&mut self) -> Poll<()> {
        self.tag = tags::OVER;
        Poll::Ready(())
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.state() {
            State::Over => Poll::Ready(()),
            State::Never => Poll::Pending,
            State::Pass { is_over: true } => self.end(),
            State::Pass { is_over: false } => self.pass(cx),
            State::Length(length) => self.wait(driver::add_after(length, cx.waker()), cx),
            State::Moment(moment) => self.wait(driver::add_at(moment, cx.waker()), cx),
            State::Waiting(clock, key, deadline) => match driver::poll(clock, key, cx.waker()) {
                driver::Poll::Waiting => Poll::Pending,
                driver::Poll::Fired => self.end(),
                // It goes on with the clock found here. Two virtual clocks have nothing in common
                // but the length that is left.
                driver::Poll::Lost(ended) => {
                    let left = nanoseconds(deadline.since(ended)).unwrap_or(i64::MAX);
                    self.wait(driver::add_after(left, cx.waker()), cx)
                }
            },
        }
    }
}

impl Drop for Sleep {
    #[inline]
    fn drop(&mut self) {
        if let State::Waiting(clock, key, _) = self.state() {
            driver::remove(clock, key);
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Sleep");
        match self.state() {
            State::Never => out.field("never", &true),
            State::Pass { is_over } => out.field("pass", &is_over),
            State::Length(length) => {
                out.field("length", &Duration::from_nanos(length.unsigned_abs()))
            }
            State::Moment(until) | State::Waiting(_, _, until) => {
                out.field("until", &until.instant())
            }
            State::Over => out.field("over", &true),
        };
        out.finish()
    }
}
