//! `Async`: a source together with its registration.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use crate::os::{self, AsSource};
use crate::ready::Interest;
use crate::registration::Registration;

/// A non-blocking source of any type (socket, pipe, device) that can be waited for.
///
/// It adds to asyncio's `add_reader`, `add_writer` and `sock_*` what they leave to the caller:
/// the source is taken out of the loop before it closes, whenever that is.
///
/// Where `&T` reads and writes, as it does for sockets and for [`PipeReader`](io::PipeReader) and
/// [`PipeWriter`](io::PipeWriter), `Async<T>` and `&Async<T>` are
/// [`AsyncRead`] and [`AsyncWrite`]. They move bytes straight between the kernel and the caller's
/// slice, so a read or write that is dropped while it waits has moved none.
///
/// # Examples
///
/// ```
/// use aioli_reactor::Async;
/// use futures::executor::block_on;
/// use std::net::UdpSocket;
///
/// block_on(async {
///     let left = Async::new(UdpSocket::bind("127.0.0.1:0")?)?;
///     let right = Async::new(UdpSocket::bind("127.0.0.1:0")?)?;
///     let to = right.get_ref().local_addr()?;
///     left.write_with(|socket| socket.send_to(b"ping", to)).await?;
///
///     let mut buffer = [0; 16];
///     let (n, from) = right.read_with(|socket| socket.recv_from(&mut buffer)).await?;
///     assert_eq!((&buffer[..n], from), (&b"ping"[..], left.get_ref().local_addr()?));
/// #   Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.loop.add_reader")]
#[doc(alias = "asyncio.loop.add_writer")]
#[derive(Debug)]
#[must_use]
pub struct Async<T> {
    // INVARIANT: the registration is declared first, so dropped before the source closes.
    registration: Registration,
    source: T,
}

impl<T: AsSource> Async<T> {
    /// Makes `source` non-blocking and registers it with the reactor of this thread's event loop,
    /// else of the background loop.
    ///
    /// # Errors
    ///
    /// As [`Registration::new`], or the system's when the source cannot be made non-blocking.
    pub fn new(source: T) -> io::Result<Async<T>> {
        os::set_nonblocking(&source)?;
        Async::from_nonblocking(source)
    }

    /// Registers a source that is non-blocking already.
    ///
    /// # Errors
    ///
    /// As [`Registration::new`].
    pub fn from_nonblocking(source: T) -> io::Result<Async<T>> {
        let registration = Registration::new(&source)?;
        Ok(Async {
            registration,
            source,
        })
    }

    /// Registers what is known to be a socket, a pipe or a process descriptor and is non-blocking
    /// already; see [`Registration::of_pollable`].
    ///
    /// # Errors
    ///
    /// As [`Registration::of_pollable`].
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_reactor::Async;
    /// use std::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_nonblocking(true)?;
    /// let socket = Async::from_pollable(socket)?;
    /// # drop(socket);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn from_pollable(source: T) -> io::Result<Async<T>> {
        let registration = Registration::of_pollable(&source)?;
        Ok(Async {
            registration,
            source,
        })
    }
}

impl<T> Async<T> {
    /// The source.
    pub fn get_ref(&self) -> &T {
        &self.source
    }

    /// The registration, for waiting in other ways than the methods here.
    pub fn registration(&self) -> &Registration {
        &self.registration
    }

    /// Takes the source out of the loop. It stays non-blocking.
    pub fn into_inner(self) -> T {
        let Async {
            registration,
            source,
        } = self;
        drop(registration);
        source
    }

    /// Waits until the source is reported readable.
    ///
    /// A report lasts until an attempt says `WouldBlock`, so make the attempt through
    /// [`try_read_with`](Async::try_read_with) or [`read_with`](Async::read_with), which see
    /// that. A report may be false.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// [`LoopEnded`](crate::LoopEnded).
    #[doc(alias = "asyncio.loop.add_reader")]
    pub async fn readable(&self) -> io::Result<()> {
        self.registration.readable().await
    }

