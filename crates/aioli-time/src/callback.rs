//! Callbacks that run later: asyncio's `call_later` and `call_at`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use aioli_task::{Seconds, copy_context};

use crate::callbacks;
use crate::driver::{self, Clock};
use crate::moment::Moment;
use crate::timers::Key;

/// Calls `f` on this thread's loop after a length of time.
///
/// The callback runs in the pass in which the time is over, among sleeping tasks that are due then
/// in the order in which their timers were set, with the context variables as they are now. A panic
/// of `f` is reported, and the loop goes on.
/// An infinite length never calls.
///
/// # Panics
///
/// When no loop runs on this thread, and when the number of seconds is NaN.
///
/// # Examples
///
/// ```
/// use std::{cell::Cell, rc::Rc, time::Duration};
///
/// aioli_task::run(async {
///     let rang = Rc::new(Cell::new(false));
///     let bell = rang.clone();
///     aioli_time::call_later(Duration::from_millis(1), move || bell.set(true));
///     aioli_time::sleep(Duration::from_millis(2)).await;
///     assert!(rang.get());
/// });
/// ```
#[doc(alias = "asyncio.loop.call_later")]
pub fn call_later(length: impl Seconds, f: impl FnOnce() + 'static) -> TimerHandle {
    let length = length.into_duration();
    let clock = here();
    let moment = length.and_then(|length| clock.begin().after(length));
    schedule(&clock, moment, f)
}

/// Calls `f` on this thread's loop at a moment of its clock, or in the next pass when it is past.
///
/// Like [`call_later`] otherwise.
///
/// # Panics
///
/// When no loop runs on this thread.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let moment = aioli_task::now() + Duration::from_secs(60);
///     let handle = aioli_time::call_at(moment, || unreachable!("it is cancelled"));
///     assert_eq!(handle.when(), Some(moment));
///     assert!(handle.cancel());
/// });
/// ```
#[doc(alias = "asyncio.loop.call_at")]
pub fn call_at(moment: Instant, f: impl FnOnce() + 'static) -> TimerHandle {
    schedule(&here(), Some(Moment::of(moment)), f)
}

fn here() -> Arc<Clock> {
    driver::try_current().expect("call_later and call_at need a running loop on this thread")
}

fn schedule(clock: &Clock, moment: Option<Moment>, f: impl FnOnce() + 'static) -> TimerHandle {
    let state = Arc::new(State::default());
    let timer = moment.map(|moment| {
        let state = state.clone();
        let mut context = copy_context();
        let callback = Box::new(move || {
            if !state.is_over.swap(true, Ordering::AcqRel) {
                context.run(f);
            }
        });
        if moment <= clock.now() {
            clock.hurry();
        }
        let (number, waker) = callbacks::keep(clock.id(), callback);
        let key = clock.insert(moment, waker).ok();
        if key.is_none() {
            // A loop that has just ended will call nothing any more.
            callbacks::forget(number);
        }
        Timer {
            when: moment.instant(),
            key,
            clock: clock.id(),
            number,
        }
    });
    TimerHandle { state, timer }
}

#[derive(Default)]
struct State {
    /// Whether the callback has been called or cancelled.
    is_over: AtomicBool,
}

struct Timer {
    clock: driver::ClockId,
    when: Instant,
    key: Option<Key>,
    number: u64,
}

/// A callback that waits for its time; dropping the handle changes nothing.
#[doc(alias = "asyncio.TimerHandle")]
pub struct TimerHandle {
    state: Arc<State>,
    timer: Option<Timer>,
}

impl TimerHandle {
    /// Takes the callback back. Returns whether it had still to be called.
    ///
    /// On another thread than the loop's, the callback itself is dropped at its time.
    #[doc(alias = "asyncio.TimerHandle.cancel")]
    pub fn cancel(&self) -> bool {
        let was_pending = !self.state.is_over.swap(true, Ordering::AcqRel);
        if let Some(timer) = self.timer.as_ref().filter(|_| was_pending)
            && callbacks::forget(timer.number)
            && let Some(key) = timer.key
        {
            driver::remove(timer.clock, key);
        }
        was_pending
    }

    /// The moment it is set for; `None` is never.
    #[doc(alias = "asyncio.TimerHandle.when")]
    #[must_use]
    pub fn when(&self) -> Option<Instant> {
        self.timer.as_ref().map(|timer| timer.when)
    }

    /// Whether the callback has neither been called nor cancelled.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        !self.state.is_over.load(Ordering::Acquire)
    }
}

impl fmt::Debug for TimerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimerHandle")
            .field("when", &self.when())
            .field("pending", &self.is_pending())
            .finish()
    }
}
