//! Processes and signals under several executors, with cancellation.
//!
//! What is left behind (processes, zombies, descriptors) is counted.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod auto_traits;
#[cfg(target_os = "linux")]
mod cancel;
mod command;
mod communicate;
mod exit;
mod foreign;
#[cfg(target_os = "linux")]
mod leaks;
mod pipes;
#[cfg(target_os = "linux")]
mod signals;

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// Runs a test body where no aioli loop is on the thread.
fn block_on<F: Future>(future: F) -> F::Output {
    futures::executor::block_on(future)
}

/// Polls a future once, with a waker that does nothing.
fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Waits for what goes on in the background.
#[cfg(target_os = "linux")]
#[track_caller]
fn eventually(what: impl Fn() -> bool) {
    use std::time::{Duration, Instant};
    let end = Instant::now() + Duration::from_secs(10);
    while !what() {
        assert!(Instant::now() < end, "it never came true");
        std::thread::yield_now();
    }
}

/// Whether there is a process of this number, be it a zombie.
#[cfg(target_os = "linux")]
fn exists(id: u32) -> bool {
    std::path::Path::new(&format!("/proc/{id}")).exists()
}