    /// Waits until the source is reported writable, as [`readable`](Async::readable) does for
    /// reading.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// [`LoopEnded`](crate::LoopEnded).
    #[doc(alias = "asyncio.loop.add_writer")]
    pub async fn writable(&self) -> io::Result<()> {
        self.registration.writable().await
    }

    /// Reads by `operation`, waiting and trying again while it says `WouldBlock`.
    ///
    /// # Cancel safety
    ///
    /// `operation` is not suspended: it has been done and this has returned, or it has not.
    ///
    /// # Errors
    ///
    /// What `operation` says, but for `WouldBlock` and `Interrupted`;
    /// [`LoopEnded`](crate::LoopEnded) when it would have to wait and the loop has ended.
    #[doc(alias = "asyncio.loop.sock_recv")]
    #[doc(alias = "asyncio.loop.sock_recv_into")]
    #[doc(alias = "asyncio.loop.sock_recvfrom")]
    #[doc(alias = "asyncio.loop.sock_accept")]
    pub async fn read_with<R>(
        &self,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.registration
            .io(Interest::Readable, || operation(&self.source))
            .await
    }

    /// Writes by `operation`, waiting and trying again while it says `WouldBlock`.
    ///
    /// # Cancel safety
    ///
    /// `operation` is not suspended: it has been done and this has returned, or it has not.
    ///
    /// # Errors
    ///
    /// As [`read_with`](Async::read_with).
    #[doc(alias = "asyncio.loop.sock_sendall")]
    #[doc(alias = "asyncio.loop.sock_sendto")]
    pub async fn write_with<R>(
        &self,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.registration
            .io(Interest::Writable, || operation(&self.source))
            .await
    }

    /// Attempts to read by `operation`, once and without waiting.
    ///
    /// # Errors
    ///
    /// What `operation` says; `WouldBlock` also when the source is known not to be readable.
    pub fn try_read_with<R>(&self, operation: impl FnOnce(&T) -> io::Result<R>) -> io::Result<R> {
        self.registration
            .try_io(Interest::Readable, || operation(&self.source))
    }

    /// Attempts to write by `operation`, once and without waiting.
    ///
    /// # Errors
    ///
    /// What `operation` says; `WouldBlock` also when the source is known not to be writable.
    pub fn try_write_with<R>(&self, operation: impl FnOnce(&T) -> io::Result<R>) -> io::Result<R> {
        self.registration
            .try_io(Interest::Writable, || operation(&self.source))
    }
}

/// Reading and writing in the form of `futures-io`, for callers that hold `&Async<T>`.
impl<'t, T> AsyncRead for &'t Async<T>
where
    &'t T: Read,
{
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut source: &'t T = &self.source;
        let len = buffer.len();
        self.registration
            .poll_transfer(cx, Interest::Readable, len, || source.read(buffer))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut source: &'t T = &self.source;
        let len = buffers.iter().map(|buffer| buffer.len()).sum();
        self.registration
            .poll_transfer(cx, Interest::Readable, len, || {
                source.read_vectored(buffers)
            })
    }
}

impl<'t, T> AsyncWrite for &'t Async<T>
where
    &'t T: Write,
{
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut source: &'t T = &self.source;
        self.registration
            .poll_transfer(cx, Interest::Writable, buffer.len(), || {
                source.write(buffer)
            })
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut source: &'t T = &self.source;
        let len = buffers.iter().map(|buffer| buffer.len()).sum();
        self.registration
            .poll_transfer(cx, Interest::Writable, len, || {
                source.write_vectored(buffers)
            })
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut source: &'t T = &self.source;
        self.registration
            .poll_io(cx, Interest::Writable, || source.flush())
    }

    /// Flushes. The source closes when it is dropped.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl<T> AsyncRead for Async<T>
where
    T: Unpin,
    for<'t> &'t T: Read,
{
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read(cx, buffer)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read_vectored(cx, buffers)
    }
}

impl<T> AsyncWrite for Async<T>
where
    T: Unpin,
    for<'t> &'t T: Write,
{
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write(cx, buffer)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write_vectored(cx, buffers)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_close(cx)
    }
}
