//! Callbacks for the end of a task.

use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;

use super::handle::TaskHandle;
use crate::cancel::shield;
use crate::driver::Home;
use crate::inspect::drop_future;
use crate::spawn::{spawn_eager, yield_now};

impl TaskHandle {
    /// Calls `f` on this thread's loop when the task has ended, whichever way: in the pass after,
    /// and in the order in which callbacks were added.
    ///
    /// The callback is a small task that waits; it takes nothing from the task's awaiter. A panic
    /// of `f` is reported to the error handler. At the end of a run, the callbacks of tasks that
    /// are cancelled then are still called.
    ///
    /// # Panics
    ///
    /// When no loop runs on this thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_task::{run, spawn, yield_now};
    ///
    /// run(async {
    ///     let task = spawn(async { 42 });
    ///     task.on_done(|task| println!("{} is done", task.name()));
    ///     let unwanted = task.on_done(|_| unreachable!("it is taken back"));
    ///     assert!(unwanted.remove());
    ///     assert_eq!(task.await, 42);
    ///     yield_now().await;
    /// });
    /// ```
    #[doc(alias = "asyncio.Task.add_done_callback")]
    #[doc(alias = "asyncio.Future.add_done_callback")]
    #[track_caller]
    pub fn on_done(&self, f: impl FnOnce(&TaskHandle) + 'static) -> DoneCallback {
        let task = self.clone();
        // The end of the run reaches every task of the loop; one of another loop may outlive it.
        let ends_with_us = Home::try_current().is_some_and(|home| home == task.home());
        let wait = async move {
            // A task that has ended already is told of in the next pass.
            if task.is_done() {
                yield_now().await;
            }
            task.done().await;
        };
        // Eagerly, so that it waits behind its shield from now on.
        let task = self.clone();
        let waiting = spawn_eager(async move {
            if ends_with_us {
                shield(wait).await;
            } else {
                wait.await;
            }
            f(&task);
        });
        DoneCallback {
            waiting: waiting.handle(),
            marker: PhantomData,
        }
    }
}

/// A callback that waits for the end of a task; dropping the handle changes nothing.
pub struct DoneCallback {
    waiting: TaskHandle,
    /// It is taken back on the thread it was added on.
    marker: PhantomData<Rc<()>>,
}

impl DoneCallback {
    /// Takes the callback back. Returns whether it had still to run.
    ///
    /// # Examples
    ///
    /// ```
    /// aioli_task::run(async {
    ///     let task = aioli_task::spawn(async {});
    ///     let callback = task.on_done(|_| unreachable!("it is taken back"));
    ///     assert!(callback.remove());
    ///     assert!(!callback.remove());
    /// });
    /// ```
    #[doc(alias = "asyncio.Task.remove_done_callback")]
    #[doc(alias = "asyncio.Future.remove_done_callback")]
    pub fn remove(&self) -> bool {
        drop_future(&self.waiting)
    }

    /// Whether the callback has neither run nor been taken back.
    ///
    /// # Examples
    ///
    /// ```
    /// aioli_task::run(async {
    ///     let task = aioli_task::spawn(async {});
    ///     assert!(task.on_done(|_| ()).is_pending());
    /// });
    /// ```
    #[must_use]
    pub fn is_pending(&self) -> bool {
        !self.waiting.is_done()
    }
}

impl fmt::Debug for DoneCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DoneCallback")
            .field("pending", &self.is_pending())
            .finish()
    }
}
