//! What a loop offers to the crates above: typed slots, one parker, one deadline source.
//!
//! `aioli-task` knows neither timers nor sockets. A crate that does installs itself on the
//! loop at hand when it is first used: it makes its state with [`Home::slot`], and becomes the
//! loop's [`Park`] or [`DeadlineSource`]. Nobody has to wire anything up.

use std::any::{Any, TypeId};
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::background;
pub use crate::blocking::run_detached;
use crate::event_loop::local;
use crate::event_loop::{LoopHandle, Shared};
pub use crate::exact_waits::ExactWaits;
pub use crate::ticks::Ticks;

/// How a loop waits when it has nothing to run, and looks for events when it has.
///
/// Only the loop's own thread calls [`poll`](Park::poll) and [`park`](Park::park).
pub trait Park: Send + Sync {
    /// Collects what has become ready, waking its waiters. Never waits.
    fn poll(&self);

    /// As [`poll`](Park::poll), between two entries of a long pass, of which this many have run since
    /// the last look. A parker may put it off while what it has reported before is still to run.
    fn glance(&self, entries: usize) {
        let _ = entries;
        self.poll();
    }

    /// Waits until an event, an [`unpark`](Park::unpark) or the end of `timeout`; `None` has no end.
    fn park(&self, timeout: Option<Duration>);

    /// Ends the current `park`, or the next one if there is none now.
    fn unpark(&self);

    /// The loop has ended: nobody will poll any more, and waiters must be told so.
    fn close(&self) {}
}

/// Where a loop's timers live.
pub trait DeadlineSource: Send + Sync {
    /// The earliest time at which [`expire`](DeadlineSource::expire) has something to do.
    fn next_deadline(&self) -> Option<Instant>;

    /// Wakes everything that is due at `now`, in order.
    fn expire(&self, now: Instant);

    /// The loop has ended: nobody will expire any more, and waiters must be told so.
    fn close(&self) {}
}

/// Calls `f` with the `T` that this thread's loop keeps for its own thread; see [`set_local`].
///
/// `None`: no loop runs here, or it has none. This is the shortest way to a driver's state, without a
/// lock and without a count of references.
///
/// # Examples
///
/// ```
/// use aioli_task::driver::{set_local, with_local};
/// use std::cell::Cell;
///
/// struct Hits(Cell<u32>);
/// assert!(with_local(|_: &Hits| ()).is_none());
/// aioli_task::run(async {
///     set_local(Hits(Cell::new(1)));
///     assert_eq!(with_local(|hits: &Hits| hits.0.get()), Some(1));
/// });
/// ```
#[inline]
pub fn with_local<T: 'static, R>(f: impl FnOnce(&T) -> R) -> Option<R> {
    local::with(|local| local.locals.get().map(f)).flatten()
}

/// Keeps `value` with this thread's loop, unless that has a `T` already or no loop runs here. Returns
/// whether it is kept.
///
/// It is dropped with the loop, after its tasks and its [slots](Home::slot), and need not be `Send`.
/// Until then it is there, also while the loop ends.
///
/// # Examples
///
/// ```
/// use aioli_task::driver::{set_local, with_local};
///
/// assert!(!set_local(1_u8), "no loop runs here");
/// aioli_task::run(async {
///     assert!(set_local(1_u8));
///     assert!(!set_local(2_u8), "there is one already");
///     assert_eq!(with_local(|kept: &u8| *kept), Some(1));
/// });
/// ```
pub fn set_local<T: 'static>(value: T) -> bool {
    local::with(|local| local.locals.set(value)).unwrap_or(false)
}

/// A loop, as the crates above see it; cheap to clone, and usable from every thread.
///
/// # Examples
///
/// ```
/// use aioli_task::driver::Home;
///
/// struct Hits;
/// let home = Home::current(); // no loop runs on this thread: the background loop
/// let one = home.slot(|| Hits);
/// let same = home.slot(|| -> Hits { unreachable!("one `Hits` a loop") });
/// assert!(std::sync::Arc::ptr_eq(&one, &same));
/// ```
#[derive(Clone)]
pub struct Home(pub(crate) Arc<Shared>);

impl Home {
    /// The loop of this thread, else the process's background loop, which starts on first use.
    pub fn current() -> Home {
        Home::try_current().unwrap_or_else(background::home)
    }

    /// The loop of this thread, if one runs here.
    pub fn try_current() -> Option<Home> {
        local::shared().map(Home)
    }

    /// What spawns and calls on this loop from other threads.
    pub fn handle(&self) -> LoopHandle {
        LoopHandle(self.0.clone())
    }

    /// This loop's `T`, made by `init` when it has none yet.
    ///
    /// Slots are dropped after the loop's last task, the last installed first. `init` must not
    /// ask for slots of the same loop.
    pub fn slot<T: Send + Sync + 'static>(&self, init: impl FnOnce() -> T) -> Arc<T> {
        match self.try_slot(|| Ok::<T, Infallible>(init())) {
            Ok(slot) => slot,
            Err(never) => match never {},
        }
    }

    /// Like [`slot`](Home::slot), for state whose making can fail.
    ///
    /// # Errors
    ///
    /// The error of `init`; the slot stays empty.
    pub fn try_slot<T: Send + Sync + 'static, E>(
        &self,
        init: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let mut slots = self.0.slots();
        let found = slots.iter().find(|(id, _)| *id == TypeId::of::<T>());
        let any: Arc<dyn Any + Send + Sync> = match found {
            Some((_, slot)) => slot.clone(),
            None => {
                let slot = Arc::new(init()?);
                slots.push((TypeId::of::<T>(), slot.clone()));
                return Ok(slot);
            }
        };
        drop(slots);
        Ok(any
            .downcast()
            .unwrap_or_else(|_| unreachable!("a slot is stored under its own type")))
    }

    /// Makes `parker` what this loop waits in, from now on.
    pub fn set_parker(&self, parker: Arc<dyn Park>) {
        self.0.mailbox.set_parker(parker);
    }

    /// Makes `source` what tells this loop how long it may wait.
    pub fn set_deadline_source(&self, source: Arc<dyn DeadlineSource>) {
        self.0.set_deadline_source(source);
    }

    /// The time on this loop's clock.
    #[inline]
    pub fn now(&self) -> Instant {
        self.0.clock.now()
    }

    /// Whether that clock is a virtual one.
    pub fn has_virtual_clock(&self) -> bool {
        self.0.clock.is_virtual()
    }

    /// Whether this is the loop of the calling thread.
    #[inline]
    pub fn is_current(&self) -> bool {
        local::is_current(&self.0)
    }

    /// Whether the loop has ended.
    pub fn is_closed(&self) -> bool {
        self.0.mailbox.is_closed()
    }

    /// Makes the loop look at its deadlines and its inbox again, if it is waiting.
    pub fn unpark(&self) {
        self.0.mailbox.unpark();
    }

    /// Declares real work in flight: a virtual clock does not jump, and the end of `run` waits
    /// (for a bounded time), while the returned guard lives.
    #[must_use = "the work counts as in flight only while the guard lives"]
    pub fn hold(&self) -> Hold {
        self.0.holds.fetch_add(1, Ordering::SeqCst);
        Hold(self.0.clone())
    }
}

impl PartialEq for Home {
    fn eq(&self, other: &Home) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Home {}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Home")
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// Real work in flight on behalf of a loop; see [`Home::hold`].
pub struct Hold(Arc<Shared>);

impl Drop for Hold {
    fn drop(&mut self) {
        if self.0.holds.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.mailbox.unpark();
        }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}
