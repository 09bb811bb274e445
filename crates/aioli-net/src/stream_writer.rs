//! Buffered writing: `write` never waits, `drain` does.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aioli_flow::{TryClose, timeout};
use aioli_task::driver::Home;
use futures_io::AsyncWrite;

use crate::buffer::Buffer;

/// How long the loop tries to write what a dropped writer has left.
const LAST_BYTES_MAX: Duration = Duration::from_secs(30);

/// Collects what is to be written, and writes it when asked to.
///
/// [`write`](StreamWriter::write) only takes the bytes, and [`drain`](StreamWriter::drain) hands
/// them to the stream: unlike in asyncio, where the transport sends in the background, nothing is
/// sent before. So an error cannot go unnoticed, and what is written in pieces goes out in one.
/// What sends by itself is the [`Transport`](crate::protocol::Transport) of the callbacks layer.
///
/// A writer is to be [closed](StreamWriter::close). Dropping one that is not closes it too; what
/// it has not drained is then written by the thread's event loop, for up to 30 seconds, and the
/// log says so. On a thread without a loop those bytes are lost. In debug mode every writer that
/// was dropped without being closed is reported.
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
    /// `None` only in the drop.
    inner: Option<W>,
    pending: Buffer,
    is_closed: bool,
    /// The stream has failed, and whoever drained has been told.
    has_failed: bool,
    /// Leaves a stream and its last bytes to the loop: a pointer, so that dropping needs no bounds.
    /// `None` where that cannot be.
    leave: Option<fn(W, Buffer)>,
}

impl<W: AsyncWrite + Unpin + 'static> StreamWriter<W> {
    /// A writer to `inner`, which the loop may be left with; see
    /// [`borrowing`](StreamWriter::borrowing) for a stream that is only lent.
    pub fn new(inner: W) -> StreamWriter<W> {
        StreamWriter::with_leave(inner, Some(leave_to_loop::<W>))
    }
}

impl<'s, S: ?Sized> StreamWriter<&'s mut S> {
    /// A writer to a stream that stays with its owner. What it has not drained when it is dropped
    /// is lost, and the log says so.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_net::StreamWriter;
    /// use futures::executor::block_on;
    ///
    /// let mut stream = Vec::new();
    /// let mut writer = StreamWriter::borrowing(&mut stream);
    /// writer.write("one line\n");
    /// block_on(writer.drain())?;
    /// drop(writer);
    /// assert_eq!(stream, b"one line\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn borrowing(stream: &'s mut S) -> StreamWriter<&'s mut S> {
        StreamWriter::with_leave(stream, None)
    }
}

impl<W> StreamWriter<W> {
    fn with_leave(inner: W, leave: Option<fn(W, Buffer)>) -> StreamWriter<W> {
        StreamWriter {
            inner: Some(inner),
            pending: Buffer::default(),
            is_closed: false,
            has_failed: false,
            leave,
        }
    }

    /// Takes bytes, to be written by the next [`drain`](StreamWriter::drain). Never waits. After
    /// [`close`](StreamWriter::close), that drain fails.
    #[doc(alias = "asyncio.StreamWriter.write")]
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.pending.put(bytes.as_ref());
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
        self.pending.len()
    }

    /// Has it been closed?
    #[doc(alias = "asyncio.StreamWriter.is_closing")]
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// The stream. Writing to it directly passes before what is pending.
    pub fn get_ref(&self) -> &W {
        let inner = self.inner.as_ref();
        inner.expect("the stream is taken in the drop only")
    }

    /// The stream.
    pub fn get_mut(&mut self) -> &mut W {
        let inner = self.inner.as_mut();
        inner.expect("the stream is taken in the drop only")
    }

    fn forget_pending(&mut self) {
        self.pending.clear();
        self.pending.shrink();
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
        let flushed = ready!(self.poll_flush(cx));
        self.has_failed = flushed.is_err();
        Poll::Ready(flushed)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let inner = self.inner.as_mut();
        let inner = inner.expect("the stream is taken in the drop only");
        while !self.pending.is_empty() {
            let rest = self.pending.bytes();
            match ready!(Pin::new(&mut *inner).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => self.pending.consume(n),
            }
        }
        ready!(Pin::new(inner).poll_flush(cx))?;
        self.forget_pending();
        Poll::Ready(Ok(()))
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
        poll_fn(|cx| Pin::new(self.get_mut()).poll_close(cx)).await?;
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
        if self.is_closed || self.has_failed {
            return;
        }
        let Some(inner) = self.inner.take() else {
            return;
        };
        let bytes = self.pending();
        let has_loop = || Home::try_current().is_some_and(|home| !home.is_closed());
        match self.leave.filter(|_| has_loop()) {
            Some(_) if bytes == 0 => {
                if aioli_task::is_debug() {
                    aioli_task::report("a StreamWriter was dropped without being closed");
                }
            }
            Some(leave) => {
                tracing::warn!(
                    bytes,
                    "a StreamWriter was dropped with bytes that it had not drained"
                );
                leave(inner, std::mem::take(&mut self.pending));
            }
            None if bytes == 0 => {}
            None => tracing::warn!(bytes, "the bytes of a dropped StreamWriter are lost"),
        }
    }
}

/// Lets the loop write the last bytes, and close the stream.
fn leave_to_loop<W: AsyncWrite + Unpin + 'static>(inner: W, pending: Buffer) {
    // Once is enough: when this is dropped as well, it is over.
    let mut writer = StreamWriter::with_leave(inner, None);
    writer.pending = pending;
    aioli_task::adopt(async move {
        let closed = timeout(LAST_BYTES_MAX, writer.close()).await;
        if let Ok(Err(error)) = closed {
            let bytes = writer.pending();
            tracing::warn!(bytes, %error, "the last bytes of a dropped StreamWriter are lost");
        }
    });
}

impl<W: fmt::Debug> fmt::Debug for StreamWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamWriter")
            .field("inner", self.get_ref())
            .field("pending", &self.pending())
            .field("is_closed", &self.is_closed)
            .finish()
    }
}
