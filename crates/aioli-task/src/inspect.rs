//! Hooks for test harnesses: what happens between two passes, and hard ends of tasks.

use std::fmt;

use crate::event_loop::local::{self, LocalLoop};
use crate::task::TaskHandle;

/// A user's function that is called at the start of each pass.
pub(crate) struct PassHook(Box<dyn FnMut(PassInfo<'_>)>);

impl PassHook {
    pub(crate) fn new(hook: impl FnMut(PassInfo<'_>) + 'static) -> PassHook {
        PassHook(Box::new(hook))
    }

    pub(crate) fn call(&mut self, local: &LocalLoop) {
        (self.0)(PassInfo { local });
    }
}

/// A pass that is about to run; see
/// [`RunnerBuilder::pass_hook`](crate::RunnerBuilder::pass_hook).
pub struct PassInfo<'a> {
    local: &'a LocalLoop,
}

impl PassInfo<'_> {
    /// The number of the pass; the first one is 0.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.local.passes() - 1
    }

    /// The live tasks, in the order of spawning.
    #[must_use]
    pub fn tasks(&self) -> Vec<TaskHandle> {
        self.local.tasks()
    }
}

impl fmt::Debug for PassInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PassInfo")
            .field("number", &self.number())
            .finish_non_exhaustive()
    }
}

/// What lives on a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Tasks that have not ended, without clean-ups on the orphan list.
    pub tasks: usize,
    /// Clean-ups on the orphan list.
    pub orphans: usize,
    /// Handlers linked in the tasks' trees.
    pub handlers: usize,
}

/// Counts what lives on this thread's loop; all zero where none runs.
///
/// # Examples
///
/// ```
/// aioli_task::run(async { assert_eq!(aioli_task::testing::counts().tasks, 1) });
/// ```
#[must_use]
pub fn counts() -> Counts {
    let tasks = local::current()
        .map(|local| local.tasks())
        .unwrap_or_default();
    let is_orphan = |task: &&TaskHandle| task.0.header().is_orphan();
    let orphans = tasks.iter().filter(is_orphan).count();
    let trees = tasks.iter().filter_map(|task| task.0.header().tree());
    let handlers = trees.map(|tree| tree.count_below()).sum();
    Counts {
        tasks: tasks.len() - orphans,
        orphans,
        handlers,
    }
}

/// Drops the future of a task at once, asking no handler: a hard abort. The task has then ended
/// cancelled, and those who await it are told.
///
/// Returns false if the task has ended, or is being polled.
///
/// # Panics
///
/// On another thread than that of the task's loop.
pub fn drop_future(task: &TaskHandle) -> bool {
    task.0.drop_future()
}
