//! Waiting for a length of time, or for a moment.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use aioli_task::Seconds;

use crate::driver::{self, Added, AddedHere, ClockId};
use crate::moment::{Moment, nanoseconds};
use crate::timers::Key;

/// Waits for a length of time: a number of seconds, or a `Duration`.
///
/// The time begins at the first poll, is measured on the loop's clock, and never ends early; where many
/// begin within a microsecond of each other, the clock may be told up to 4 µs late. Zero
/// and negative lengths wait for exactly one pass of the loop; an infinite length never ends.
/// Sleeps that are due at the same moment end in the order in which they began. On a real clock,
/// one that is due within 50 µs after others have ended, ends with what else is due by then; where more
/// than 32 end together each time, within up to 400 µs.
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
#[inline]
pub fn sleep(length: impl Seconds) -> Sleep {
    Sleep::new(length.into_duration().map_or(State::Never, State::Length))
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
    /// A moment; or the seconds of a length, as the same bits.
    number: i64,
    /// The key of a timer.
    arrival: u64,
    /// The same; or the nanoseconds of a length.
    index: u32,
    /// The clock of a timer, or one of the tags below.
    tag: u32,
}

const _: () = assert!(size_of::<Sleep>() == 24);

/// What a [`Sleep`] is when it has no timer. No clock is so named.
mod tags {
    pub(super) const NEVER: u32 = u32::MAX;
    pub(super) const PASSING: u32 = u32::MAX - 1;
    pub(super) const LENGTH: u32 = u32::MAX - 2;
    pub(super) const MOMENT: u32 = u32::MAX - 3;
    pub(super) const OVER: u32 = u32::MAX - 4;
}

enum State {
    /// Infinite.
    Never,
    /// In the pass in which it was polled; it is over in the next one.
    Passing,
    /// Not polled yet.
    Length(Duration),
    /// Not polled yet.
    Moment(Moment),
    /// A timer of this clock.
    Waiting(ClockId, Key, Moment),
    /// The time is over.
    Over,
}

/// What a look at a [`Sleep`] has shown.
enum Looked {
    Pending,
    /// It is over.
    Over,
    /// It was over when it began.
    Past,
}

impl Sleep {
    #[inline]
    fn new(state: State) -> Sleep {
        let (tag, number, (arrival, index)) = match state {
            State::Never => (tags::NEVER, 0, (0, 0)),
            State::Passing => (tags::PASSING, 0, (0, 0)),
            State::Length(length) => {
                let seconds = length.as_secs().cast_signed();
                (tags::LENGTH, seconds, (0, length.subsec_nanos()))
            }
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
            tags::PASSING => State::Passing,
            tags::LENGTH => State::Length(self.length()),
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
            State::Never | State::Passing | State::Length(_) | State::Over => None,
        }
    }

    /// Whether it has a timer of the loop that is this thread's, or has had when that fired.
    #[inline]
    pub(crate) fn is_here(&self) -> bool {
        ClockId::new(self.tag).is_some_and(driver::is_here)
    }

