//! asyncio's programming model for Rust: everything in one crate, and a prelude.
//!
//! ```
//! # mod program {
//! use aioli::prelude::*;
//!
//! async fn fetch(id: u32, delay: f64) -> String {
//!     sleep(delay).await;
//!     format!("data {id}")
//! }
//!
//! aioli::main!(async {
//!     let results = [fetch(1, 0.02), fetch(2, 0.01)].gather().await;
//!     results.iter().for_each(|result| println!("{result}"));
//!     let late = timeout(0.01, fetch(3, 3600.0)).await;
//!     println!("{}", late.unwrap_or("timed out".into()));
//! });
//! # }
//! # fn main() -> std::process::ExitCode { program::main() }
//! ```
//!
//! # Should I depend on this crate?
//!
//! Yes, if you write a program. Tasks, queues, timers, files, sockets, subprocesses and HTTP come
//! with one `use aioli::prelude::*;`, and errors of all kinds with one [`Result`].
//!
//! No, if you write a library: take the crate that has what you need. Each works alone, under any
//! executor, has its own typed errors, and is small.
//!
//! | module | crate | what it is |
//! |---|---|---|
//! | [`sync`] | `aioli-sync` | queues, channels, locks, events, semaphores, barriers |
//! | [`task`] | `aioli-task` | the loop, tasks, cancellation, threads, context variables |
//! | [`time`] | `aioli-time` | sleep, intervals, deadlines |
//! | [`reactor`] | `aioli-reactor` | readiness of sockets and pipes |
//! | [`flow`] | `aioli-flow` | gather, race, timeout, task groups, `with`, generators |
//! | [`net`] | `aioli-net` | TCP, UDP, Unix sockets, names, buffered streams, servers |
//! | [`fs`] | `aioli-fs` | files and folders |
//! | [`process`] | `aioli-process` | subprocesses and signals |
//! | [`http`] | `aioli-http` | an HTTP client |
//!
//! # In scope / Out of scope
//!
//! In scope: the crates above as modules, the [`prelude`], [`main!`], and an error type for
//! applications ([`Error`], [`Result`], [`bail!`], [`ensure!`]), which is anyhow's. Out of scope:
//! anything else; there is no mechanism in this crate.
//!
//! # Examples
//!
//! Producers and consumers, in as many lines as Python needs:
//!
//! ```
//! # mod program {
//! use aioli::prelude::*;
//!
//! async fn producer(queue: &Queue<u32>) -> Result {
//!     for i in 0..10 {
//!         queue.put(i).await?; // waits while five are in the queue
//!         println!("produced {i}");
//!     }
//!     Ok(())
//! }
//!
//! fn consumer(queue: Queue<u32>, name: u32) -> impl Future {
//!     queue.for_each(async move |item| {
//!         println!("{name} consumed {item}");
//!         sleep(0.001).await;
//!     })
//! }
//!
//! aioli::main!(async {
//!     let queue = Queue::new(5);
//!     let consumers = (0..3).map(|i| consumer(queue.clone(), i)).spawn_all();
//!     producer(&queue).await?;
//!     queue.join().await;
//!     consumers.stop().await;
//! });
//! # }
//! # fn main() -> std::process::ExitCode { program::main() }
//! ```
//!
//! The whole asyncio tutorial, one file a program, is in `examples/`, each with its Python
//! original beside it. `cargo run -p aioli-cli -- tour` runs them all.
//!
//! # Cancellation
//!
//! Any future can be cancelled: a request drops what a task is waiting for, innermost first, so
//! that ordinary `Drop` runs, and what must await its clean-up says so with
//! [`with`](prelude::with), [`finally`](prelude::finally) or [`catch`](prelude::catch). `timeout`,
//! `race`, task groups, Ctrl-C and the end of the program all go this way. Awaiting a
//! [`Task`](prelude::Task) that was cancelled cancels the awaiter, as in Python;
//! [`outcome`](prelude::Task::outcome) tells instead. What remains of an operation that is
//! dropped half-way stands in its documentation, under *Cancel safety*.
//!
//! # Implementation
//!
//! Re-exports, one declarative macro (`program.rs`) and the prelude (`prelude.rs`). The loop and
//! cancellation are argued in [`task`], readiness in [`reactor`], the rest in its own crate.
//!
//! # Features
//!
//! `http2`: the HTTP client speaks HTTP/2 as well.
//!
//! # Asyncio correspondence
//!
//! | asyncio | here |
//! |---|---|
//! | `asyncio.run(main())` | [`main!`], [`run`](prelude::run) |
//! | `await`, `async with`, `async for` | `.await`, [`with`](prelude::with), `while let Some(x) = it.next().await` or `for_each` |
//! | `create_task`, `gather`, `wait_for`, `TaskGroup` | [`spawn`](prelude::spawn), [`gather`](prelude::Gather::gather), [`timeout`](prelude::timeout()), [`TaskGroup`](prelude::TaskGroup) |
//! | exceptions | [`Result`], `?`, [`bail!`] |
//! | numbers of seconds | the same, or a `Duration` ([`Seconds`](prelude::Seconds)) |
//!
//! Searching these docs, or those of the crates, for a name such as `asyncio.Queue.put_nowait`
//! finds ours.

#![forbid(unsafe_code)]
#![doc(test(attr(deny(warnings))))]

pub mod prelude;
mod program;

pub use aioli_flow as flow;
pub use aioli_fs as fs;
pub use aioli_http as http;
pub use aioli_net as net;
pub use aioli_process as process;
pub use aioli_reactor as reactor;
pub use aioli_sync as sync;
pub use aioli_task as task;
pub use aioli_time as time;

pub use anyhow::{Error, anyhow, bail, ensure};
pub use program::{MainOutput, run_program};

/// A value, or any error at all: the result of functions in applications.
///
/// `Result` alone is for functions that return nothing, `Result<T>` for the others, and
/// `Result<T, E>` is the standard library's, so that importing it takes nothing away.
///
/// # Examples
///
/// ```
/// use aioli::{Result, ensure};
///
/// fn check(port: &str) -> Result {
///     ensure!(port.parse::<u16>()? > 1023, "port {port} is reserved");
///     Ok(())
/// }
///
/// assert_eq!(check("80").unwrap_err().to_string(), "port 80 is reserved");
/// assert!(check("eighty").is_err());
/// ```
pub type Result<T = (), E = Error> = std::result::Result<T, E>;
