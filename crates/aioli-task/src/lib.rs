//! Tasks, the event loop, and cancellation whose clean-up may await.
//!
//! ```
//! use aioli_task::{Exit, exit, run, shield, spawn, yield_now};
//!
//! async fn session() {
//!     let ended = exit(async { std::future::pending::<()>().await }).await;
//!     shield(async { yield_now().await }).await; // says goodbye, in every case
//!     if let Exit::Cancelled(cancelled) = ended {
//!         cancelled.raise().await
//!     }
//! }
//!
//! run(async {
//!     let task = spawn(session()); // need not be `Send`
//!     yield_now().await;
//!     task.cancel();
//!     assert!(task.outcome().await.is_err()); // and by now it has said goodbye
//! });
//! ```
//!
//! # Should I depend on this crate?
//!
//! Depend on `aioli` if you write a program, and on this crate if you write a library that spawns
//! tasks, runs blocking code, or guards something whose clean-up must await. It has two small
//! dependencies, and no timers and no sockets: those are in `aioli-time` and `aioli-net`, which
//! install themselves on the loop when they are first used. If your library only waits (a channel,
//! a lock, a parser), it needs no runtime at all; see `aioli-sync`.
//!
//! Tasks of this loop never leave their thread, so they may hold `Rc`s and borrow across awaits
//! as they like. If you need one pool of threads that share all tasks, use a work-stealing runtime
//! for those; this crate's futures run there as well.
//!
//! # In scope / Out of scope
//!
//! In scope: [`run`] and [`Runner`]; [`spawn`] and [`Task`]; [`call_soon`]; [`LoopHandle`] for
//! other threads; the cancellation kernel ([`exit`], [`catch`], [`shield`], [`adopt`]); context
//! variables; [`to_thread`]; signals as far as Ctrl-C needs them ([`interrupt`]); a virtual clock
//! and a seeded order for tests; the seam for drivers ([`driver`]).
//!
//! Out of scope: timers, readiness, files; structured concurrency (`gather`, `timeout`, task
//! groups) is in `aioli-flow`, on the kernel of this crate.
//!
//! # Examples
//!
//! Blocking code, and a thread that uses the loop:
//!
//! ```
//! use aioli_task::{LoopHandle, run, spawn, to_thread};
//!
//! run(async {
//!     let home = LoopHandle::current();
//!     let in_thread = to_thread(move || {
//!         let task = home.submit(|| async { spawn(async { 6 }).await * 7 });
//!         task.expect("the loop runs").wait().expect("nobody cancels it")
//!     });
//!     assert_eq!(in_thread.await, 42);
//! });
//! ```
//!
//! # Cancellation
//!
//! A request ([`TaskHandle::cancel`], Ctrl-C, the end of [`run`]) goes to the innermost *handlers*
//! around what the task waits for. A handler drops its body, so that ordinary `Drop` runs, and the
//! code around it may then await: it absorbs the request, or passes it on with
//! [`Cancelled::raise`]. Without a handler the task's future is dropped. Any future can be
//! cancelled so, also one that has never heard of this crate; no signature changes.
//!
//! * **Awaiting a [`Task`] can unwind you**: if it panicked, or was cancelled. Use
//!   [`outcome`](Task::outcome) to be told instead.
//! * No request is lost: a handler that goes away gives what it holds to the next one outwards.
//! * A clean-up whose handler is dropped by code that cannot await goes to the loop's orphan list
//!   ([`adopt`]); the end of `run` waits for it.
//! * Nothing helps against `mem::forget`, reference cycles and `panic = "abort"`: leaking is safe
//!   Rust, and soundness never depends on a clean-up.
//!
//! # Implementation
//!
//! `task/state.rs` has the states of a task and all its atomics, `cancel/tree.rs` the tree of
//! handlers, `cancel/tree/requests.rs` the rules of a request's way through it,
//! `event_loop/mailbox.rs` the wake-up protocol between threads. The workspace's
//! `docs/SOUNDNESS.md` argues why it is sound, and lists the files with unsafe code.
//!
//! # Asyncio correspondence
//!
//! | asyncio | here |
//! |---|---|
//! | `asyncio.run`, `Runner` | [`run`], [`Runner`] |
//! | `create_task`, `Task` | [`spawn`], [`Task`] |
//! | `except CancelledError`, `raise` | [`catch`], [`Cancelled::raise`] |
//! | `asyncio.shield(task)` | [`Task::shielded`]; [`shield`] is trio's |
//! | `task.add_done_callback(f)` | [`TaskHandle::on_done`] |
//! | `current_task`, `all_tasks` | [`current`], [`all_tasks`] |
//! | `loop.call_soon`, `call_soon_threadsafe` | [`call_soon`], [`LoopHandle::call_soon`] |
//! | `run_coroutine_threadsafe` | [`LoopHandle::submit`] |
//! | `to_thread`, `run_in_executor` | [`to_thread`] |
//! | `contextvars` | [`ContextVar`], [`Context`] |

#![doc(test(attr(deny(warnings))))]

mod background;
mod blocking;
pub mod cancel;
mod context;
pub mod driver;
mod event_loop;
mod exact_waits;
mod first_panic;
mod inspect;
pub mod interrupt;
mod os;
mod primitive;
mod report;
mod runner;
mod seconds;
mod spares;
mod spawn;
mod task;
mod ticks;
mod virtual_time;
mod watchdog;

pub use blocking::{ToThread, is_abandoned, to_thread};
pub use cancel::{
    Cancelled, Exit, ExitFuture, Kept, Raising, Reason, ReasonKind, Requests, Unwinder, Unwinding,
    adopt, adopt_at, catch, exit, is_asked, isolate, rearm, shield,
};
pub use context::{Context, ContextVar, Token, copy as copy_context};
pub use event_loop::{BlockingTask, CallHandle, LoopClosed, LoopHandle, call_soon, now, time};
pub use report::{Report, is_debug, report};
pub use runner::{Runner, RunnerBuilder, run};
pub use seconds::Seconds;
pub use spawn::{spawn, spawn_eager, spawn_in, yield_now};
pub use task::{
    Done, DoneCallback, Panic, Shielded, SpawnAll, Stop, Task, TaskHandle, Tasks, all_tasks,
    current, try_current,
};

/// What `tests/loom.rs` checks.
#[cfg(loom)]
#[doc(hidden)]
pub mod models {
    pub use crate::event_loop::mailbox::{Mailbox, Unpark};
    pub use crate::task::once_box::OnceBox;
    pub use crate::task::state::{DETACH, DONE, Fate, JOIN, Returns, State, WAKE};

    /// Makes the ordering with this number in `task/state.rs` and `task/once_box.rs` `Relaxed`; zero is
    /// none.
    pub fn weaken(number: u32) {
        crate::primitive::atomic::WEAKENED.store(number, std::sync::atomic::Ordering::SeqCst);
    }
}

/// Hooks for test harnesses.
pub mod testing {
    pub use crate::inspect::{Counts, PassInfo, counts, drop_future};
    pub use crate::virtual_time::{AllTasksBlocked, advance, set_rate, wait_all_tasks_blocked};
}
