//! Buffered writing: `write` never waits, `drain` does.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aioli_flow::TryClose;
use futures_io::AsyncWrite;

/// Collects what is to be written, and writes it when asked to.
///
/// [`write`](StreamWriter::write) only takes the bytes, and [`drain`](StreamWriter::drain) hands
/// them to the stream: unlike in asyncio, where the transport sends in the background, nothing is
/// sent before. So an error cannot go unnoticed, and a writer that is dropped with bytes it has
/// not drained says so in the log and drops them.
///
/// # Examples
///
/// ```
/// use aioli_net::StreamWriter;
/// use futures::executor::block_on;
///
/// let mut writer = StreamWriter::new(Vec::new());
/// block_on(async {
///     writer.write("GET / HTTP/1.1\r\n");
///     writer.writelines(["Host: example.org\r\n", "\r\n"]);
///     writer.drain().await?;
///     writer.close().await
/// })?;
/// assert!(writer.get_ref().ends_with(b"\r\n\r\n"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.StreamWriter")]
#[must_use]
pub struct StreamWriter<W> {
    inner: W,
    pending: Vec<u8>,
    /// So many bytes at the begin of `pending` have been written.
    written: usize,
    is_closed: bool,
}

impl<W> StreamWriter<W> {
    /// A writer to `inner`.
    pub fn new(inner: W) -> StreamWriter<W> {
        StreamWriter {
            inner,
            pending: Vec::new(),
            written: 0,
            is_closed: false,
        }
    }

    /// Takes bytes, to be written by the next [`drain`](StreamWriter::drain). Never waits. After
    /// [`close`](StreamWriter::close), that drain fails.
    #[doc(alias = "asyncio.StreamWriter.write")]
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.pending.extend_from_slice(bytes.as_ref());
    }

    /// Takes several pieces of bytes, as [`write`](StreamWriter::write) does.
    #[doc(alias = "asyncio.StreamWriter.writelines")]
    pub fn writelines<B: AsRef<[u8]>>(&mut self, pieces: impl IntoIterator<Item = B>) {
        for piece in pieces {
            self.write(piece);
        }
    }

    /// How many bytes have been taken and not been written.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len() - self.written
    }

    /// Has it been closed?
    #[doc(alias = "asyncio.StreamWriter.is_closing")]
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// The stream. Writing to it directly passes before what is pending.
    pub fn get_ref(&self) -> &W {
        &self.inner
    }

    /// The stream.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.inner
    }
}

impl<W: AsyncWrite + Unpin> StreamWriter<W> {
    /// Writes everything that has been taken, and flushes.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: what has not been written stays pending, and the next
    /// `drain` goes on there.
    ///
    /// # Errors
    ///
    /// The stream's error, such as `BrokenPipe` or `ConnectionReset` when the peer has gone;
    /// `BrokenPipe` when something was written after [`close`](StreamWriter::close).
    #[doc(alias = "asyncio.StreamWriter.drain")]
    pub async fn drain(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_drain(cx)).await
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_closed && self.pending() > 0 {
            self.forget_pending();
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        while self.pending() > 0 {
            let rest = &self.pending[self.written..];
            match ready!(Pin::new(&mut self.inner).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => self.written += n,
            }
        }
        self.forget_pending();
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn forget_pending(&mut self) {
        self.pending.clear();
        self.written = 0;
    }

    /// Drains, then ends the writing direction: the peer reads the end of the stream. The reading
    /// direction stays open.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing; calling it again goes on.
    ///
    /// # Errors
    ///
    /// As [`drain`](StreamWriter::drain).
    #[doc(alias = "asyncio.StreamWriter.close")]
    #[doc(alias = "asyncio.StreamWriter.wait_closed")]
    #[doc(alias = "asyncio.StreamWriter.write_eof")]
    pub async fn close(&mut self) -> io::Result<()> {
        self.drain().await?;
        poll_fn(|cx| Pin::new(&mut self.inner).poll_close(cx)).await?;
        self.is_closed = true;
        Ok(())
    }
}

/// For `try_with(writer, async |writer| …)`: [`close`](StreamWriter::close) on every way out.
impl<W: AsyncWrite + Unpin> TryClose for StreamWriter<W> {
    type Error = io::Error;

    async fn try_close(mut self) -> io::Result<()> {
        self.close().await
    }
}

impl<W> Drop for StreamWriter<W> {
    fn drop(&mut self) {
        if self.pending() > 0 {
            tracing::warn!(
                bytes = self.pending(),
                "a StreamWriter was dropped with bytes that it had not drained"
            );
        }
    }
}

impl<W: fmt::Debug> fmt::Debug for StreamWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamWriter")
            .field("inner", &self.inner)
            .field("pending", &self.pending())
            .field("is_closed", &self.is_closed)
            .finish()
    }
}
