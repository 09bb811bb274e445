//! Files and folders under several executors, with cancellation and with a full disk.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod auto_traits;
#[cfg(unix)]
mod buffered;
#[cfg(target_os = "linux")]
mod bursts;
#[cfg(target_os = "linux")]
mod cancel;
#[cfg(target_os = "linux")]
mod children;
#[cfg(target_os = "linux")]
mod errors;
#[cfg(target_os = "linux")]
mod faults;
mod foreign;
#[cfg(target_os = "linux")]
mod leaks;
#[cfg(unix)]
mod lines;
#[cfg(target_os = "linux")]
mod log;
#[cfg(unix)]
mod model;
#[cfg(unix)]
mod names;
mod open;
#[cfg(target_os = "linux")]
mod ring;
#[cfg(unix)]
mod swaps;
#[cfg(target_os = "linux")]
mod whole;

use std::future::Future;

/// Runs a test body where no aioli loop is on the thread.
fn block_on<F: Future>(future: F) -> F::Output {
    futures::executor::block_on(future)
}

/// Polls a future once, with a waker that does nothing.
#[cfg(unix)]
fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
    future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
}

/// A file with these contents, which goes with its folder.
#[cfg(unix)]
async fn temp(content: impl AsRef<[u8]>) -> (aioli_fs::TempDir, std::path::PathBuf) {
    let dir = aioli_fs::TempDir::new().await.unwrap();
    let path = dir.path().join("a");
    aioli_fs::write(&path, content).await.unwrap();
    (dir, path)
}
