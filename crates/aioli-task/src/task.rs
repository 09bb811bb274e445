//! Tasks: one allocation each, polled on their loop's thread, handled from anywhere.

pub(crate) mod borrowed;
mod cell;
mod handle;
mod header;
mod join;
mod on_done;
pub(crate) mod once_box;
mod output;
mod run;
mod side;
mod slab;
pub(crate) mod state;
mod stop;
mod task_ref;
mod tasks;
mod waker;

pub(crate) use borrowed::Borrowed;
pub use handle::{Done, TaskHandle};
pub(crate) use header::Header;
pub use join::{Shielded, Task};
pub use on_done::DoneCallback;
pub(crate) use run::{Start, create, live_tasks, unbias_all};
pub(crate) use slab::Slab;
pub use stop::{Panic, Stop};
pub(crate) use task_ref::{Posted, Queued};
pub use tasks::{SpawnAll, Tasks};

use crate::event_loop::local;

/// Drops what this thread has kept of tasks that are gone.
pub(crate) fn drop_spares() {
    side::drop_spares();
    join::drop_spares();
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
    run::current_task()
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
