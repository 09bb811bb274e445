//! A wake-up call that is not lost when nobody waits for it yet.

use super::raw_lock::RawLock;
use super::waiting::Waiting;
use crate::stats::NotifyStats;
use crate::wait::Wait;
use crate::wait_list::{Departed, WaitList};
use crate::wakers::Wakers;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Tells one task, or all that wait, that it is worth looking again.
///
/// [`notify_one`](Self::notify_one) wakes the one that has waited longest. If nobody waits it
/// leaves a permit, one at most, with which the next [`notified`](Self::notified) completes at
/// once. So whoever looks, finds nothing and then waits misses nothing that came in between.
///
/// An [`Event`](super::Event) stays set for everybody until it is cleared; this is used up by
/// one. For a value under a lock a [`Condition`](super::Condition) is the better choice.
///
/// # Examples
///
/// ```
/// use aioli_sync::Notify;
/// use futures::{executor::block_on, join};
/// use std::sync::Mutex;
///
/// let (jobs, added) = (Mutex::new(Vec::new()), Notify::new());
/// let worker = async {
///     loop {
///         if let Some(job) = jobs.lock().unwrap().pop() {
///             break job;
///         }
///         added.notified().await;
///     }
/// };
/// let client = async {
///     jobs.lock().unwrap().push("mail");
///     added.notify_one();
/// };
/// assert_eq!(block_on(async { join!(worker, client) }).0, "mail");
/// ```
pub struct Notify {
    state: RawLock<State>,
}

struct State {
    /// INVARIANT: set only while nobody is in line.
    permit: bool,
    /// How often everybody was notified: a future that was made before counts as one that waits.
    rounds: u64,
    line: WaitList<(), By>,
}

/// What a waiter was notified by.
enum By {
    One,
    All,
}

impl State {
    fn notify_one(&mut self, wakers: &mut Wakers) {
        if !self.line.grant_first(By::One, wakers) {
            self.permit = true;
        }
    }
}

impl Notify {
    /// Creates one without a permit.
    ///
    /// # Examples
    ///
    /// ```
    /// static ADDED: aioli_sync::Notify = aioli_sync::Notify::new();
    /// assert!(!ADDED.stats().permit);
    /// ```
    #[must_use]
    pub const fn new() -> Notify {
        Notify {
            state: RawLock::new(State {
                permit: false,
                rounds: 0,
                line: WaitList::new(),
            }),
        }
    }

    /// Waits to be notified.
    ///
    /// The future is told of every [`notify_waiters`](Self::notify_waiters) from now on, even
    /// before it is first polled; for its place in line that first poll counts.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line. What [`notify_one`](Self::notify_one)
    /// had just told it is told to the next in line, or left as the permit.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let notify = aioli_sync::Notify::new();
    /// let notified = notify.notified();
    /// notify.notify_waiters();
    /// notified.await;
    /// # });
    /// ```
    pub fn notified(&self) -> Notified<'_> {
        let rounds = self.state.read(|state| state.rounds);
        Notified(Waiting::new(&self.state, Listening { rounds }))
    }

    /// Wakes the first in line, or leaves a permit if nobody is.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let notify = aioli_sync::Notify::new();
    /// notify.notify_one();
    /// notify.notify_one(); // the permit was there already
    /// notify.notified().await;
    /// assert!(!notify.stats().permit);
    /// # });
    /// ```
    pub fn notify_one(&self) {
        self.state.with(State::notify_one);
    }

    /// Wakes everybody who waits, in order, and leaves no permit.
    ///
    /// # Examples
    ///
    /// ```
    /// let notify = aioli_sync::Notify::new();
    /// notify.notify_waiters();
    /// assert!(!notify.stats().permit);
    /// ```
    pub fn notify_waiters(&self) {
        self.state.with(|state, wakers| {
            state.rounds += 1;
            state.line.grant_all(|| By::All, wakers);
        });
    }

    /// A look at the permit and at the line.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(aioli_sync::Notify::new().stats().waiting, 0);
    /// ```
    #[must_use]
    pub fn stats(&self) -> NotifyStats {
        self.state.read(|state| NotifyStats {
            permit: state.permit,
            waiting: state.line.len(),
        })
    }
}

impl Default for Notify {
    fn default() -> Notify {
        Notify::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.stats();
        f.debug_struct("Notify")
            .field("permit", &stats.permit)
            .field("waiting", &stats.waiting)
            .finish()
    }
}

/// Waiting to be notified, since everybody was for the time `rounds`.
struct Listening {
    rounds: u64,
}

impl Wait for Listening {
    type State = State;
    type Want = ();
    type Grant = By;
    type Output = ();

    fn line(state: &mut State) -> &mut WaitList<(), By> {
        &mut state.line
    }

    fn begin(&mut self, state: &mut State, _: &mut Wakers) -> Result<(), ()> {
        if state.rounds != self.rounds || std::mem::take(&mut state.permit) {
            Ok(())
        } else {
            Err(())
        }
    }

    fn finish(&mut self, _: By, _: &mut State, _: &mut Wakers) {}

    fn abandon(&self, departed: Departed<By>, state: &mut State, wakers: &mut Wakers) {
        if let Departed::Granted(By::One) = departed {
            state.notify_one(wakers);
        }
    }
}

/// The future of [`Notify::notified`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Notified<'a>(Waiting<'a, Listening>);

impl Future for Notified<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl fmt::Debug for Notified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Notified")
            .field(&self.0.stage_name())
            .finish()
    }
}
