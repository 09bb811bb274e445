//! tokio's two traits over a [`Transport`], which is how `h2` reads and writes.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::session::Traffic;
use crate::transport::Transport;

/// The transport of an HTTP/2 connection.
#[derive(Debug)]
pub(super) struct Io {
    transport: Transport,
    traffic: Arc<Traffic>,
    reads: Reads,
    /// Why nothing can be written any more, until the reader has come to the end.
    broken: Option<io::Error>,
    is_broken: bool,
}

/// Counts the reads that brought something, so that silence is seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Reads(Arc<AtomicU64>);

impl Reads {
    pub(super) fn count(&self) -> u64 {
        // A counter that orders nothing: who sees an old value looks again later.
        self.0.load(Ordering::Relaxed)
    }
}

impl Io {
    pub(super) fn new(transport: Transport, traffic: Arc<Traffic>, reads: Reads) -> Io {
        Io {
            transport,
            traffic,
            reads,
            broken: None,
            is_broken: false,
        }
    }

    /// Takes note of an error that says that the server has left, and returns any other.
    ///
    /// `h2` ends all streams when a write fails, and with them what the server has sent before it
    /// left, which can still be read. So writing seems to go on until reading comes to the end.
    fn note(&mut self, error: io::Error) -> io::Result<()> {
        let kinds = [
            ErrorKind::BrokenPipe,
            ErrorKind::ConnectionReset,
            ErrorKind::ConnectionAborted,
        ];
        if !kinds.contains(&error.kind()) {
            return Err(error);
        }
        self.broken = Some(error);
        self.is_broken = true;
        Ok(())
    }
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let n = ready!(self.transport.poll_read(cx, buf.initialize_unfilled()))?;
        if n == 0
            && let Some(error) = self.broken.take()
        {
            return Poll::Ready(Err(error));
        }
        buf.advance(n);
        self.traffic.received(n);
        self.reads.0.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(data)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if !self.is_broken {
            match ready!(self.transport.poll_write(cx, bufs)) {
                Ok(n) => {
                    self.traffic.sent(n);
                    return Poll::Ready(Ok(n));
                }
                Err(error) => self.note(error)?,
            }
        }
        Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_broken {
            return Poll::Ready(Ok(()));
        }
        let flushed = ready!(self.transport.poll_flush(cx));
        Poll::Ready(flushed.or_else(|error| self.note(error)))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
