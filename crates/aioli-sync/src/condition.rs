//! Waiting for what a lock protects to change.

use super::lock::{Lock, LockGuard, Locking};
use super::raw_lock::RawLock;
use super::waiting::Waiting;
use crate::stats::ConditionStats;
use crate::wait::Wait;
use crate::wait_list::{Departed, WaitList};
use crate::wakers::Wakers;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Lets tasks wait until the value in a [`Lock`] has become what they need.
///
/// [`wait`](Self::wait) takes the guard, releases the lock while it waits, and returns a new
/// guard. So waiting without the lock cannot be written. A waiter that is cancelled has no
/// guard, and hence, unlike in asyncio, no lock to take again first.
///
/// To notify one need not hold the lock: who waits was in line before it released the lock,
/// so whoever changed the value since then finds it there.
///
/// A notification says that it is worth looking again, not that what one waits for is true;
/// [`wait_for`](Self::wait_for) does the looking.
///
/// # Examples
///
/// ```
/// use aioli_sync::{Condition, Lock};
/// use futures::{executor::block_on, join};
///
/// let stock = Lock::new(0);
/// let delivered = Condition::new();
/// let buyer = async {
///     let guard = stock.lock().await;
///     let mut guard = delivered.wait_for(guard, |stock| *stock >= 3).await;
///     *guard -= 3;
/// };
/// let supplier = async {
///     for _ in 0..5 {
///         *stock.lock().await += 1;
///         delivered.notify_all();
///     }
/// };
/// block_on(async { join!(buyer, supplier) });
/// assert_eq!(stock.into_inner(), 2);
/// ```
#[doc(alias = "asyncio.Condition")]
pub struct Condition {
    line: RawLock<Line>,
}

type Line = WaitList<(), ()>;

impl Condition {
    /// Creates a condition that nobody waits for.
    ///
    /// # Examples
    ///
    /// ```
    /// static CHANGED: aioli_sync::Condition = aioli_sync::Condition::new();
    /// assert_eq!(CHANGED.stats().waiting, 0);
    /// ```
    #[must_use]
    pub const fn new() -> Condition {
        Condition {
            line: RawLock::new(WaitList::new()),
        }
    }

    /// Releases the lock, waits for a notification, and waits for the lock again.
    ///
    /// # Cancel safety
    ///
    /// The guard is gone when the future is dropped, and the lock is free for others. A
    /// notification that it had received goes to the next in line.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::{Condition, Lock};
    /// use futures::join;
    ///
    /// # futures::executor::block_on(async {
    /// let lock = Lock::new(false);
    /// let changed = Condition::new();
    /// let wait = async { *changed.wait(lock.lock().await).await };
    /// let change = async {
    ///     *lock.lock().await = true;
    ///     changed.notify(1);
    /// };
    /// assert_eq!(join!(wait, change), (true, ()));
    /// # });
    /// ```
    #[doc(alias = "asyncio.Condition.wait")]
    pub fn wait<'a, 'l, T: ?Sized>(&'a self, guard: LockGuard<'l, T>) -> ConditionWait<'a, 'l, T> {
        ConditionWait {
            condition: self,
            lock: guard.source(),
            stage: Stage::Notification {
                guard: Some(guard),
                waiting: Waiting::new(&self.line, Waits),
            },
        }
    }