    /// Like polling it, but what is over at the first look is over at once: there is no pass of the
    /// loop to wait for.
    ///
    /// For combinators that have something else to look at first, and wait for it no longer than
    /// until a moment: theirs would be one pass late.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_time::{sleep, sleep_until};
    /// use std::task::{Context, Poll, Waker};
    ///
    /// let mut cx = Context::from_waker(Waker::noop());
    /// assert_eq!(sleep(0).poll_elapsed(&mut cx), Poll::Ready(()));
    /// assert_eq!(sleep_until(aioli_task::now()).poll_elapsed(&mut cx), Poll::Ready(()));
    /// assert_eq!(sleep(60).poll_elapsed(&mut cx), Poll::Pending);
    /// ```
    #[inline]
    pub fn poll_elapsed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.look(cx) {
            Looked::Pending => Poll::Pending,
            Looked::Over | Looked::Past => self.end(),
        }
    }

    /// Like polling it, for who has just looked at the clock and knows that its moment is still to
    /// come: the clock is not read once more.
    ///
    /// A moment that is past all the same ends with the next pass of the loop.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_time::sleep_until;
    /// use std::task::{Context, Poll, Waker};
    /// use std::time::Duration;
    ///
    /// let mut cx = Context::from_waker(Waker::noop());
    /// let now = aioli_task::now();
    /// let mut nap = sleep_until(now + Duration::from_secs(60));
    /// assert_eq!(nap.poll_upcoming(&mut cx), Poll::Pending);
    /// ```
    #[inline]
    pub fn poll_upcoming(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.tag != tags::MOMENT {
            return self.poll_elapsed(cx);
        }
        let moment = Moment::from_number(self.number);
        match self.wait(driver::add_upcoming(moment, cx.waker())) {
            Looked::Pending => Poll::Pending,
            Looked::Over | Looked::Past => self.end(),
        }
    }

    /// Takes the timer back, if there is one: a sleep that is not over will never end.
    ///
    /// As dropping it does, where it is to stay in its place.
    ///
    /// # Examples
    ///
    /// ```
    /// aioli_task::run(async {
    ///     let mut nap = aioli_time::sleep(3600);
    ///     assert!(futures::poll!(&mut nap).is_pending());
    ///     nap.cancel();
    ///     assert_eq!(aioli_time::stats().pending, 0);
    /// });
    /// ```
    #[inline]
    pub fn cancel(&mut self) {
        self.take_back();
        if self.tag != tags::OVER {
            self.tag = tags::NEVER;
        }
    }

    #[inline]
    fn take_back(&mut self) {
        // PERF: `timeout_ready`: one that has no timer costs no call.
        if self.tag < tags::OVER {
            self.remove_timer();
        }
    }

    // PERF: `timeout_yield`: the usual first poll is asked for first.
    #[inline(always)]
    fn look(&mut self, cx: &mut Context<'_>) -> Looked {
        match self.tag {
            tags::LENGTH => self.begin(cx),
            _ => self.look_again(cx),
        }
    }

    #[inline(never)]
    fn look_again(&mut self, cx: &mut Context<'_>) -> Looked {
        match self.state() {
            State::Length(_) => self.begin(cx),
            State::Waiting(clock, key, deadline) => match driver::poll(clock, key, cx.waker()) {
                driver::Poll::Waiting => Looked::Pending,
                driver::Poll::Fired => Looked::Over,
                // It goes on with the clock found here. Two virtual clocks have nothing in common
                // but the length that is left.
                driver::Poll::Lost(ended) => {
                    *self = Sleep::new(State::Length(deadline.since(ended)));
                    self.begin(cx)
                }
            },
            State::Moment(moment) => self.wait(driver::add_at(moment, cx.waker())),
            State::Over | State::Passing => Looked::Over,
            State::Never => Looked::Pending,
        }
    }

    /// The length, which it has, begins.
    #[inline(never)]
    fn begin(&mut self, cx: &mut Context<'_>) -> Looked {
        let length = self.length();
        if length.is_zero() {
            return Looked::Past;
        }
        // Three hundred years are for ever.
        let Some(length) = nanoseconds(length) else {
            return self.wait(Added::Never);
        };
        let wait = |clock, key, deadline| self.wait_for(clock, key, deadline);
        match driver::add_here_after(length, cx.waker(), wait) {
            AddedHere::Waiting => Looked::Pending,
            AddedHere::Never => self.wait(Added::Never),
            AddedHere::NoLoop => self.wait(driver::add_after(length, cx.waker())),
        }
    }

    /// A timer has been added.
    fn wait(&mut self, added: Added) -> Looked {
        match added {
            Added::Waiting(clock, key, deadline) => self.wait_for(clock, key, deadline),
            Added::Never => self.tag = tags::NEVER,
            Added::Past => return Looked::Past,
        }
        Looked::Pending
    }

    #[inline]
    fn wait_for(&mut self, clock: ClockId, key: Key, deadline: Moment) {
        self.number = deadline.number();
        (self.arrival, self.index) = key.parts();
        self.tag = clock.get();
    }

    /// Of one that has a length.
    #[inline]
    fn length(&self) -> Duration {
        // The nanoseconds were a duration's, and so less than a second.
        Duration::new(self.number.cast_unsigned(), self.index)
    }

    #[inline(never)]
    fn remove_timer(&mut self) {
        if let State::Waiting(clock, key, _) = self.state() {
            self.tag = tags::NEVER;
            driver::remove(clock, key);
        }
    }

    /// Waits for one pass of the loop.
    fn pass(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.tag = tags::PASSING;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    #[inline]
    fn end(&mut self) -> Poll<()> {
        self.tag = tags::OVER;
        Poll::Ready(())
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.look(cx) {
            Looked::Pending => Poll::Pending,
            Looked::Over => self.end(),
            Looked::Past => self.pass(cx),
        }
    }
}

impl Drop for Sleep {
    #[inline]
    fn drop(&mut self) {
        self.take_back();
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Sleep");
        match self.state() {
            State::Never => out.field("never", &true),
            State::Passing => out.field("passing", &true),
            State::Length(length) => out.field("length", &length),
            State::Moment(until) | State::Waiting(_, _, until) => {
                out.field("until", &until.instant())
            }
            State::Over => out.field("over", &true),
        };
        out.finish()
    }
}
