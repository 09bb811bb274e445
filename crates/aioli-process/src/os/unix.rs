//! Unix: pipes that the reactor watches, `kill`, and the numbers of signals.

use super::syscall;
use aioli_reactor::Async;
use futures_io::{AsyncRead, AsyncWrite};
use std::{
    io::{self, PipeReader, PipeWriter},
    os::{
        fd::OwnedFd,
        unix::process::{CommandExt, ExitStatusExt},
    },
    pin::Pin,
    process::{ChildStdin, Command, ExitStatus},
    task::{Context, Poll},
};

/// A child's pipe as a plain one.
pub(crate) fn plain_pipe(pipe: impl Into<OwnedFd>) -> PipeReader {
    PipeReader::from(pipe.into())
}

/// The reading end of a pipe from a child.
#[derive(Debug)]
pub(crate) struct Reader(Async<PipeReader>);

impl Reader {
    pub(crate) fn new(pipe: PipeReader) -> io::Result<Self> {
        Async::new(pipe).map(Self)
    }

    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

/// The writing end of a pipe to a child.
#[derive(Debug)]
pub(crate) struct Writer(Async<PipeWriter>);

impl Writer {
    pub(crate) fn new(pipe: ChildStdin) -> io::Result<Self> {
        Async::new(PipeWriter::from(OwnedFd::from(pipe))).map(Self)
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, data)
    }
}

/// Puts the child into a process group: its own for 0.
pub(crate) fn prepare(command: &mut Command, process_group: Option<i32>) {
    if let Some(group) = process_group {
        command.process_group(group);
    }
}

/// Sends a signal to a child of ours that has not been waited for, so that the number is its.
pub(crate) fn kill(child: &mut std::process::Child, signal: i32) -> io::Result<()> {
    syscall::kill(child.id(), signal)
}

/// Sends a signal to the group of a child of ours that leads it and has not been waited for.
pub(crate) fn kill_group(child: &mut std::process::Child, signal: i32) -> io::Result<()> {
    syscall::kill_group(child.id(), signal)
}

/// Sends a signal to this process.
pub(crate) fn raise(signal: i32) {
    // It fails for numbers that are no signals, of which none gets here.
    let _ = syscall::kill(std::process::id(), signal);
}

/// The number of the signal that ended a process.
pub(crate) fn signal_of(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// The numbers of the common signals.
pub(crate) mod signals {
    pub(crate) use libc::{
        SIGABRT, SIGALRM, SIGBUS, SIGCHLD, SIGCONT, SIGFPE, SIGHUP, SIGILL, SIGINT, SIGKILL,
        SIGPIPE, SIGQUIT, SIGSEGV, SIGSTOP, SIGTERM, SIGTRAP, SIGTSTP, SIGUSR1, SIGUSR2, SIGWINCH,
    };
}
