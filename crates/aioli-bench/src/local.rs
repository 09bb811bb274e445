//! The workloads of tasks with primitives that stay on their thread.

mod rt;
#[expect(
    clippy::duplicate_mod,
    reason = "the same workloads over other primitives"
)]
#[path = "workloads/tasks.rs"]
mod tasks;

use harness::{Outcome, Run};

/// What this is called in the tables.
pub(crate) const NAME: &str = "aioli-local";

/// Runs a workload by its name, if it has a primitive in it.
pub(crate) fn run(run: &Run) -> Option<Outcome> {
    let has_primitive = [
        "pingpong",
        "mpsc",
        "queue",
        "mutex",
        "mutex_hold",
        "idle_event",
    ];
    has_primitive
        .contains(&run.workload.as_str())
        .then(|| tasks::run(run))
        .flatten()
}
