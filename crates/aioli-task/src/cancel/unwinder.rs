//! `Unwinder`: asks the body of a scope from somewhere else than the scope itself.

use std::fmt;
use std::sync::Arc;

use super::after::After;
use super::current;
use super::handler::{Link, SharedLink, lock};
use super::reason::{Origin, Reason};

/// Asks the body of one [`ExitFuture`](super::ExitFuture) to end, on behalf of the scope that owns
/// it.
#[derive(Clone)]
pub struct Unwinder(pub(super) SharedLink);

impl Unwinder {
    /// Asks the innermost handlers inside the body; where there is none, the body is dropped.
    ///
    /// This is the scope's own unwind and no outside request: when it comes out of the body,
    /// [`Cancelled::is_from`](super::Cancelled::is_from) tells it from a request of somebody else.
    /// Does nothing once the body is done.
    pub fn unwind(&self, reason: Reason) {
        self.now(|link, after| link.unwind(reason, after));
    }

    /// Switches the shield of the scope; see
    /// [`ExitFuture::set_shield`](super::ExitFuture::set_shield).
    pub fn set_shield(&self, is_on: bool) {
        self.now(|link, after| link.set_shield(is_on, after));
    }

    /// Whether the caller runs inside the body with no shield between, so that what the scope asks
    /// strikes the caller.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_task::{exit, run, shield};
    /// use std::{cell::OnceCell, rc::Rc};
    ///
    /// run(async {
    ///     let unwinder = Rc::new(OnceCell::new());
    ///     let own = unwinder.clone();
    ///     let scope = exit(async move {
    ///         let reaches = || own.get().is_some_and(aioli_task::Unwinder::reaches_caller);
    ///         assert!(reaches());
    ///         assert!(!shield(async { reaches() }).await);
    ///     });
    ///     unwinder.set(scope.unwinder()).expect("it is set once");
    ///     let _ = scope.await;
    /// });
    /// ```
    #[must_use]
    pub fn reaches_caller(&self) -> bool {
        let Some(scope) = lock(&self.0).address() else {
            return false;
        };
        current::with(|caller| caller.is_some_and(|caller| caller.is_reached_from(&scope)))
    }

    /// The last request that reached the body from outside of it, whether it is under way or has
    /// been consumed inside; to be compared with
    /// [`Cancelled::to_reason`](super::Cancelled::to_reason) by address.
    #[must_use]
    pub fn last_request(&self) -> Option<Arc<Reason>> {
        lock(&self.0).last_request()
    }

    pub(super) fn origin(&self) -> Option<Origin> {
        lock(&self.0).origin()
    }

    fn now(&self, f: impl FnOnce(&mut Link, &mut After)) {
        let mut after = After::default();
        f(&mut lock(&self.0), &mut after);
        after.run();
    }
}

impl fmt::Debug for Unwinder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Unwinder").field(&self.origin()).finish()
    }
}
