//! tokio's two traits over a [`Transport`], which is how `h2` reads and writes.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::session::Traffic;
use crate::transport::Transport;

/// The transport of an HTTP/2 connection.
#[derive(Debug)]
pub(super) struct Io {
    transport: Transport,
    traffic: Arc<Traffic>,
    signs: Arc<Signs>,
    /// Why nothing can be written any more, until the reader has come to the end.
    broken: Option<io::Error>,
}

/// What reading and writing show of the server; it orders nothing, as all of it happens where the
/// connection is polled.
#[derive(Debug, Default)]
pub(super) struct Signs {
    reads: AtomicU64,
    takes_nothing: AtomicBool,
}

impl Signs {
    /// Counts the reads that brought something, so that silence is seen.
    pub(super) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// Whether what is written is lost, and what the server has sent can still be read.
    pub(super) fn takes_nothing(&self) -> bool {
        self.takes_nothing.load(Ordering::Relaxed)
    }
}

impl Io {
    pub(super) fn new(transport: Transport, traffic: Arc<Traffic>, signs: Arc<Signs>) -> Io {
        Io {
            transport,
            traffic,
            signs,
            broken: None,
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
        self.signs.takes_nothing.store(true, Ordering::Relaxed);
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
        self.signs.reads.fetch_add(1, Ordering::Relaxed);
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
        if !self.signs.takes_nothing() {
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
        if self.signs.takes_nothing() {
            return Poll::Ready(Ok(()));
        }
        let flushed = ready!(self.transport.poll_flush(cx));
        Poll::Ready(flushed.or_else(|error| self.note(error)))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
