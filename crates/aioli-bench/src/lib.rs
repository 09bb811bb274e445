//! The harness of the benchmarks: one command line, one way to measure, one line of output.
//!
//! Every program that takes part, ours and each peer's, links this crate, says in a [`Program`]
//! who it is, and runs the workloads it is asked for under a [`Meter`] (laps of many operations)
//! or a [`Tap`] (operations that take microseconds, from many tasks). A program that measures a
//! socket starts its other end as a second process, which is this same harness in another role,
//! so that both ends can be pinned to different cores and each has a clock of its own.
//!
//! ```text
//! PROGRAM --list
//! PROGRAM --peer NAME --workload NAME [--seconds S] [--warm-up S] [--ops N] [--size BYTES]
//!         [--concurrency N] [--pin CPU,…] [--helper-pin CPU,…] [--helper PATH] [--dir DIR] [--count]
//! ```
//!
//! The output is one line of JSON: `{"peer", "workload", "ops", "wall_ns", "cpu_ns",
//! "allocations", "allocated_bytes", "switches", "peak_rss", "figures": {…}}`, or
//! `{"peer", "workload", "unsupported": true}`.

mod alloc;
pub mod files;
mod json;
mod meter;
pub mod net;
pub mod os;
mod outcome;
mod program;
mod run;
mod tap;

pub use meter::Meter;
pub use outcome::{Outcome, Sample};
pub use program::{Peer, Program, main};
pub use run::Run;
pub use tap::Tap;

/// An outcome whose error is a sentence for the person at the terminal.
pub type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;
