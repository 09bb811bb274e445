//! Callbacks: `call_soon` and its handle.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use super::local;
use super::ready::Ready;

/// A callback that has not run yet, if it is still wanted.
pub(crate) struct CallState(RefCell<Option<Box<dyn FnOnce()>>>);

impl CallState {
    pub(crate) fn call(&self) {
        let call = self.0.borrow_mut().take();
        if let Some(call) = call {
            call();
        }
    }
}

/// A callback waiting for its turn; dropping the handle changes nothing.
#[doc(alias = "asyncio.Handle")]
pub struct CallHandle(Rc<CallState>);

impl CallHandle {
    /// Takes the callback back. Returns whether it had still to run.
    #[doc(alias = "asyncio.Handle.cancel")]
    pub fn cancel(&self) -> bool {
        let call = self.0.0.borrow_mut().take();
        call.is_some()
    }

    /// Whether the callback has neither run nor been cancelled.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.0.0.borrow().is_some()
    }
}

impl fmt::Debug for CallHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallHandle")
            .field("pending", &self.is_pending())
            .finish()
    }
}

/// Calls `f` in the next pass of this thread's loop, after everything that is ready by now.
///
/// A panic of `f` is reported to the error handler, and the loop goes on.
///
/// # Panics
///
/// When no loop runs on this thread.
///
/// # Examples
///
/// ```
/// use std::{cell::Cell, rc::Rc};
///
/// aioli_task::run(async {
///     let called = Rc::new(Cell::new(false));
///     let cell = called.clone();
///     aioli_task::call_soon(move || cell.set(true));
///     aioli_task::yield_now().await;
///     assert!(called.get());
/// });
/// ```
#[doc(alias = "asyncio.loop.call_soon")]
pub fn call_soon(f: impl FnOnce() + 'static) -> CallHandle {
    let local = local::current().expect("call_soon needs a running loop on this thread");
    let state = Rc::new(CallState(RefCell::new(Some(Box::new(f)))));
    local.push(Ready::Call(state.clone()));
    CallHandle(state)
}
