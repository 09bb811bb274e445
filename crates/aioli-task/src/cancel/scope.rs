//! What scopes need to keep two kinds of requests apart: those from outside, and their own.

use crate::cancel::{Cancelled, current};
use crate::task::{self, TaskHandle};

/// How many outside requests the current task had when a scope was entered.
///
/// A request from outside can hide behind the scope's own unwind. At its exit the scope looks
/// whether the count has [grown](Requests::grown), and passes the request on if it has.
///
/// # Examples
///
/// ```
/// use aioli_task::{Requests, current, run};
///
/// run(async {
///     let entry = Requests::mark();
///     assert!(!entry.grown());
///     current().cancel();
///     assert!(entry.grown());
///     current().uncancel();
/// });
/// ```
#[derive(Debug, Clone)]
pub struct Requests {
    task: Option<TaskHandle>,
    at_entry: u32,
}

impl Requests {
    /// Notes the count of the current task.
    #[must_use]
    pub fn mark() -> Requests {
        let task = task::try_current();
        let at_entry = task.as_ref().map_or(0, TaskHandle::requests);
        Requests { task, at_entry }
    }

    /// Whether more outside requests have come since.
    #[must_use]
    pub fn grown(&self) -> bool {
        self.task
            .as_ref()
            .is_some_and(|task| task.requests() > self.at_entry)
    }
}

/// Counts a scope of the current task as unwinding, until it is dropped.
#[derive(Debug)]
#[must_use = "the scope counts as unwinding only while the guard lives"]
pub struct Unwinding(Option<TaskHandle>);

impl Unwinding {
    /// The current task unwinds one scope more.
    pub fn enter() -> Unwinding {
        let task = task::try_current();
        if let Some(task) = &task {
            task.add_unwinding(1);
        }
        Unwinding(task)
    }
}

impl Drop for Unwinding {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.add_unwinding(-1);
        }
    }
}

/// Whether a request to cancel has come that strikes when the code around the caller suspends.
///
/// It came in this very poll, so the handlers around the caller have not seen it yet. A scope whose
/// own unwind has come out suspends then, instead of returning, so that the request goes first.
///
/// # Examples
///
/// ```
/// use aioli_task::{current, is_asked, run};
///
/// run(async {
///     assert!(!is_asked());
///     current().cancel();
///     assert!(is_asked());
///     current().uncancel();
///     assert!(!is_asked());
/// });
/// ```
#[must_use]
pub fn is_asked() -> bool {
    current::is_asked()
}

/// Keeps a request for the next suspension of the code around the caller, because something
/// else, such as a group's error, has to come out first.
///
/// It is delivered to the nearest enclosing handler, or to the task. Where there is neither,
/// there is nobody to cancel, and the request is consumed.
pub fn rearm(cancelled: Cancelled) {
    current::with(|around| {
        if let Some(around) = around {
            around.rearm(cancelled.into_request());
        }
    });
}
