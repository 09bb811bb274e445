//! A timer that is left set when what it was set for is over.

use std::task::{Context, Waker};
use std::time::Instant;

use crate::driver;
use crate::sleep::{Sleep, sleep_until};

/// A timer for one deadline after the other, of which hardly any strikes: one that is set already
/// and is not too late costs nothing.
///
/// A connection whose requests have a minute each has deadlines that come later and later. To add
/// and to remove a timer for each of them is most of what they cost. An alarm is set for the first
/// one and left alone; when it rings, whoever waits then looks at the clock, and sets it anew.
///
/// So it rings by the deadline at the latest, as timers do, and sometimes earlier: it tells nothing
/// but that it is time to look. On a virtual clock, which stops where timers are, it is set for
/// the very deadline, and [`rest`](Alarm::rest) takes it back.
///
/// The timer is one of the loop of the thread that has set it. Dropping the alarm removes it.
///
/// # Examples
///
/// ```
/// use aioli_time::Alarm;
/// use std::future::poll_fn;
/// use std::task::Poll;
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let mut alarm = Alarm::new();
///     let now = aioli_task::now();
///     let (soon, later) = (now + Duration::from_millis(5), now + Duration::from_millis(15));
///     poll_fn(|cx| {
///         for deadline in [soon, later] {
///             // The second deadline sets no other timer.
///             alarm.ring_by(deadline, now, || cx.waker().clone());
///         }
///         assert_eq!(aioli_time::stats().pending, 1);
///         Poll::Ready(())
///     })
///     .await;
///     poll_fn(|cx| {
///         let now = aioli_task::now();
///         if now >= later {
///             return Poll::Ready(());
///         }
///         alarm.ring_by(later, now, || cx.waker().clone());
///         Poll::Pending
///     })
///     .await;
/// });
/// ```
#[derive(Debug)]
pub struct Alarm {
    sleep: Option<Sleep>,
    /// When it rings; the past, if it has rung.
    at: Option<Instant>,
    /// It is set for the deadline and for nothing earlier.
    is_exact: bool,
}

impl Alarm {
    /// An alarm that is not set.
    #[must_use]
    pub const fn new() -> Alarm {
        Alarm {
            sleep: None,
            at: None,
            is_exact: false,
        }
    }

    /// Sees to it that it rings by `deadline`, if that is to come: it wakes the waker that it was
    /// last set with.
    ///
    /// `now` is what the clock of this thread's loop has just shown. `waker` gives whom it wakes if
    /// it has to be set. It is not asked if it is set already, so each time it has to be one that
    /// wakes whoever is concerned then; and who is concerned has to be known to it before the clock
    /// is looked at, for where no loop runs on this thread it may ring right after that.
    #[inline]
    pub fn ring_by(&mut self, deadline: Instant, now: Instant, waker: impl FnOnce() -> Waker) {
        if !self.is_set(deadline, now) {
            self.set(deadline, &waker());
        }
    }

    /// What it was set for is over. It may stay set, but on a virtual clock it does not.
    #[inline]
    pub fn rest(&mut self) {
        if self.is_exact {
            *self = Alarm::new();
        }
    }

    #[inline]
    fn is_set(&self, deadline: Instant, now: Instant) -> bool {
        let Some(at) = self.at else { return false };
        // What is due may have rung already.
        let is_due = at <= now;
        let is_right = match self.is_exact {
            true => at == deadline,
            false => at <= deadline,
        };
        is_right && !is_due && self.sleep.as_ref().is_some_and(Sleep::is_here)
    }

    #[cold]
    fn set(&mut self, deadline: Instant, waker: &Waker) {
        // The former timer goes first: where it was the only one, its place is taken again.
        self.sleep = None;
        let sleep = self.sleep.insert(sleep_until(deadline));
        let _is_pending = sleep.poll_upcoming(&mut Context::from_waker(waker));
        self.at = Some(deadline);
        self.is_exact = driver::is_virtual();
    }
}

impl Default for Alarm {
    fn default() -> Alarm {
        Alarm::new()
    }
}
