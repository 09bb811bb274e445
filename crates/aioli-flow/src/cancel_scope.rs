//! Cancel scopes: what runs inside is cancelled at every suspension until the scope is left.
//!
//! `state.rs` is what the handles of a scope share, `drive.rs` runs a body inside one, and
//! `chain.rs` knows which scopes are around the code that runs.

mod chain;
mod drive;
mod state;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use aioli_task::{Reason, ReasonKind, Seconds, yield_now};
use aioli_time::Deadline;

use self::chain::Chain;
use self::drive::Running;
use self::state::Shared;

/// A part of a task that can be cancelled as a whole, by a deadline or by anybody with a handle.
///
/// [`run`](CancelScope::run) runs a future inside the scope, and resolves to `None` if the scope
/// was cancelled and that ended the future. Clones are handles of the same scope, to be used from
/// inside, from other tasks and from other threads.
///
/// A scope is **level-triggered**, as in trio, whereas [`timeout`](crate::timeout()),
/// [`TaskGroup`](crate::TaskGroup) and `Task::cancel` ask once, as asyncio does: code in a
/// cancelled scope that takes the cancellation with `catch` and awaits again is cancelled again,
/// at every suspension until the scope is left. (Of several branches inside, one that is done with
/// its request is asked again when all are.) Clean-up that has to await goes into
/// [`with`](crate::with()), [`finally`](crate::finally), `shield`, or a scope whose
/// [shield](CancelScope::set_shield) is up. Who holds a request of somebody else over such an
/// `await` keeps it with `Cancelled::keep`.
///
/// A cancelled scope lets its future run up to the first suspension, so one that never suspends is
/// not cancelled. Of several scopes that are cancelled, the outermost one ends what is in it; a
/// scope never takes a request that is not its own. Tasks that are spawned inside are not in the
/// scope: a task group is, and cancels its children.
///
/// # Examples
///
/// ```
/// use aioli_flow::CancelScope;
/// use aioli_time::sleep;
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let scope = CancelScope::after(Duration::from_millis(1));
///     let work = async {
///         scope.set_deadline(None); // on second thoughts
///         sleep(Duration::from_millis(5)).await;
///         scope.cancel();
///         sleep(Duration::from_secs(3600)).await;
///     };
///     assert_eq!(scope.run(work).await, None);
///     assert!(scope.cancelled_caught());
/// });
/// ```
///
/// A scope that another task cancels:
///
/// ```
/// use aioli_flow::CancelScope;
///
/// aioli_task::run(async {
///     let scope = CancelScope::new();
///     let stop = scope.clone();
///     let task = aioli_task::spawn(scope.run(std::future::pending::<()>()));
///     stop.cancel();
///     assert_eq!(task.await, None);
/// });
/// ```
#[doc(alias = "trio.CancelScope")]
#[doc(alias = "anyio.CancelScope")]
#[doc(alias = "CancellationToken")]
#[derive(Clone)]
pub struct CancelScope(Arc<Shared>);

impl CancelScope {
    /// A scope without a deadline.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_flow::CancelScope;
    ///
    /// let scope = CancelScope::new();
    /// assert_eq!((scope.deadline(), scope.cancel_called()), (None, false));
    /// ```
    #[must_use]
    pub fn new() -> CancelScope {
        CancelScope::until(Deadline::NEVER)
    }

    /// A scope that is cancelled when a length of time is over, from now on.
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_flow::CancelScope;
    /// use std::time::Duration;
    ///
    /// aioli_task::run(async {
    ///     let scope = CancelScope::after(Duration::from_millis(1));
    ///     assert_eq!(scope.run(std::future::pending::<()>()).await, None);
    /// });
    /// ```
    #[doc(alias = "trio.move_on_after")]
    #[doc(alias = "anyio.move_on_after")]
    #[must_use]
    pub fn after(length: impl Seconds) -> CancelScope {
        CancelScope::until(Deadline::after(length))
    }

    /// A scope that is cancelled at a moment on the loop's clock.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_flow::CancelScope;
    ///
    /// aioli_task::run(async {
    ///     let now = aioli_task::now();
    ///     assert!(CancelScope::until(now).cancel_called());
    /// });
    /// ```
    #[doc(alias = "trio.move_on_at")]
    #[must_use]
    pub fn until(deadline: impl Into<Deadline>) -> CancelScope {
        CancelScope(Arc::new(Shared::new(deadline.into())))
    }

    /// Runs `f` inside the scope: its value, or `None` if the scope's cancellation ended it.
    ///
    /// A scope is entered once, by this call. It is left when the returned future is done or
    /// dropped, so that scopes cannot be left out of order.
    ///
    /// # Cancel safety
    ///
    /// A request to cancel goes to `f`, or waits while the scope's shield is up. Dropping the
    /// returned future drops `f` and leaves the scope.
    ///
    /// # Panics
    ///
    /// When the scope has been entered before, and when `f` panics.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_flow::{CancelScope, checkpoint};
    ///
    /// aioli_task::run(async {
    ///     let scope = CancelScope::new();
    ///     scope.cancel();
    ///     assert_eq!(scope.run(async { 1 }).await, Some(1)); // no suspension
    ///
    ///     let scope = CancelScope::new();
    ///     scope.cancel();
    ///     assert_eq!(scope.run(checkpoint()).await, None);
    /// });
    /// ```
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn run<F: Future>(&self, f: F) -> impl Future<Output = Option<F::Output>> + use<F> {
        assert!(
            self.0.enter(),
            "a cancel scope is entered once; make another one"
        );
        Running::new(self.clone(), f)
    }

