//! Tasks, the event loop, and cancellation whose clean-up may await.

#![doc(test(attr(deny(warnings))))]

mod background;
mod blocking;
pub mod cancel;
mod context;
pub mod driver;
mod event_loop;
mod inspect;
pub mod interrupt;
mod os;
mod report;
mod runner;
mod seconds;
mod spawn;
mod task;

pub use blocking::{ToThread, is_abandoned, to_thread};
pub use cancel::{
    Cancelled, Exit, ExitFuture, Reason, ReasonKind, Requests, Unwinder, Unwinding, adopt, catch,
    exit, isolate, rearm, shield,
};
pub use context::{Context, ContextVar, Token, copy as copy_context};
pub use event_loop::{BlockingTask, CallHandle, LoopClosed, LoopHandle, call_soon, now, time};
pub use report::{Report, is_debug, report};
pub use runner::{Runner, RunnerBuilder, run};
pub use seconds::Seconds;
pub use spawn::{spawn, spawn_eager, spawn_in, yield_now};
pub use task::{
    Done, Panic, Shielded, SpawnAll, Stop, Task, TaskHandle, Tasks, all_tasks, current, try_current,
};

/// Hooks for test harnesses.
pub mod testing {
    pub use crate::inspect::{Counts, PassInfo, counts, drop_future};
}
