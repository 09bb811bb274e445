//! Tasks: one allocation each, polled on their loop's thread, handled from anywhere.

pub(crate) mod borrowed;
mod cell;
mod handle;
mod header;
mod home_cell;
mod join;
mod on_done;
mod stop;
mod tasks;

pub(crate) use borrowed::Borrowed;
pub(crate) use cell::{Runnable, TaskCell};
pub use handle::{Done, TaskHandle};
pub(crate) use header::{Header, Role};
pub use join::{Shielded, Task};
pub use on_done::DoneCallback;
pub use stop::{Panic, Stop};
pub use tasks::{SpawnAll, Tasks};

use std::cell::RefCell;
use std::sync::Arc;

use crate::event_loop::local;

thread_local! {
    /// The task that is being polled on this thread.
    static CURRENT: RefCell<Option<Arc<dyn Runnable>>> = const { RefCell::new(None) };
}

/// Makes a task the current one until it is dropped.
struct CurrentTask(Option<Arc<dyn Runnable>>);

impl CurrentTask {
    fn enter(task: Arc<dyn Runnable>) -> CurrentTask {
        CurrentTask(CURRENT.replace(Some(task)))
    }
}

impl Drop for CurrentTask {
    fn drop(&mut self) {
        let polled = CURRENT.replace(self.0.take());
        drop(polled);
    }
}

/// The task that is running on this thread.
///
/// # Panics
///
/// Outside of every task; see [`try_current`].
///
/// # Examples
///
/// ```
/// aioli_task::run(async {
///     aioli_task::current().set_name("main");
///     assert_eq!(aioli_task::current().name(), "main");
/// });
/// ```
#[doc(alias = "asyncio.current_task")]
#[must_use]
pub fn current() -> TaskHandle {
    try_current().expect("`current` needs a running task on this thread")
}

/// The task that is running on this thread, if one is.
///
/// # Examples
///
/// ```
/// assert!(aioli_task::try_current().is_none());
/// ```
#[must_use]
pub fn try_current() -> Option<TaskHandle> {
    CURRENT
        .try_with(|task| task.borrow().clone())
        .ok()
        .flatten()
        .map(TaskHandle)
}

/// All tasks of this thread's loop that have not ended, in the order of spawning.
///
/// # Examples
///
/// ```
/// aioli_task::run(async {
///     let _other = aioli_task::spawn(async {});
///     assert_eq!(aioli_task::all_tasks().len(), 2);
/// });
/// ```
#[doc(alias = "asyncio.all_tasks")]
#[must_use]
pub fn all_tasks() -> Vec<TaskHandle> {
    local::current()
        .map(|local| local.tasks())
        .unwrap_or_default()
}
