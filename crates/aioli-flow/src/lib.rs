//! Structured concurrency: gather, race, timeout, task groups, clean-up that may await.
//!
//! ```
//! use aioli_flow::{Gather, gather, timeout};
//! use aioli_time::sleep;
//! use std::time::Duration;
//!
//! async fn fetch(id: u64) -> String {
//!     sleep(Duration::from_millis(id)).await;
//!     format!("data {id}")
//! }
//!
//! aioli_task::run(async {
//!     let (one, two) = gather((fetch(1), fetch(2))).await;
//!     let more = (3..6).map(fetch).gather().await;
//!     println!("{one}, {two}, {more:?}");
//!
//!     let late = timeout(Duration::from_millis(5), fetch(3600)).await;
//!     println!("{}", late.unwrap_or("timed out".into()));
//! });
//! ```
//!
//! # Should I depend on this crate?
//!
//! Yes, when you write a library whose futures run several things together, bound them by time, or
//! clean up with an `await`, on aioli's loop or on any executor. An application takes the facade
//! `aioli`, which re-exports everything here.
//!
//! # In scope / Out of scope
//!
//! In scope:
//!
//! * all of several futures: [`gather`](fn@gather), [`try_gather`], [`Gather`], [`TryGather`];
//! * the first of several futures: [`race`](fn@race), [`RaceAll`], [`staggered`](fn@staggered);
//! * bounds in time: [`timeout`](fn@timeout), [`timeout_at`], [`timeout_scope`](fn@timeout_scope),
//!   [`move_on_after`], [`wait_up_to`], [`shield_for`](fn@shield_for);
//! * scopes that cancel at every suspension, as trio's do: [`CancelScope`],
//!   [`current_effective_deadline`], [`checkpoint`];
//! * tasks: [`TaskGroup`], [`wait`](fn@wait), [`CompletionOrder::as_completed`];
//! * clean-up that may await: [`with`](fn@with), [`finally`], [`AsyncClose`], [`Stack`];
//! * items that come over time: [`generator`](fn@generator), [`for_each`], [`next`];
//! * a value that comes later: [`promise`](fn@promise);
//! * the proof: [`testing`] cancels a scenario everywhere.
//!
//! Out of scope: tasks, and the kernel of cancellation (`catch`, `raise`, `shield`), which are in
//! `aioli-task`; timers (`aioli-time`); queues and locks (`aioli-sync`).
//!
//! # Examples
//!
//! Clean-up is awaited on every way out, here after a timeout:
//!
//! ```
//! use aioli_flow::{AsyncClose, timeout, with};
//! use aioli_time::sleep;
//! use std::time::Duration;
//!
//! struct Connection;
//!
//! impl AsyncClose for Connection {
//!     async fn aclose(self) {
//!         sleep(Duration::from_millis(1)).await;
//!         println!("closed");
//!     }
//! }
//!
//! aioli_task::run(async {
//!     let session = with(Connection, async |_connection| {
//!         sleep(Duration::from_secs(3600)).await;
//!     });
//!     assert!(timeout(Duration::from_millis(1), session).await.is_err()); // "closed" is printed
//! });
//! ```
//!
//! Children of a group end before its block does, and their errors come out in one:
//!
//! ```
//! use aioli_flow::TaskGroup;
//!
//! aioli_task::run(async {
//!     let group = TaskGroup::scope(async |tg| {
//!         tg.spawn(async { "12".parse::<u32>() });
//!         tg.spawn(async { "1x".parse::<u32>() });
//!         Ok(())
//!     });
//!     println!("{}", group.await.expect_err("the second child fails"));
//! });
//! ```
//!
//! A part of a task that anybody may cancel, with a deadline that moves:
//!
//! ```
//! use aioli_flow::CancelScope;
//! use aioli_time::sleep;
//! use std::time::Duration;
//!
//! aioli_task::run(async {
//!     let scope = CancelScope::after(Duration::from_millis(1));
//!     let stop = scope.clone(); // for a button, or another task
//!     let work = scope.run(async {
//!         scope.set_deadline(None);
//!         sleep(Duration::from_millis(2)).await;
//!         stop.cancel();
//!         sleep(Duration::from_secs(3600)).await;
//!     });
//!     assert!(work.await.is_none());
//! });
//! ```
//!
//! # Cancellation
//!
//! Every branch, body and child here is a handler of its own. A request to cancel that comes from
//! outside reaches each of them once, and goes on outwards when all have cleaned up. What a
//! combinator asks for its own sake (a deadline, a lost race, a failed sibling) stays inside it. When
//! both happen, the outside request is passed on; when a result or an error has to come out first,
//! the request is delivered at the caller's next suspension.
//!
//! Everything here asks once, but for [`CancelScope`], which asks again at every suspension.
//!
//! Foreign code may drop one of these futures half-way. What owns what it cleans up ([`with`](fn@with),
//! [`Stack`], a generator, a task group) is left to the loop then, which finishes it; what borrows
//! ([`finally`]) cannot be, and debug mode reports it. Our own combinators ask and drain, and never
//! drop.
//!
//! # Implementation
//!
//! Ordinary safe code over `exit`, the handler of `aioli-task`. `branch.rs` says what a branch is, how
//! it may end and what that means for the others; `woken.rs` polls only the branches that have been
//! woken; `task_group.rs`, `timeout.rs` and `cancel_scope.rs` are the scopes. With today's compiler, closures of
//! type `AsyncFnMut` that capture something make a future that is not `Send`; `AsyncFnOnce` is fine.
//!
//! # Asyncio correspondence
//!
//! | asyncio | here |
//! |---|---|
//! | `gather(a, b, return_exceptions=True)` | [`gather((a, b))`](fn@gather), `iter.gather()` |
//! | `gather(a, b)` | [`try_gather((a, b))`](fn@try_gather), which asks the others and waits for them |
//! | `wait_for(f, 2)`, `timeout(2)` | [`timeout(2, f)`](fn@timeout), [`timeout_scope`](fn@timeout_scope) |
//! | `TaskGroup`, `ExceptionGroup` | [`TaskGroup`], [`Group`] |
//! | trio's `nursery.start(f)` | [`TaskGroup::start`] |
//! | trio's `CancelScope`, `fail_after` | [`CancelScope`], [`timeout`](fn@timeout) |
//! | `wait(tasks, return_when=…)` | [`wait(&mut tasks).until(…)`](fn@wait) |
//! | `as_completed(tasks)` | `tasks.as_completed()` |
//! | `async with r as x`, `AsyncExitStack` | [`with(r, async \|x\| …)`](fn@with), [`Stack`] |
//! | `try … finally` with an `await` | [`finally(body, cleanup)`](fn@finally) |
//! | `async def` with `yield`, `async for` | [`generator`](fn@generator), [`Gen::for_each`], [`for_each`] |
//! | `loop.create_future()` | [`promise()`](fn@promise) |
//! | `staggered_race` | [`staggered`](fn@staggered) |
#![forbid(unsafe_code)]
#![doc(test(attr(deny(warnings))))]