    /// Cancels what runs inside: at its current suspension, and at every later one.
    ///
    /// A scope that has not been entered yet is cancelled as soon as it is. The first cause stays.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_flow::CancelScope;
    ///
    /// let scope = CancelScope::new();
    /// std::thread::scope(|threads| {
    ///     threads.spawn(|| scope.cancel());
    /// });
    /// assert!(scope.cancel_called());
    /// ```
    #[doc(alias = "trio.CancelScope.cancel")]
    #[track_caller]
    pub fn cancel(&self) {
        self.cancel_for(Reason::new(ReasonKind::Scope));
    }

    /// Like [`cancel`](CancelScope::cancel), for a reason of the caller's making.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_flow::CancelScope;
    /// use aioli_task::{Reason, ReasonKind};
    ///
    /// let scope = CancelScope::new();
    /// scope.cancel_for(Reason::new(ReasonKind::Scope).with_message("the user left"));
    /// let reason = scope.reason().expect("it is cancelled");
    /// assert_eq!(reason.message(), Some("the user left"));
    /// ```
    pub fn cancel_for(&self, reason: Reason) {
        self.0.cancel(reason.by_current_task());
    }

    /// Whether the scope is cancelled: by a call, or because its deadline has come before it was
    /// left. That is for good, whatever becomes of the deadline.
    #[doc(alias = "trio.CancelScope.cancel_called")]
    #[must_use]
    pub fn cancel_called(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Whether the scope's own cancellation has ended what ran inside.
    #[doc(alias = "trio.CancelScope.cancelled_caught")]
    #[must_use]
    pub fn cancelled_caught(&self) -> bool {
        self.0.is_caught()
    }

    /// Why the scope is cancelled: the first cause. A deadline shows as
    /// [`ReasonKind::Timeout`].
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.0.reason()
    }

    /// The deadline; `None` is never.
    #[doc(alias = "trio.CancelScope.deadline")]
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline().moment()
    }

    /// Moves the deadline to a moment on the loop's clock; `None` takes it away.
    ///
    /// A moment in the past cancels at the next suspension. A scope that was left stays as it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_flow::CancelScope;
    /// use std::time::Duration;
    ///
    /// let scope = CancelScope::after(Duration::from_secs(5));
    /// scope.set_deadline(scope.deadline().map(|at| at + Duration::from_secs(5)));
    /// assert!(!scope.cancel_called());
    /// ```
    pub fn set_deadline(&self, deadline: impl Into<Deadline>) {
        self.0.set_deadline(deadline.into());
    }

    /// Puts the shield up or down; it is down at first.
    ///
    /// While it is up, cancellations from outside the scope wait until it is down again or the
    /// scope is left. The scope's own cancellation, and those further in, act all the same. What is
    /// under way inside already goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_flow::{CancelScope, checkpoint};
    ///
    /// aioli_task::run(async {
    ///     let (outer, inner) = (CancelScope::new(), CancelScope::new());
    ///     outer.cancel();
    ///     inner.set_shield(true);
    ///     let guarded = inner.run(async {
    ///         checkpoint().await; // passes
    ///         inner.set_shield(false);
    ///         checkpoint().await; // does not
    ///     });
    ///     assert_eq!(outer.run(guarded).await, None);
    ///     assert!(outer.cancelled_caught() && !inner.cancelled_caught());
    /// });
    /// ```
    #[doc(alias = "trio.CancelScope.shield")]
    pub fn set_shield(&self, is_up: bool) {
        self.0.set_shield(is_up);
    }

    /// Whether the shield is up.
    #[must_use]
    pub fn is_shielded(&self) -> bool {
        self.0.is_shielded()
    }
}

impl Default for CancelScope {
    fn default() -> CancelScope {
        CancelScope::new()
    }
}

impl fmt::Debug for CancelScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// When the code that calls this will be cancelled by a deadline: the earliest one of the cancel
/// scopes around it, up to the first shield. `None` is never; in a cancelled scope it is now.
///
/// For code that plans ahead: how long a request may take, whether another attempt is worth it.
/// Timeouts, which ask only once, are not counted.
///
/// # Examples
///
/// ```
/// use aioli_flow::{CancelScope, current_effective_deadline};
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let (long, short) = (Duration::from_secs(60), Duration::from_secs(5));
///     let (outer, inner) = (CancelScope::after(short), CancelScope::after(long));
///     let look = inner.run(async { current_effective_deadline() });
///     assert_eq!(outer.run(look).await, Some(Some(outer.deadline())));
/// });
/// ```
#[doc(alias = "trio.current_effective_deadline")]
#[doc(alias = "anyio.current_effective_deadline")]
#[must_use]
pub fn current_effective_deadline() -> Option<Instant> {
    Chain::current().deadline().moment()
}

/// Whether a cancel scope around the caller, with no shield between, is cancelled.
pub(crate) fn is_cancelled_here() -> bool {
    Chain::current().is_cancelled()
}

/// Lets the other tasks have a turn, and gives a cancellation its chance.
///
/// Code that computes for long calls it now and then. It does not return where a cancel scope
/// around it has been cancelled, or has a deadline that has just passed.
///
/// # Cancel safety
///
/// Nothing remains when it is dropped.
///
/// # Examples
///
/// ```
/// use aioli_flow::{CancelScope, checkpoint};
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let scope = CancelScope::after(Duration::from_millis(1));
///     let spin = async {
///         loop {
///             checkpoint().await;
///         }
///     };
///     assert!(scope.run(spin).await.is_none());
/// });
/// ```
#[doc(alias = "trio.lowlevel.checkpoint")]
#[doc(alias = "anyio.lowlevel.checkpoint")]
pub async fn checkpoint() {
    yield_now().await;
}
