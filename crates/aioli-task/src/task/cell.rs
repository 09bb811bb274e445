//! The task itself: header, future and output in one allocation, and how it is polled.
//!
//! ```text
//!            (1) wake          (2) step             (3) complete
//!   idle ──────────────▶ queued ─────────▶ running ──────────────▶ done
//!    ▲                     ▲                 │  │
//!    │                     └──(1) wake───────┘  │
//!    └──────────────────────────────────────────┘ pending, not woken meanwhile
//! ```
//!
//! 1. `queued` goes from false to true once, whoever wakes; that one puts the task into the ready
//!    queue (home thread) or the inbox (other threads).
//! 2. `queued` is cleared before the poll, so a wake during the poll queues the task again.
//! 3. The future is dropped on the home thread before the outcome is published, so clean-up code
//!    has run when an awaiter goes on.
#![expect(
    unsafe_code,
    reason = "pins the future inside the task's one allocation"
)]

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use super::CurrentTask;
use super::header::{Header, Progress};
use super::home_cell::HomeCell;
use crate::cancel::tree::{Entered, Held, Pass};
use crate::cancel::{Reason, ReasonKind, current};
use crate::context::Swapped;
use crate::event_loop::local::{self, Ready};
use crate::event_loop::{Remote, Shared};
use crate::report::Report;

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send>;

/// Ready operations a task may do in one poll before a primitive makes it yield.
const BUDGET: u32 = 128;

/// A task whose type is forgotten.
pub(crate) trait Runnable: Send + Sync {
    fn header(&self) -> &Header;

    /// Polls the future once, or ends the task if it has been asked to. Home thread only.
    fn step(self: Arc<Self>);

    /// Drops the future without asking anybody; the task has then ended cancelled. Home thread
    /// only. False: it has ended already, or it is running.
    fn drop_future(self: Arc<Self>) -> bool;

    /// Queues the task, unless it is queued or done.
    fn wake_task(self: Arc<Self>);
}

/// The outcome as seen by the handle of type `T`.
pub(crate) trait Joinable<T>: Runnable {
    fn take_output(&self) -> Option<Result<T, Payload>>;

    /// The handle is gone: drops the output, now or when it comes.
    fn detach(&self);

    fn peek(&self, f: &mut dyn FnMut(&T));

    fn as_runnable(self: Arc<Self>) -> Arc<dyn Runnable>;
}

enum Output<T> {
    /// None yet.
    Awaited,
    Ready(Result<T, Payload>),
    Taken,
    /// Nobody wants it.
    Detached,
}

/// A task: header, future and output.
///
/// # Invariants
///
/// 1. `future` is touched in `step` and `drop_future` alone, with `header.running` set meanwhile.
/// 2. `future` is empty once the header says that the task is done.
/// 3. `output` is `Ready` only while a [`Task`](super::Task) handle exists, which is `Send` only
///    if `T` is; so a `T` that is not `Send` is never dropped by a foreign thread's last reference.
pub(crate) struct TaskCell<F: Future> {
    header: Header,
    future: HomeCell<F>,
    output: Mutex<Output<F::Output>>,
}

// SAFETY: `future` is a `HomeCell`. The output is stored by the home thread and read through a
// `Task<T>`, which is on another thread only if `T` is `Send`; by invariant 3 it is never left to
// the last reference to drop. Everything else in the cell is `Send` by itself.
unsafe impl<F: Future> Send for TaskCell<F> {}
// SAFETY: as above, and the output is behind a lock, so no two threads see it at once.
unsafe impl<F: Future> Sync for TaskCell<F> {}

impl<F: Future> TaskCell<F> {
    pub(crate) fn new(header: Header, home: Arc<Shared>, future: F) -> Arc<TaskCell<F>> {
        let future = HomeCell::new(home, future);
        Arc::new(TaskCell {
            header,
            future,
            output: Mutex::new(Output::Awaited),
        })
    }

    fn future(self: &Arc<Self>) -> Pin<&HomeCell<F>> {
        // SAFETY: what an `Arc` holds does not move; this module takes no cell out of its `Arc`
        // and hands out no `&mut` to one.
        unsafe { Pin::new_unchecked(&self.future) }
    }