mod as_completed;
mod branch;
mod branches;
mod cancel_scope;
mod error_group;
mod gather;
mod generator;
mod iterate;
mod moving_timer;
mod promise;
mod race;
mod shield_for;
mod slot;
mod stack;
mod staggered;
mod task_group;
pub mod testing;
mod timeout;
mod timeout_scope;
mod wait;
mod watch;
mod with;
mod woken;

pub use aioli_task::isolate;

pub use crate::as_completed::{AsCompleted, CompletionOrder};
pub use crate::cancel_scope::{CancelScope, checkpoint, current_effective_deadline};
pub use crate::error_group::{BoxError, Group};
pub use crate::gather::{Gather, GatherTuple, TryGather, TryGatherTuple, gather, try_gather};
pub use crate::generator::{Gen, Next, Put, Yielder, generator};
pub use crate::iterate::{for_each, next};
pub use crate::promise::{Promise, Promised, promise};
pub use crate::race::{Of2, Of3, Of4, Of5, Of6, Of7, Of8, Race, RaceAll, race};
pub use crate::shield_for::shield_for;
pub use crate::stack::{Pushed, Stack};
pub use crate::staggered::{Attempt, Staggered, staggered};
pub use crate::task_group::{ChildOutput, StartError, Started, Starting, TaskGroup};
pub use crate::timeout::{Elapsed, move_on_after, timeout, timeout_at, wait_up_to};
pub use crate::timeout_scope::{RescheduleError, TimeoutScope, timeout_scope};
pub use crate::wait::{First, TaskSet, Wait, Waiting, wait};
pub use crate::with::{AsyncClose, TryClose, finally, try_with, with};
