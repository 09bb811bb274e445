//! tokio's two traits over a [`Transport`], which is how `h2` reads and writes.

use std::io::{self, IoSlice};
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
        }
    }
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let n = ready!(self.transport.poll_read(cx, buf.initialize_unfilled()))?;
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
        let n = ready!(self.transport.poll_write(cx, bufs))?;
        self.traffic.sent(n);
        Poll::Ready(Ok(n))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.transport.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.transport.poll_flush(cx)
    }
}