    /// Waits until `until` is true of the value, looking now and after each notification.
    ///
    /// # Cancel safety
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_sync::{Condition, Lock};
    ///
    /// # futures::executor::block_on(async {
    /// let lock = Lock::new(3);
    /// let changed = Condition::new();
    /// let guard = changed.wait_for(lock.lock().await, |value| *value == 3).await;
    /// assert_eq!(*guard, 3);
    /// # });
    /// ```
    #[doc(alias = "asyncio.Condition.wait_for")]
    pub async fn wait_for<'l, T: ?Sized>(
        &self,
        mut guard: LockGuard<'l, T>,
        mut until: impl FnMut(&mut T) -> bool,
    ) -> LockGuard<'l, T> {
        while !until(&mut guard) {
            guard = self.wait(guard).await;
        }
        guard
    }

    /// Notifies the first `n` of those who wait, or all if they are fewer.
    ///
    /// They then wait for the lock, in the order in which they run.
    ///
    /// # Examples
    ///
    /// ```
    /// let condition = aioli_sync::Condition::new();
    /// condition.notify(1); // nobody waits: it is as if nothing had happened
    /// assert_eq!(condition.stats().waiting, 0);
    /// ```
    #[doc(alias = "asyncio.Condition.notify")]
    pub fn notify(&self, n: usize) {
        self.line.with(|line, wakers| {
            for _ in 0..n {
                if !line.grant_first((), wakers) {
                    break;
                }
            }
        });
    }

    /// Notifies everybody who waits.
    ///
    /// # Examples
    ///
    /// ```
    /// aioli_sync::Condition::new().notify_all();
    /// ```
    #[doc(alias = "asyncio.Condition.notify_all")]
    pub fn notify_all(&self) {
        self.line.with(|line, wakers| line.grant_all(|| (), wakers));
    }

    /// A look at the line.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(aioli_sync::Condition::new().stats().waiting, 0);
    /// ```
    #[must_use]
    pub fn stats(&self) -> ConditionStats {
        ConditionStats {
            waiting: self.line.read(WaitList::len),
        }
    }
}

impl Default for Condition {
    fn default() -> Condition {
        Condition::new()
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition")
            .field("waiting", &self.stats().waiting)
            .finish()
    }
}

/// Waiting for a notification.
struct Waits;

impl Wait for Waits {
    type State = Line;
    type Want = ();
    type Grant = ();
    type Output = ();

    fn line(state: &mut Line) -> &mut Line {
        state
    }

    fn begin(&mut self, _: &mut Line, _: &mut Wakers) -> Result<(), ()> {
        Err(())
    }

    fn finish(&mut self, (): (), _: &mut Line, _: &mut Wakers) {}

    fn abandon(&self, departed: Departed<()>, line: &mut Line, wakers: &mut Wakers) {
        if let Departed::Granted(()) = departed {
            line.grant_first((), wakers);
        }
    }
}

/// The future of [`Condition::wait`].
///
/// ```text
/// Notification { guard: Some } ──▶ Notification { guard: None } ──▶ Relock ──▶ Done
///             1 in line, lock released              2 notified     3 lock granted
/// ```
#[must_use = "futures do nothing unless they are awaited"]
pub struct ConditionWait<'a, 'l, T: ?Sized> {
    condition: &'a Condition,
    lock: &'l Lock<T>,
    stage: Stage<'a, 'l, T>,
}

enum Stage<'a, 'l, T: ?Sized> {
    Notification {
        /// Here until we are in line: a lock released earlier could let a change slip by.
        guard: Option<LockGuard<'l, T>>,
        waiting: Waiting<'a, Waits>,
    },
    /// Notified. Until we have the lock the notification may still be another's.
    Relock(Locking<'l, T>),
    Done,
}

impl<'l, T: ?Sized> Future for ConditionWait<'_, 'l, T> {
    type Output = LockGuard<'l, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<LockGuard<'l, T>> {
        if let Stage::Notification { guard, waiting } = &mut self.stage {
            let polled = Pin::new(&mut *waiting).poll(cx);
            if waiting.is_queued() {
                *guard = None;
            }
            ready!(polled);
            self.stage = Stage::Relock(self.lock.lock());
        }
        let Stage::Relock(locking) = &mut self.stage else {
            panic!("a future of aioli-sync was polled after it had completed");
        };
        let guard = ready!(Pin::new(locking).poll(cx));
        self.stage = Stage::Done;
        Poll::Ready(guard)
    }
}

impl<T: ?Sized> Drop for ConditionWait<'_, '_, T> {
    fn drop(&mut self) {
        if let Stage::Relock(_) = self.stage {
            self.condition.notify(1);
        }
    }
}

impl<T: ?Sized> fmt::Debug for ConditionWait<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match &self.stage {
            Stage::Notification { waiting, .. } => waiting.stage_name(),
            Stage::Relock(_) => "taking the lock again",
            Stage::Done => "done",
        };
        f.debug_tuple("ConditionWait").field(&stage).finish()
    }
}
