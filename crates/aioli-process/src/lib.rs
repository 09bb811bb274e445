//! Subprocesses and signals, asynchronously.
//!
//! ```
//! # #[cfg(unix)]
//! # aioli_task::run(async {
//! use aioli_process::{Command, Stdio};
//!
//! let date = Command::new("date").arg("+%Y").run().await?;
//! println!("it is {}", date.text());
//!
//! let mut sort = Command::new("sort").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().await?;
//! let output = sort.communicate("b\na\n").await?;
//! assert_eq!(output.text(), "a\nb\n");
//! # Ok::<(), aioli_process::Error>(())
//! # }).unwrap();
//! ```
//!
//! # Should I depend on this crate?
//!
//! Yes, if your program starts others and does something else meanwhile, or wants to be told of
//! signals. All futures are `Send`, and work under any executor: aioli's loop, tokio, smol, a
//! plain `block_on`.
//!
//! No, for Ctrl-C alone: `aioli_task::run` already cancels its main for that.
//!
//! # In scope / Out of scope
//!
//! In scope: starting programs ([`Command`], [`shell`]) with pipes, files or nothing for their
//! standard streams; both directions of a conversation at once ([`Process::communicate`]); their
//! end, by pidfd on Linux and by a thread elsewhere; sending signals; receiving them
//! ([`signals`], [`on_signal`]).
//!
//! Out of scope: pseudo-terminals, changing users, limits, running code between fork and exec.
//! On Windows there are processes and pipes, and no signals.
//!
//! # Examples
//!
//! A process's output, line by line, while it runs; the process is asked to end whatever happens
//! in the body:
//!
//! ```
//! # #[cfg(unix)]
//! # aioli_task::run(async {
//! use aioli_flow::with;
//! use aioli_process::{Stdio, shell};
//!
//! let process = shell("echo one; echo two; exec sleep 1000").stdout(Stdio::piped()).spawn().await?;
//! with(process, async |process| {
//!     let mut lines = process.stdout.take().expect("it is piped").lines();
//!     assert_eq!(lines.next().await.transpose()?.as_deref(), Some("one"));
//!     assert_eq!(lines.next().await.transpose()?.as_deref(), Some("two"));
//!     Ok::<(), std::io::Error>(())
//! })
//! .await?;
//! # Ok::<(), std::io::Error>(())
//! # }).unwrap();
//! ```
//!
//! # Cancellation
//!
//! No process is left behind. A [`Process`] that is dropped is killed and reaped, also one whose
//! [`Command::spawn`] was dropped half-way. A request to cancel that finds a task in
//! [`Command::output`], [`Command::run`] or [`Command::status`], or in
//! [`with`](aioli_flow::with), is gentler: the process is asked to end, killed after its
//! [`grace`](Command::grace) time, and reaped, and only then the cancellation goes on.
//! [`Command::deliver_cancel`] ends it in another way.
//!
//! [`Process::wait`] and [`Process::communicate`] can be dropped and called again; neither a
//! status nor output is lost.
//!
//! # Implementation
//!
//! `process/owned.rs` argues why a signal never meets a process that has taken the number of
//! ours. `os/linux.rs` waits by pidfd through `aioli-reactor`; `os/watch_thread.rs` is what is
//! left where there is none. Programs are started on the blocking pool, because the system
//! suspends the caller until the new program is loaded. Signals come from
//! `aioli_task::interrupt`, which shares one thread among all receivers.
//!
//! # Asyncio correspondence
//!
//! | asyncio | here |
//! |---|---|
//! | `create_subprocess_exec(*argv, stdin=PIPE, …)` | [`Command::spawn`] |
//! | `create_subprocess_shell(line)` | [`shell`] |
//! | `PIPE`, `DEVNULL`, `STDOUT` | [`Stdio::piped`], [`Stdio::null`], [`Stdio::merge`] |
//! | `process.communicate(input)` | [`Process::communicate`] |
//! | `process.wait()`, `process.returncode` | [`Process::wait`], [`Process::try_wait`] |
//! | `process.send_signal`, `terminate`, `kill` | the same; [`Error::NoSuchProcess`] after the end |
//! | `os.killpg` | [`Process::signal_group`] |
//! | `trio.run_process(deliver_cancel=…)` | [`Command::deliver_cancel`] |
//! | `async for line in process.stdout` | [`PipeReader::lines`] |
//! | `loop.add_signal_handler` | [`on_signal`]; as a stream: [`signals`] |
//! | `subprocess.run(check=True)` | [`Command::run`] |

mod command;
mod error;
mod exit_status;
mod lines;
mod os;
mod pipe;
mod process;
mod signal_name;
mod signals;

pub use command::{Command, Output, Stdio, shell};
pub use error::{Error, Result};
pub use exit_status::ExitStatus;
pub use lines::Lines;
pub use pipe::{PipeReader, PipeWriter};
pub use process::Process;
pub use signal_name::{
    SIGABRT, SIGALRM, SIGBUS, SIGCHLD, SIGCONT, SIGFPE, SIGHUP, SIGILL, SIGINT, SIGKILL, SIGPIPE,
    SIGQUIT, SIGSEGV, SIGSTOP, SIGTERM, SIGTRAP, SIGTSTP, SIGUSR1, SIGUSR2, SIGWINCH, signal_name,
};
pub use signals::{SignalHandler, Signals, on_signal, signals};
