//! Tests of the loop, of tasks and of the cancellation kernel, by event.

mod auto_traits;
mod blocking;
mod cancel;
mod context;
mod drivers;
mod foreign;
mod loops;
mod panics;
mod rules;
mod runner;
mod support;
