//! Tests of the loop, of tasks and of the cancellation kernel, by event.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod auto_traits;
mod blocking;
mod cells;
mod context;
mod drivers;
mod ends;
mod foreign;
mod hard_cases;
#[cfg(unix)]
mod interrupt;
mod model;
mod moves;
#[cfg(target_os = "linux")]
mod one_core;
mod order;
mod rules;
mod runner;
mod shields;
mod spares;
mod support;
mod virtual_time;
mod wake;
mod watchdog;
