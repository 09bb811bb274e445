//! The cooperative budget: how many ready operations one poll of a task may have.
//!
//! A queue that is never empty is always ready, and a task that loops over it never returns
//! to its executor: everything else on that thread starves. So each ready operation of this
//! crate spends one unit of a budget that belongs to the thread. Once it is spent, the next
//! operation wakes its own task and returns `Pending`, without queueing as a waiter and
//! without taking anything: the task goes to the end of the line and continues there.
//!
//! The budget is unlimited until somebody limits it. A loop that wants the protection calls
//! [`refill`] before it polls a task and [`unlimited`] when it is done with its tasks; under
//! an executor that knows nothing of this the budget costs one thread-local read.
//!
//! ```text
//!             refill(n)                       poll_proceed: n -= 1
//!  unlimited ───────────▶ limited(n > 0) ◀───────────────┐
//!      ▲                    │   │  ▲ └───────────────────┘
//!      └──── unlimited() ───┘   │  └── refund: n += 1
//!                               ▼
//!                           limited(0)      poll_proceed: wake the task, Pending
//! ```

use std::cell::Cell;
use std::task::{Context, Poll};

/// The value of [`LEFT`] that stands for "no limit". It is counted down like any other, which would
/// take centuries, so all that is too large for a limit stands for it.
const UNLIMITED: u64 = u64::MAX / 2;

thread_local! {
    /// Ready operations that the running poll may still have.
    static LEFT: Cell<u64> = const { Cell::new(UNLIMITED) };
}

/// Allows the next poll on this thread `operations` ready operations.
///
/// # Examples
///
/// ```
/// use aioli_sync::budget;
///
/// budget::refill(128);
/// assert_eq!(budget::remaining(), Some(128));
/// budget::unlimited();
/// ```
#[inline]
pub fn refill(operations: u32) {
    LEFT.with(|left| left.set(operations.into()));
}

/// Lifts the limit on this thread, for instance because its loop has ended.
///
/// # Examples
///
/// ```
/// use aioli_sync::budget;
///
/// budget::unlimited();
/// assert_eq!(budget::remaining(), None);
/// ```
#[inline]
pub fn unlimited() {
    LEFT.with(|left| left.set(UNLIMITED));
}

/// How many ready operations are left, or `None` where there is no limit.
///
/// A loop that runs inside a poll of another one saves this and restores it with
/// [`refill`] or [`unlimited`].
///
/// # Examples
///
/// ```
/// assert_eq!(aioli_sync::budget::remaining(), None);
/// ```
#[must_use]
pub fn remaining() -> Option<u32> {
    u32::try_from(LEFT.get()).ok()
}

/// Spends one unit, or wakes the task and returns `Pending` when none is left.
///
/// For authors of primitives: call this before looking whether the operation is ready. An
/// operation that then turns out to be pending gives its unit back with [`refund`], so that
/// waiting on many things at once costs nothing.
///
/// # Examples
///
/// ```
/// use aioli_sync::budget;
/// use std::task::{Context, Poll, Waker};
///
/// let mut cx = Context::from_waker(Waker::noop());
/// budget::refill(1);
/// assert_eq!(budget::poll_proceed(&mut cx), Poll::Ready(()));
/// assert_eq!(budget::poll_proceed(&mut cx), Poll::Pending);
/// budget::unlimited();
/// ```
#[inline]
pub fn poll_proceed(cx: &mut Context<'_>) -> Poll<()> {
    LEFT.with(|left| match left.get() {
        0 => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        n => {
            left.set(n - 1);
            Poll::Ready(())
        }
    })
}

/// Gives back the unit that [`poll_proceed`] spent on an operation that was not ready.
///
/// # Examples
///
/// ```
/// use aioli_sync::budget;
/// use std::task::{Context, Waker};
///
/// budget::refill(7);
/// let _ = budget::poll_proceed(&mut Context::from_waker(Waker::noop()));
/// budget::refund();
/// assert_eq!(budget::remaining(), Some(7));
/// budget::unlimited();
/// ```
#[inline]
pub fn refund() {
    LEFT.with(|left| left.set(left.get() + 1));
}
