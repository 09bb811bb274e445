//! Which cancel scopes are around the code that runs, from the innermost outwards.

use std::cell::RefCell;
use std::sync::Arc;

use aioli_task::now;
use aioli_time::Deadline;

use super::CancelScope;
use super::state::View;

thread_local! {
    /// The innermost scope whose future is being polled.
    static CURRENT: RefCell<Chain> = const { RefCell::new(Chain(None)) };
}

/// The scopes around some code: the innermost one, which knows those around it.
///
/// A chain says in which order scopes are polled. Whether a scope reaches the code, with no shield
/// and no border of a task between, is asked of the tree of handlers.
#[derive(Clone, Default)]
pub(super) struct Chain(Option<CancelScope>);

impl Chain {
    /// The scopes around the caller.
    pub(super) fn current() -> Chain {
        CURRENT.with_borrow(Chain::clone)
    }

    /// Whether both begin with the same scope.
    pub(super) fn is(&self, other: &Chain) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(&a.0, &b.0),
            _ => false,
        }
    }

    /// Whether one of these scopes is cancelled and reaches the caller.
    pub(super) fn is_cancelled(&self) -> bool {
        self.reaching().any(|scope| scope.is_cancelled)
    }

    /// The earliest deadline of the scopes that reach the caller; now if one of them is cancelled.
    pub(super) fn deadline(&self) -> Deadline {
        let mut earliest = Deadline::NEVER;
        for scope in self.reaching() {
            if scope.is_cancelled {
                return Deadline::at(now());
            }
            earliest = earliest.min(scope.deadline);
        }
        earliest
    }

    /// The scopes that reach the caller, from the innermost outwards.
    fn reaching(&self) -> impl Iterator<Item = View> {
        let mut at = self.clone();
        std::iter::from_fn(move || {
            let view = at.0.take()?.0.view()?;
            if !view.place.handler.reaches_caller() {
                return None;
            }
            at = view.place.around.clone();
            Some(view)
        })
    }
}

/// Makes a scope the current one until it is dropped, also by a panic.
#[must_use]
pub(super) struct Inside(Chain);

impl Inside {
    pub(super) fn enter(scope: &CancelScope) -> Inside {
        Inside(CURRENT.replace(Chain(Some(scope.clone()))))
    }

    /// The scopes around the one that was entered.
    pub(super) fn around(&self) -> &Chain {
        &self.0
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let around = std::mem::take(&mut self.0);
        // A thread that is ending has no scopes any more.
        let _ = CURRENT.try_with(|current| current.replace(around));
    }
}