    fn output(&self) -> MutexGuard<'_, Output<F::Output>> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Future<Output: 'static> + 'static> TaskCell<F> {
    /// Runs `f` as this task: its handlers, its context and its budget are the current ones.
    fn run_as<R>(self: &Arc<Self>, f: impl FnOnce() -> R) -> R {
        struct Running<'a>(&'a Header);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                self.0.running.store(false, Ordering::Relaxed);
                aioli_sync::budget::unlimited();
            }
        }
        self.header.running.store(true, Ordering::Relaxed);
        aioli_sync::budget::refill(BUDGET);
        let _running = Running(&self.header);
        let _task = CurrentTask::enter(self.clone());
        let _context = Swapped::enter(&self.header);
        current::in_task(&self.header.tree, f)
    }

    fn poll(self: &Arc<Self>, cx: &mut Context<'_>) -> Result<Poll<F::Output>, Payload> {
        self.header.started.store(true, Ordering::Relaxed);
        self.run_as(|| {
            self.future().with_content(|future| {
                let future = future.as_pin_mut().expect("a live task has its future");
                catch_unwind(AssertUnwindSafe(|| future.poll(cx)))
            })
        })
    }

    /// Drops the future as this task; a panic of its `Drop` is the task's panic.
    fn clear(self: &Arc<Self>) -> Result<(), Payload> {
        self.run_as(|| {
            self.future().with_content(|mut future| {
                catch_unwind(AssertUnwindSafe(|| future.as_mut().set(None)))
            })
        })
    }

    fn end_cancelled(self: &Arc<Self>) {
        let tree = self.header.tree.get();
        let held = tree.map_or_else(Held::default, |tree| tree.begin_exit());
        match self.clear() {
            Ok(()) => {
                let dropped = || Arc::new(Reason::new(ReasonKind::Shutdown));
                let reason = held.request.map_or_else(dropped, |request| request.reason);
                self.complete(Progress::Cancelled, None, Some(reason));
            }
            Err(panic) => self.complete(Progress::Panicked, Some(Err(panic)), None),
        }
    }

    fn end(self: &Arc<Self>, result: Result<F::Output, Payload>) {
        if let Some(tree) = self.header.tree.get() {
            tree.begin_exit();
        }
        // Of two panics the first one tells what went wrong.
        let result = match (result, self.clear()) {
            (Ok(value), Ok(())) => Ok(value),
            (Err(panic), _) | (Ok(_), Err(panic)) => Err(panic),
        };
        let end = if result.is_ok() {
            Progress::Value
        } else {
            Progress::Panicked
        };
        self.complete(end, Some(result), None);
    }

    /// Publishes the outcome and tells those who wait for it.
    fn complete(
        self: &Arc<Self>,
        end: Progress,
        result: Option<Result<F::Output, Payload>>,
        reason: Option<Arc<Reason>>,
    ) {
        if let Some(tree) = self.header.tree.get() {
            tree.leave();
        }
        let unwanted = result.and_then(|result| self.store(result));
        let joiners = self.header.complete(end, reason);
        if let Some(Err(panic)) = unwanted {
            self.report_panic(&*panic);
        }
        if let Some(local) = local::current() {
            local.remove(self.header.serial);
        }
        joiners.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Stores the result for the handle; gives it back when there is none.
    fn store(&self, result: Result<F::Output, Payload>) -> Option<Result<F::Output, Payload>> {
        let mut output = self.output();
        if let Output::Detached = *output {
            return Some(result);
        }
        *output = Output::Ready(result);
        None
    }

    /// Tells the error handler, which runs in the context of the task.
    fn report_panic(&self, panic: &(dyn Any + Send)) {
        let _context = Swapped::enter(&self.header);
        Report::new("a task panicked, and nobody awaited it")
            .task(self.header.name(), self.header.location)
            .panic(panic)
            .send();
    }
}

impl<F: Future<Output: 'static> + 'static> Runnable for TaskCell<F> {
    fn header(&self) -> &Header {
        &self.header
    }

    fn step(self: Arc<Self>) {
        // Cleared before the poll: who wakes from now on queues the task again.
        // ORDERING: acquires what those did who found it set, as a tree that has just been made.
        self.header.queued.swap(false, Ordering::SeqCst);
        if self.header.is_done() || self.header.running.load(Ordering::Relaxed) {
            return;
        }
        let waker = Waker::from(self.clone());
        let tree = self.header.tree.get();
        if tree.is_some_and(|tree| tree.begin_pass(&waker) == Entered::Asked) {
            return self.end_cancelled();
        }
        match self.poll(&mut Context::from_waker(&waker)) {
            Ok(Poll::Ready(value)) => return self.end(Ok(value)),
            Err(panic) => return self.end(Err(panic)),
            Ok(Poll::Pending) => {}
        }
        let is_queued = self.header.queued.load(Ordering::SeqCst);
        let tree = self.header.tree.get();
        match tree.map_or(Pass::Rest, |tree| tree.end_pass(&waker, is_queued)) {
            Pass::Rest => {}
            Pass::PollAgain => self.clone().wake_task(),
            Pass::Asked => self.end_cancelled(),
        }
    }

    fn drop_future(self: Arc<Self>) -> bool {
        if self.header.is_done() || self.header.running.load(Ordering::Relaxed) {
            return false;
        }
        self.end_cancelled();
        true
    }

    fn wake_task(self: Arc<Self>) {
        if self.header.is_done() || self.header.queued.swap(true, Ordering::SeqCst) {
            return;
        }
        match local::current() {
            Some(local) if Arc::ptr_eq(&local.shared, &self.header.home) => {
                local.push(Ready::Task(self));
            }
            // A loop that has ended has no live task; the reference is dropped.
            _ => drop(self.header.home.clone().mailbox.send(Remote::Task(self))),
        }
    }
}

impl<F: Future<Output: 'static> + 'static> Wake for TaskCell<F> {
    fn wake(self: Arc<Self>) {
        self.wake_task();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.header.queued.load(Ordering::SeqCst) {
            self.clone().wake_task();
        }
    }
}

impl<F: Future<Output: 'static> + 'static> Joinable<F::Output> for TaskCell<F> {
    fn take_output(&self) -> Option<Result<F::Output, Payload>> {
        self.header.retrieved.store(true, Ordering::Relaxed);
        let mut output = self.output();
        match std::mem::replace(&mut *output, Output::Taken) {
            Output::Ready(result) => Some(result),
            other => {
                *output = other;
                None
            }
        }
    }

    fn detach(&self) {
        let before = std::mem::replace(&mut *self.output(), Output::Detached);
        if let Output::Ready(Err(panic)) = &before
            && !self.header.retrieved.load(Ordering::Relaxed)
        {
            self.report_panic(&**panic);
        }
    }

    fn peek(&self, f: &mut dyn FnMut(&F::Output)) {
        if let Output::Ready(Ok(value)) = &*self.output() {
            f(value);
        }
    }

    fn as_runnable(self: Arc<Self>) -> Arc<dyn Runnable> {
        self
    }
}
