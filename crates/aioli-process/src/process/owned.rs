//! A child that is never left behind: dropped, it is killed and reaped.

use crate::{os, signal_name::SIGKILL};
use std::{
    io::{self, PipeReader},
    process::{Child, ChildStdin, ExitStatus},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

/// A child of this process.
///
/// # Invariants
///
/// The child is reaped under the lock only, and signals are sent under the lock only, to a
/// child that has not been reaped. So its number is still its own when it is used.
#[derive(Debug)]
pub(crate) struct Owned {
    id: u32,
    child: Arc<Mutex<Child>>,
}

impl Owned {
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Reaps the child if it has ended.
    pub(crate) fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        lock(&self.child).try_wait()
    }

    /// Sends a signal, or tells that there is nobody to send it to any more.
    pub(crate) fn send_signal(&self, signal: i32) -> io::Result<bool> {
        self.send(signal, os::kill)
    }

    /// Sends a signal to the group that the child leads, as long as the child is there.
    pub(crate) fn signal_group(&self, signal: i32) -> io::Result<bool> {
        self.send(signal, os::kill_group)
    }

    fn send(&self, signal: i32, kill: fn(&mut Child, i32) -> io::Result<()>) -> io::Result<bool> {
        let mut child = lock(&self.child);
        if child.try_wait()?.is_some() {
            return Ok(false);
        }
        kill(&mut child, signal).map(|()| true)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // An error means that somebody else has reaped the child: there is nothing left to do.
        if let Ok(true) = self.send_signal(SIGKILL) {
            reap(&self.child);
        }
    }
}

/// Waits for a child that was just killed, in a thread of its own if it takes any time.
fn reap(child: &Arc<Mutex<Child>>) {
    if !matches!(lock(child).try_wait(), Ok(None)) {
        return;
    }
    let dying = Arc::clone(child);
    let wait = move || drop(lock(&dying).wait());
    let thread = thread::Builder::new()
        .name("aioli-reap".to_owned())
        .spawn(wait);
    if thread.is_err() {
        // A killed child is gone in a moment; a zombie would stay.
        drop(lock(child).wait());
    }
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    // Nothing under the lock panics half-way.
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was just started, before a loop watches it. Dropped, the child is killed and reaped.
#[derive(Debug)]
pub(crate) struct Spawned {
    pub(crate) owned: Owned,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<PipeReader>,
    pub(crate) stderr: Option<PipeReader>,
}

impl Spawned {
    /// `merged` is the pipe to which both output and error messages go, if there is one.
    pub(crate) fn new(mut child: Child, merged: Option<PipeReader>) -> Self {
        let stdin = child.stdin.take();
        let stdout = merged.or(child.stdout.take().map(os::plain_pipe));
        let stderr = child.stderr.take().map(os::plain_pipe);
        let owned = Owned {
            id: child.id(),
            child: Arc::new(Mutex::new(child)),
        };
        Self {
            owned,
            stdin,
            stdout,
            stderr,
        }
    }
}
