//! `TaskHandle`: a task without its type, to be named, asked and watched from anywhere.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::header::{End, Place};
use super::task_ref::TaskRef;
use crate::cancel::{Reason, ReasonKind, Request};
use crate::driver::Home;

/// A task without its type: names it, cancels it, watches it. Cheap to clone, and usable from
/// every thread.
///
/// # Examples
///
/// ```
/// use aioli_task::{run, spawn};
///
/// run(async {
///     let task = spawn(std::future::pending::<()>());
///     let handle = task.handle();
///     assert!(handle.cancel());
///     handle.done().await;
///     assert!(handle.is_cancelled());
///     assert!(!handle.cancel()); // it has ended
/// });
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TaskHandle(pub(crate) TaskRef);

impl TaskHandle {
    /// Asks the task to end. Returns false if it has ended already; a panic that it ended with is
    /// not reported then.
    ///
    /// The request goes to the innermost handlers around what the task waits for; every call
    /// counts. It is only asked here: [`stop`](super::Task::stop) also waits.
    #[doc(alias = "asyncio.Task.cancel")]
    #[track_caller]
    pub fn cancel(&self) -> bool {
        self.cancel_for(Reason::new(ReasonKind::Cancel))
    }

    /// Like [`cancel`](TaskHandle::cancel), with a text for whoever sees the cancellation.
    #[track_caller]
    pub fn cancel_with(&self, message: impl Into<Cow<'static, str>>) -> bool {
        self.cancel_for(Reason::new(ReasonKind::Cancel).with_message(message))
    }

    /// Like [`cancel`](TaskHandle::cancel), with a reason of the caller's making.
    pub fn cancel_for(&self, reason: Reason) -> bool {
        let by = super::try_current().map(|task| task.name());
        self.request(Arc::new(reason.by(by)))
    }

    pub(crate) fn request(&self, reason: Arc<Reason>) -> bool {
        let header = self.0.header();
        if header.is_done() {
            // Whoever cancels a task that has failed already wants no news of it.
            header.state.set_retrieved();
            return false;
        }
        if header.is_orphan() {
            return false;
        }
        header.side_or_new().add_request();
        header.tree_or_new().deliver(Request::outside(reason));
        // The task is polled even if no handler's waker reaches it, so that it can judge which
        // handlers are still polled at all.
        self.0.wake();
        true
    }

    /// Whether the task has ended.
    #[doc(alias = "asyncio.Task.done")]
    #[must_use]
    #[inline]
    pub fn is_done(&self) -> bool {
        self.0.header().is_done()
    }

    /// Whether the task has ended cancelled.
    #[doc(alias = "asyncio.Task.cancelled")]
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.header().end() == Some(End::Cancelled)
    }

    /// Whether the task has ended with a panic.
    #[doc(alias = "asyncio.Task.exception")]
    #[must_use]
    pub fn is_panicked(&self) -> bool {
        self.0.header().end() == Some(End::Panicked)
    }

    /// Requests from outside that have not been taken back, and enclosing scopes that unwind.
    #[doc(alias = "asyncio.Task.cancelling")]
    #[must_use]
    pub fn cancelling(&self) -> u32 {
        self.requests() + self.0.header().unwinding()
    }

    /// Takes one request back, and returns how many are left. At none, a request that no handler
    /// has seen yet is withdrawn.
    #[doc(alias = "asyncio.Task.uncancel")]
    pub fn uncancel(&self) -> u32 {
        let Some(side) = self.0.header().side() else {
            return 0;
        };
        let left = side.take_request_back();
        if left == 0
            && let Some(tree) = side.tree().get()
        {
            tree.take_back();
        }
        left
    }

    /// The task's name; `Task-N` unless one was given.
    #[doc(alias = "asyncio.Task.get_name")]
    #[must_use]
    pub fn name(&self) -> String {
        self.0.header().name()
    }

    /// Names the task.
    #[doc(alias = "asyncio.Task.set_name")]
    pub fn set_name(&self, name: impl Into<String>) {
        self.0.header().side_or_new().set_name(name.into());
    }

    /// Where the task was spawned.
    #[must_use]
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.0.header().location
    }

    /// The task's number, unique in its loop; tasks are numbered in the order of spawning.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.0.header().serial
    }

    /// The loop the task lives on.
    #[must_use]
    pub fn home(&self) -> Home {
        Home(self.0.header().home().clone())
    }

    /// Waits until the task has ended, whichever way; takes nothing from its awaiter.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: the task runs on.
    pub fn done(&self) -> Done {
        Done {
            task: self.clone(),
            place: Place::None,
        }
    }

    pub(crate) fn requests(&self) -> u32 {
        self.0.header().requests()
    }

    pub(crate) fn add_unwinding(&self, change: i32) {
        self.0.header().side_or_new().add_unwinding(change);
    }
}

impl fmt::Debug for TaskHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0.header(), f)
    }
}

/// Waits for the end of a task; the future of [`TaskHandle::done`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Done {
    task: TaskHandle,
    place: Place,
}

impl Future for Done {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let waits = this.task.0.add_joiner(&mut this.place, cx.waker());
        if waits {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        self.task.0.header().remove_joiner(&mut self.place);
    }
}
