//! Waiting for a length of time, or for a moment.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use aioli_task::Seconds;

use crate::driver::{self, Clock};
use crate::timers::Key;

/// Waits for a length of time: a number of seconds, or a `Duration`.
///
/// The time begins at the first poll, is measured on the loop's clock, and never ends early. Zero
/// and negative lengths wait for exactly one pass of the loop; an infinite length never ends.
/// Sleeps that are due at the same moment end in the order in which they began.
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
    Sleep(match length.into_duration() {
        None => State::Never,
        Some(Duration::ZERO) => State::Pass { is_over: false },
        Some(length) => State::Length(length),
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
    Sleep(State::Moment(moment))
}

/// The future of [`sleep`] and [`sleep_until`].
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep(State);

enum State {
    /// Infinite.
    Never,
    /// One pass of the loop.
    Pass { is_over: bool },
    /// Not polled yet.
    Length(Duration),
    /// Not polled yet.
    Moment(Instant),
    /// A timer of this clock.
    Waiting {
        clock: Arc<Clock>,
        key: Key,
        deadline: Instant,
    },
    /// The time is over.
    Over,
}

impl Sleep {
    /// Whether the time is over, as of the last poll.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.0, State::Over)
    }

    /// When it will be over, once that is known: a length begins at the first poll.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match &self.0 {
            State::Moment(moment) => Some(*moment),
            State::Waiting { deadline, .. } => Some(*deadline),
            State::Never | State::Pass { .. } | State::Length(_) | State::Over => None,
        }
    }

    fn start(
        &mut self,
        clock: Arc<Clock>,
        deadline: Option<Instant>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        self.0 = match deadline {
            None => State::Never,
            Some(deadline) => {
                let key = clock.add(deadline, cx.waker());
                State::Waiting {
                    clock,
                    key,
                    deadline,
                }
            }
        };
        Poll::Pending
    }

    fn end(&mut self) -> Poll<()> {
        self.0 = State::Over;
        Poll::Ready(())
    }

    /// Goes on with the clock found here: the one that measured so far has ended. Two virtual
    /// clocks have nothing in common but the length that is left.
    fn move_on(&mut self, left: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let clock = Clock::current();
        let deadline = clock.now().checked_add(left);
        self.start(clock, deadline, cx)
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            State::Over => Poll::Ready(()),
            State::Never => Poll::Pending,
            State::Pass { is_over: true } => self.end(),
            State::Pass { is_over } => {
                *is_over = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            State::Length(length) => {
                let length = *length;
                let clock = Clock::current();
                let deadline = clock.now().checked_add(length);
                self.start(clock, deadline, cx)
            }
            State::Moment(moment) => {
                let moment = *moment;
                let clock = Clock::current();
                if moment <= clock.now() {
                    self.0 = State::Pass { is_over: false };
                    return self.poll(cx);
                }
                self.start(clock, Some(moment), cx)
            }
            State::Waiting {
                clock,
                key,
                deadline,
            } => match clock.poll(*key, *deadline, cx.waker()) {
                driver::Poll::Waiting => Poll::Pending,
                driver::Poll::Fired => self.end(),
                driver::Poll::Lost => {
                    let left = deadline.saturating_duration_since(clock.now());
                    self.move_on(left, cx)
                }
            },
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let State::Waiting { clock, key, .. } = &self.0 {
            clock.remove(*key);
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Sleep");
        match &self.0 {
            State::Never => out.field("never", &true),
            State::Pass { is_over } => out.field("pass", &is_over),
            State::Length(length) => out.field("length", length),
            State::Moment(moment) => out.field("until", moment),
            State::Waiting { deadline, .. } => out.field("until", deadline),
            State::Over => out.field("over", &true),
        };
        out.finish()
    }
}
