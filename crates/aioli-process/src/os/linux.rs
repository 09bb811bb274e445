//! Linux: a process descriptor that becomes readable when the process ends.

use super::{syscall, watch_thread::WatchThread};
use aioli_reactor::Async;
use std::{io, os::fd::OwnedFd, process::ExitStatus};

/// How the end of one process is waited for.
#[derive(Debug)]
pub(crate) struct ExitWatch {
    /// `None` where the system refuses one: an old kernel, a sandbox.
    process: Option<Async<OwnedFd>>,
    otherwise: WatchThread,
}

impl ExitWatch {
    /// Watches a child that has not been waited for yet.
    pub(crate) fn new(id: u32) -> Self {
        let process = syscall::open_process(id)
            .and_then(Async::from_pollable)
            .ok();
        Self {
            process,
            otherwise: WatchThread::new(id),
        }
    }

    /// Tries `attempt` now and after the end of the process, until it gives a status.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing: the status stays with the child.
    pub(crate) async fn wait(
        &self,
        attempt: impl Fn() -> io::Result<Option<ExitStatus>>,
    ) -> io::Result<ExitStatus> {
        if let Some(process) = &self.process {
            // Only the reactor's own error comes out of `read_with`: its loop has ended. A
            // thread does not need the loop.
            let reported = process.read_with(|_| match attempt() {
                Ok(None) => Err(io::ErrorKind::WouldBlock.into()),
                Ok(Some(status)) => Ok(Ok(status)),
                Err(error) => Ok(Err(error)),
            });
            if let Ok(result) = reported.await {
                return result;
            }
        }
        self.otherwise.wait(attempt).await
    }
}
