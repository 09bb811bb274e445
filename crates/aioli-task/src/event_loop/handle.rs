//! `LoopHandle`: a loop as other threads use it.

use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::local;
use super::shared::{Remote, Shared};
use crate::cancel::{Reason, ReasonKind};
use crate::spawn::spawn;
use crate::task::{Stop, TaskHandle};

/// A loop, for use from other threads.
///
/// # Examples
///
/// ```
/// use aioli_task::{LoopHandle, run, to_thread};
///
/// run(async {
///     let home = LoopHandle::current();
///     let answer = to_thread(move || {
///         let task = home.submit(|| async { *std::rc::Rc::new(42) }).expect("the loop runs");
///         task.wait().expect("nobody cancels it")
///     });
///     assert_eq!(answer.await, 42);
/// });
/// ```
#[derive(Clone)]
pub struct LoopHandle(pub(crate) Arc<Shared>);

/// The loop has ended, so nothing can be sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopClosed;

impl fmt::Display for LoopClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the event loop has ended")
    }
}

impl std::error::Error for LoopClosed {}

impl LoopHandle {
    /// The loop of this thread.
    ///
    /// # Panics
    ///
    /// When no loop runs on this thread.
    #[doc(alias = "asyncio.get_running_loop")]
    #[must_use]
    pub fn current() -> LoopHandle {
        LoopHandle(local::shared().expect("`LoopHandle::current` needs a running loop"))
    }

    /// Calls `f` on the loop's thread, in the order in which calls arrive.
    ///
    /// # Errors
    ///
    /// [`LoopClosed`] when the loop has ended.
    #[doc(alias = "asyncio.loop.call_soon_threadsafe")]
    pub fn call_soon(&self, f: impl FnOnce() + Send + 'static) -> Result<(), LoopClosed> {
        self.0
            .mailbox
            .send(Remote::Call(Box::new(f)))
            .map_err(|_| LoopClosed)
    }

    /// Spawns on the loop what `f` makes there, and returns a handle that a thread can wait on.
    ///
    /// The closure crosses threads, not the future: that may hold what is not `Send`.
    ///
    /// # Errors
    ///
    /// [`LoopClosed`] when the loop has ended.
    #[doc(alias = "asyncio.run_coroutine_threadsafe")]
    pub fn submit<F, Fut>(&self, f: F) -> Result<BlockingTask<Fut::Output>, LoopClosed>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output: Send + 'static> + 'static,
    {
        let state = Arc::new(Shelf::new());
        let guard = Fill(Some(state.clone()));
        self.call_soon(move || {
            let mut guard = guard;
            let task = spawn(f());
            let handle = task.handle();
            if guard.started(handle.clone()) {
                handle.cancel();
            }
            let finish = async move {
                let outcome = task.outcome().await;
                guard.fill(outcome);
            };
            drop(spawn(finish));
        })?;
        Ok(BlockingTask { state })
    }
}

impl fmt::Debug for LoopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopHandle")
            .field("closed", &self.0.mailbox.is_closed())
            .finish()
    }
}

/// Where the outcome of a submitted task waits for its thread.
struct Shelf<T> {
    slot: Mutex<Slot<T>>,
    filled: Condvar,
}

struct Slot<T> {
    outcome: Option<Result<T, Stop>>,
    task: Option<TaskHandle>,
    /// The task was cancelled before the loop had spawned it.
    cancelled: bool,
}

impl<T> Shelf<T> {
    fn new() -> Shelf<T> {
        let slot = Slot {
            outcome: None,
            task: None,
            cancelled: false,
        };
        Shelf {
            slot: Mutex::new(slot),
            filled: Condvar::new(),
        }
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Slot<T>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fills the shelf, at the latest when it is dropped: the waiting thread never hangs.
struct Fill<T>(Option<Arc<Shelf<T>>>);

impl<T> Fill<T> {
    /// Notes the task; returns whether it has been cancelled already.
    fn started(&mut self, task: TaskHandle) -> bool {
        let Some(shelf) = &self.0 else { return false };
        let mut slot = shelf.slot();
        slot.task = Some(task);
        slot.cancelled
    }

    fn fill(&mut self, outcome: Result<T, Stop>) {
        if let Some(shelf) = self.0.take() {
            shelf.slot().outcome = Some(outcome);
            shelf.filled.notify_all();
        }
    }
}

impl<T> Drop for Fill<T> {
    fn drop(&mut self) {
        let reason = Reason::new(ReasonKind::Shutdown);
        self.fill(Err(Stop::Cancelled(Arc::new(reason))));
    }
}

/// A task on another thread's loop, to be waited for by blocking this thread.
#[doc(alias = "concurrent.futures.Future")]
#[must_use = "dropping it lets the task run on; nobody sees its outcome"]
pub struct BlockingTask<T> {
    state: Arc<Shelf<T>>,
}

impl<T> BlockingTask<T> {
    /// Blocks until the task has ended; a panic of the task resumes here.
    ///
    /// # Errors
    ///
    /// [`Stop::Cancelled`] when the task was cancelled or its loop ended.
    pub fn wait(self) -> Result<T, Stop> {
        match self.wait_until(None) {
            Ok(outcome) => outcome,
            Err(_) => unreachable!("a wait without an end ends with the outcome"),
        }
    }

    /// Like [`wait`](BlockingTask::wait), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// The handle itself when the time is over, else as `wait`.
    pub fn wait_timeout(self, timeout: Duration) -> Result<Result<T, Stop>, BlockingTask<T>> {
        self.wait_until(Instant::now().checked_add(timeout))
    }

    fn wait_until(self, end: Option<Instant>) -> Result<Result<T, Stop>, BlockingTask<T>> {
        let mut slot = self.state.slot();
        loop {
            match slot.outcome.take() {
                Some(Err(Stop::Panicked(panic))) => {
                    drop(slot);
                    resume_unwind(panic.into_payload());
                }
                Some(outcome) => return Ok(outcome),
                None => {}
            }
            let Some(end) = end else {
                slot = self
                    .state
                    .filled
                    .wait(slot)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(slot);
                return Err(self);
            }
            let waited = self.state.filled.wait_timeout(slot, left);
            slot = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Asks the task to end.
    #[track_caller]
    pub fn cancel(&self) {
        let task = {
            let mut slot = self.state.slot();
            slot.cancelled = true;
            slot.task.clone()
        };
        if let Some(task) = task {
            task.cancel();
        }
    }
}

impl<T> fmt::Debug for BlockingTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingTask").finish_non_exhaustive()
    }
}
