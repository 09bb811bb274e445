//! Timers: sleep, intervals, deadlines and callbacks that run later.
//!
//! ```
//! use std::time::Duration;
//!
//! aioli_task::run(async {
//!     aioli_time::sleep(Duration::from_millis(10)).await;
//!
//!     let mut ticks = aioli_time::interval(Duration::from_millis(2));
//!     for n in 0..3 {
//!         ticks.tick().await;
//!         println!("tick {n}");
//!     }
//! });
//! ```
//!
//! # Should I depend on this crate?
//!
//! Yes, when you write a library for aioli's loop, or for any executor, that has to wait for time
//! to pass. An application takes the facade `aioli`, which re-exports everything here. Bounding
//! another future by time (`timeout`) is in `aioli-flow`.
//!
//! | to | pick | a wait that is dropped leaves | in Python |
//! |---|---|---|---|
//! | wait for a length of time | [`sleep`] | nothing: its timer goes | `asyncio.sleep` |
//! | wait for a moment | [`sleep_until`] | nothing | `trio.sleep_until` |
//! | do something regularly | [`interval`], [`interval_at`] | the tick, for the next wait | a loop around `asyncio.sleep` |
//! | bound several steps by one moment | [`Deadline`] | – | `trio.current_time() + d` |
//! | bound one thing after the other, each by its own moment, and look at the clock yourself | [`Alarm`] | – | – |
//! | bound one future by time | `aioli_flow::timeout` | the future is cancelled | `asyncio.timeout` |
//! | have a function called later, without a task | [`call_later`], [`call_at`] | – ([`TimerHandle::cancel`]) | `loop.call_later`, `call_at` |
//!
//! What is due at the same moment happens in the order in which it was asked for, whatever it is; of
//! an interval that nobody asked in time, [`MissedTicks`] says which ticks are made up for.
//!
//! # In scope / Out of scope
//!
//! In scope: [`sleep`], [`sleep_until`], [`interval`] with three ways to treat missed ticks,
//! [`Deadline`], [`Alarm`], [`call_later`] and [`call_at`]. Wherever a length of time is taken, a `Duration`
//! or a plain number of seconds will do ([`Seconds`]).
//!
//! Out of scope: the clock itself, real or virtual, which belongs to the loop (`aioli-task`); wall
//! clock time, calendars and time zones.
//!
//! # Examples
//!
//! A test of an hour that takes no time: on the virtual clock, time jumps to the next deadline
//! when there is nothing to run.
//!
//! ```
//! use std::time::Duration;
//!
//! let mut runner = aioli_task::Runner::builder().virtual_clock().build();
//! let hour = runner.run(async {
//!     let begin = aioli_task::now();
//!     aioli_time::sleep(Duration::from_secs(3600)).await;
//!     aioli_task::now() - begin
//! });
//! assert_eq!(hour.expect("nothing stopped it"), Duration::from_secs(3600));
//! ```
//!
//! Under another executor, the timers are those of the process's background loop:
//!
//! ```
//! use std::time::Duration;
//!
//! futures::executor::block_on(aioli_time::sleep(Duration::from_millis(1)));
//! ```
//!
//! # Cancellation
//!
//! Everything here is cancelled by dropping it. A dropped [`Sleep`] takes its timer with it, and
//! nothing else remains; an [`Interval`] loses no tick when the wait for one is dropped. A
//! [`TimerHandle`] is the exception: dropping it changes nothing, as in asyncio, and
//! [`TimerHandle::cancel`] takes the callback back.
//!
//! # Implementation
//!
//! Each loop has one set of timers (`timers.rs`), which becomes the loop's deadline source when it
//! is first used (`driver.rs`). It is a wheel: setting and cancelling a timer costs the same however
//! many there are, and only what is due soon is kept in order. Timers fire in the order of their
//! exact deadlines, and of their arrival among equal deadlines, and never early. They are on time as
//! far as the system lets them: on Linux the thread of a loop with timers waits without the slack of
//! 50 µs that waits have by default. Only where timers have fired and the next is due within 50 µs,
//! the loop waits for so long, and fires what has become due together. While more than 32 fire together
//! each time, it waits for longer, up to 400 µs. What is due already when it
//! is set is not put off, and a virtual clock puts off nothing. A future keeps the key of its timer
//! and may be polled and dropped on any thread; when its loop has ended before its time was over, it
//! goes on with the loop that it is polled on. A [`Sleep`] is 24 bytes, its timer 40.
//!
//! # Asyncio correspondence
//!
//! | asyncio | here |
//! |---|---|
//! | `asyncio.sleep(d)` | [`sleep(d)`](sleep) |
//! | `asyncio.sleep(0)` | `sleep(0)`, or `aioli_task::yield_now()` |
//! | `loop.call_later(d, f)`, `loop.call_at(t, f)` | [`call_later`], [`call_at`] |
//! | `TimerHandle.cancel()`, `.when()` | [`TimerHandle::cancel`], [`TimerHandle::when`] |
//! | `loop.time()` | `aioli_task::time()` |
//!
//! A sleep begins when it is first polled, as a coroutine does, and not when it is made.
#![forbid(unsafe_code)]
#![doc(test(attr(deny(warnings))))]

mod alarm;
mod callback;
mod callbacks;
mod deadline;
mod driver;
mod interval;
mod moment;
mod ruler;
mod sleep;
mod stats;
mod timers;

pub use aioli_task::Seconds;

pub use crate::alarm::Alarm;
pub use crate::callback::{TimerHandle, call_at, call_later};
pub use crate::deadline::Deadline;
pub use crate::interval::{Interval, MissedTicks, interval, interval_at};
pub use crate::sleep::{Sleep, sleep, sleep_until};
pub use crate::stats::{Stats, stats};
