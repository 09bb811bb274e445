//! Windows: pipes on the blocking pool, waiting by asking, no signals but the end.
//!
//! Anonymous pipes cannot be waited for here, so each read and each write is a job. A job that
//! a dropped future has left behind stays with the pipe, and its bytes go to the next read.

use aioli_task::ToThread;
use aioli_time::sleep;
use std::{
    io::{self, PipeReader, PipeWriter, Read, Write},
    os::windows::io::OwnedHandle,
    pin::Pin,
    process::{ChildStdin, Command, ExitStatus},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

/// The most bytes that one job moves.
const CHUNK: usize = 64 * 1024;

/// How often a waiter asks whether the process has ended.
const ASKING: Duration = Duration::from_millis(10);

/// A child's pipe as a plain one.
pub(crate) fn plain_pipe(pipe: impl Into<OwnedHandle>) -> PipeReader {
    PipeReader::from(pipe.into())
}

/// The reading end of a pipe from a child.
#[derive(Debug)]
pub(crate) struct Reader {
    pipe: Arc<PipeReader>,
    job: Option<ToThread<io::Result<Vec<u8>>>>,
    ahead: Vec<u8>,
}

impl Reader {
    pub(crate) fn new(pipe: PipeReader) -> io::Result<Self> {
        let pipe = Arc::new(pipe);
        Ok(Self {
            pipe,
            job: None,
            ahead: Vec::new(),
        })
    }

    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            if buf.is_empty() || !self.ahead.is_empty() {
                let n = buf.len().min(self.ahead.len());
                buf[..n].copy_from_slice(&self.ahead[..n]);
                self.ahead.drain(..n);
                return Poll::Ready(Ok(n));
            }
            let Some(job) = &mut self.job else {
                let pipe = Arc::clone(&self.pipe);
                self.job = Some(aioli_task::to_thread(move || {
                    let mut bytes = vec![0; CHUNK];
                    let n = (&*pipe).read(&mut bytes)?;
                    bytes.truncate(n);
                    Ok(bytes)
                }));
                continue;
            };
            let result = ready!(Pin::new(job).poll(cx));
            self.job = None;
            self.ahead = result?;
            if self.ahead.is_empty() {
                return Poll::Ready(Ok(0));
            }
        }
    }
}

/// The writing end of a pipe to a child.
#[derive(Debug)]
pub(crate) struct Writer {
    pipe: Arc<PipeWriter>,
    job: Option<ToThread<(Vec<u8>, io::Result<usize>)>>,
}

impl Writer {
    pub(crate) fn new(pipe: ChildStdin) -> io::Result<Self> {
        let pipe = Arc::new(PipeWriter::from(OwnedHandle::from(pipe)));
        Ok(Self { pipe, job: None })
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let Some(job) = &mut self.job else {
                let pipe = Arc::clone(&self.pipe);
                let bytes = data[..data.len().min(CHUNK)].to_vec();
                self.job = Some(aioli_task::to_thread(move || {
                    let result = (&*pipe).write(&bytes);
                    (bytes, result)
                }));
                continue;
            };
            let (bytes, result) = ready!(Pin::new(job).poll(cx));
            self.job = None;
            // Bytes that the caller did not bring belong to a write that was given up.
            if data.starts_with(&bytes) {
                return Poll::Ready(result);
            }
            result?;
        }
    }
}

/// How the end of one process is waited for.
#[derive(Debug)]
pub(crate) struct ExitWatch;

impl ExitWatch {
    pub(crate) fn new(_id: u32) -> Self {
        Self
    }

    /// Tries `attempt` now and then until it gives a status.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing: the status stays with the child.
    pub(crate) async fn wait(
        &self,
        attempt: impl Fn() -> io::Result<Option<ExitStatus>>,
    ) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = attempt()? {
                return Ok(status);
            }
            sleep(ASKING).await;
        }
    }
}

/// There are no process groups of Unix's kind.
pub(crate) fn prepare(_command: &mut Command, _process_group: Option<i32>) {}

/// Ends the child, for the two signals that mean the end.
pub(crate) fn kill(child: &mut std::process::Child, signal: i32) -> io::Result<()> {
    match signal {
        signals::SIGKILL | signals::SIGTERM => child.kill(),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// There are no process groups of this kind.
pub(crate) fn kill_group(_child: &mut std::process::Child, _signal: i32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Signals are not handled here, so there is none to send again.
pub(crate) fn raise(_signal: i32) {}

/// Processes are not ended by signals.
pub(crate) fn signal_of(_status: ExitStatus) -> Option<i32> {
    None
}

/// There are no dispositions.
pub(crate) fn disposition(_signal: i32) -> usize {
    0
}

/// The numbers that other systems give to the common signals.
pub(crate) mod signals {
    pub(crate) const SIGHUP: i32 = 1;
    pub(crate) const SIGINT: i32 = 2;
    pub(crate) const SIGQUIT: i32 = 3;
    pub(crate) const SIGILL: i32 = 4;
    pub(crate) const SIGTRAP: i32 = 5;
    pub(crate) const SIGABRT: i32 = 6;
    pub(crate) const SIGBUS: i32 = 7;
    pub(crate) const SIGFPE: i32 = 8;
    pub(crate) const SIGKILL: i32 = 9;
    pub(crate) const SIGUSR1: i32 = 10;
    pub(crate) const SIGSEGV: i32 = 11;
    pub(crate) const SIGUSR2: i32 = 12;
    pub(crate) const SIGPIPE: i32 = 13;
    pub(crate) const SIGALRM: i32 = 14;
    pub(crate) const SIGTERM: i32 = 15;
    pub(crate) const SIGCHLD: i32 = 17;
    pub(crate) const SIGCONT: i32 = 18;
    pub(crate) const SIGSTOP: i32 = 19;
    pub(crate) const SIGTSTP: i32 = 20;
    pub(crate) const SIGWINCH: i32 = 28;
}
