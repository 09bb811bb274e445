//! Both directions at once: input is written while output and error messages are read.

use crate::pipe::{PipeReader, PipeWriter};
use std::{
    io,
    task::{Context, Poll},
};

/// How far the exchange has come. It belongs to the process, so that it survives its future.
#[derive(Debug)]
pub(crate) struct Talk {
    input: Vec<u8>,
    sent: usize,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// Which side has failed.
type Failure = (&'static str, io::Error);

impl Talk {
    pub(crate) fn new(input: Vec<u8>) -> Self {
        Self {
            input,
            sent: 0,
            stdout: Vec::new(),
            stderr: Vec::new(),
        }
    }

    pub(crate) fn into_parts(self) -> (Vec<u8>, Vec<u8>) {
        (self.stdout, self.stderr)
    }

    /// Moves what can be moved, closing each pipe at its end; ready when all are closed.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stdin: &mut Option<PipeWriter>,
        stdout: &mut Option<PipeReader>,
        stderr: &mut Option<PipeReader>,
    ) -> Poll<Result<(), Failure>> {
        let sent = self
            .poll_send(cx, stdin)
            .map_err(|error| ("write to", error))?;
        let out = poll_collect(cx, stdout, &mut self.stdout);
        let out = out.map_err(|error| ("read the output of", error))?;
        let err = poll_collect(cx, stderr, &mut self.stderr);
        let err = err.map_err(|error| ("read the errors of", error))?;
        if sent.is_ready() && out.is_ready() && err.is_ready() {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        stdin: &mut Option<PipeWriter>,
    ) -> Poll<io::Result<()>> {
        while let Some(pipe) = stdin {
            if self.sent == self.input.len() {
                break;
            }
            match pipe.poll_some(cx, &self.input[self.sent..]) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(n)) => self.sent += n,
                // It may well end, or close its input, before it has read all.
                Poll::Ready(Err(error)) if is_broken_pipe(&error) => break,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            }
        }
        *stdin = None;
        Poll::Ready(Ok(()))
    }
}

fn poll_collect(
    cx: &mut Context<'_>,
    pipe: &mut Option<PipeReader>,
    bytes: &mut Vec<u8>,
) -> Poll<io::Result<()>> {
    let Some(open) = pipe else {
        return Poll::Ready(Ok(()));
    };
    let end = open.poll_collect(cx, bytes);
    if end.is_ready() {
        *pipe = None;
    }
    end
}

fn is_broken_pipe(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}
