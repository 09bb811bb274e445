//! What a test does to the clock of its loop, and how it waits until nothing can run.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::event_loop::quiet::Entry;
use crate::event_loop::{Shared, local};
use crate::seconds::Seconds;

/// Moves the virtual clock of this thread's loop on; what is due then runs in the next pass.
///
/// # Panics
///
/// When no loop with a virtual clock runs on this thread, when the number of seconds is NaN, and
/// when the length is infinite.
///
/// # Examples
///
/// ```
/// use aioli_task::{Runner, testing::advance, time};
///
/// let mut runner = Runner::builder().virtual_clock().build();
/// runner.run(async {
///     advance(90);
///     assert_eq!(time(), 90.0);
/// }).unwrap();
/// ```
#[doc(alias = "trio.testing.MockClock.jump")]
pub fn advance(length: impl Seconds) {
    let shared = with_virtual_clock();
    let end = length
        .into_duration()
        .and_then(|length| shared.clock.now().checked_add(length));
    let end = end.expect("a clock cannot be moved on for ever");
    shared.clock.advance_to(end);
}

/// Lets the virtual clock of this thread's loop go `rate` seconds in a real second; zero stops it.
///
/// # Panics
///
/// When no loop with a virtual clock runs on this thread, and when the rate is negative, infinite
/// or NaN.
///
/// # Examples
///
/// ```
/// use aioli_task::{Runner, testing::set_rate, time};
///
/// let mut runner = Runner::builder().virtual_clock().build();
/// runner.run(async {
///     set_rate(1000.0);
///     while time() < 1.0 {} // a real millisecond
/// }).unwrap();
/// ```
#[doc(alias = "trio.testing.MockClock.rate")]
pub fn set_rate(rate: f64) {
    check_rate(rate);
    with_virtual_clock().clock.set_rate(rate);
}

/// Panics on what is no rate.
pub(crate) fn check_rate(rate: f64) {
    assert!(
        rate.is_finite() && rate >= 0.0,
        "a clock runs forwards, at a finite rate"
    );
}

fn with_virtual_clock() -> Arc<Shared> {
    local::shared()
        .filter(|shared| shared.clock.is_virtual())
        .expect("no loop with a virtual clock runs on this thread")
}

/// Waits until no task of this thread's loop can run: each waits for a time, for I/O or for another
/// thread. On a virtual clock this comes before the jump to the next deadline.
///
/// Several that wait are woken together.
///
/// # Cancel safety
///
/// Dropping the future ends the wait; nothing remains.
///
/// # Panics
///
/// When it is first polled and no loop runs on this thread.
///
/// # Examples
///
/// ```
/// use aioli_task::{Runner, spawn, testing::wait_all_tasks_blocked, yield_now};
///
/// let mut runner = Runner::builder().virtual_clock().build();
/// runner.run(async {
///     let busy = spawn(async {
///         for _ in 0..10 {
///             yield_now().await;
///         }
///     });
///     wait_all_tasks_blocked().await;
///     assert!(busy.is_done());
/// }).unwrap();
/// ```
#[doc(alias = "trio.testing.wait_all_tasks_blocked")]
#[doc(alias = "anyio.wait_all_tasks_blocked")]
pub fn wait_all_tasks_blocked() -> AllTasksBlocked {
    AllTasksBlocked {
        cushion: Duration::ZERO,
        begun: None,
    }
}

/// The future of [`wait_all_tasks_blocked`].
#[must_use = "futures do nothing unless awaited"]
pub struct AllTasksBlocked {
    cushion: Duration,
    begun: Option<(Arc<Shared>, Arc<Entry>)>,
}

impl AllTasksBlocked {
    /// Waits until nothing has run for a while in real time, whatever clock the loop has: for tests
    /// of what other threads or other processes do. An infinite length waits for the rest of the
    /// test.
    ///
    /// Of several that wait, those with the shortest cushion are woken first.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the wait; nothing remains.
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_task::{LoopHandle, run, testing::wait_all_tasks_blocked};
    /// use std::{thread, time::Duration};
    ///
    /// run(async {
    ///     let home = LoopHandle::current();
    ///     let echo = thread::spawn(move || home.call_soon(|| println!("from a thread")));
    ///     wait_all_tasks_blocked().cushion(Duration::from_millis(10)).await;
    ///     echo.join().expect("the thread is done").expect("the loop runs");
    /// });
    /// ```
    pub fn cushion(mut self, length: impl Seconds) -> AllTasksBlocked {
        self.cushion = length.into_duration().unwrap_or(Duration::MAX);
        self
    }
}

impl Future for AllTasksBlocked {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &self.begun {
            None => {
                let shared = local::shared().expect("no loop runs on this thread");
                let entry = shared.quiet.wait(self.cushion, cx.waker());
                self.begun = Some((shared, entry));
                Poll::Pending
            }
            Some((_, entry)) if entry.is_over() => Poll::Ready(()),
            Some((_, entry)) => {
                entry.set_waker(cx.waker());
                Poll::Pending
            }
        }
    }
}

impl Drop for AllTasksBlocked {
    fn drop(&mut self) {
        if let Some((shared, entry)) = &self.begun
            && !entry.is_over()
        {
            shared.quiet.forget(entry);
        }
    }
}

impl fmt::Debug for AllTasksBlocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllTasksBlocked")
            .field("cushion", &self.cushion)
            .field("begun", &self.begun.is_some())
            .finish()
    }
}
