//! What TCP and Unix streams have in common, written once.

/// The inherent methods and the I/O traits of a stream type over `Async<$std>`, in its field `io`.
macro_rules! stream_io {
    ($stream:ident, $std:ty) => {
        impl $stream {
            /// Wraps a stream of std, which becomes non-blocking, and registers it with this
            /// thread's event loop, else the background loop.
            ///
            /// # Errors
            ///
            /// As [`aioli_reactor::Registration::of_pollable`].
            pub fn from_std(stream: $std) -> std::io::Result<$stream> {
                stream.set_nonblocking(true)?;
                Ok($stream {
                    io: aioli_reactor::Async::from_pollable(stream)?,
                })
            }

            /// Takes the stream out of its loop. It stays non-blocking.
            #[must_use = "the stream closes when it is dropped"]
            pub fn into_std(self) -> $std {
                self.io.into_inner()
            }

            /// The stream as the reactor sees it, for socket options and system calls of your own.
            pub fn as_async(&self) -> &aioli_reactor::Async<$std> {
                &self.io
            }

            /// Reads what is there into `buffer`, waiting for the first byte. `0` is the end of
            /// the stream.
            ///
            /// # Cancel safety
            ///
            /// The bytes go from the kernel into `buffer` at the moment at which this returns, so
            /// a read that is dropped while it waits has taken none.
            ///
            /// # Errors
            ///
            /// The system's error, such as a reset by the peer.
            pub async fn read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let (len, interest) = (buffer.len(), aioli_reactor::Interest::Readable);
                let read = || crate::os::receive(self.io.get_ref(), buffer);
                self.io.registration().transfer(interest, len, read).await
            }

            /// Writes what there is room for, at least one byte, and returns how many.
            ///
            /// # Cancel safety
            ///
            /// A write that is dropped while it waits has written nothing.
            ///
            /// # Errors
            ///
            /// The system's error, such as `BrokenPipe`.
            pub async fn write(&self, buffer: &[u8]) -> std::io::Result<usize> {
                let (len, interest) = (buffer.len(), aioli_reactor::Interest::Writable);
                let write = || crate::os::send(self.io.get_ref(), buffer);
                self.io.registration().transfer(interest, len, write).await
            }

            /// As [`read`](Self::read), into several buffers one after the other.
            ///
            /// # Cancel safety
            ///
            /// A read that is dropped while it waits has taken nothing.
            ///
            /// # Errors
            ///
            /// The system's error.
            pub async fn read_vectored(
                &self,
                buffers: &mut [std::io::IoSliceMut<'_>],
            ) -> std::io::Result<usize> {
                use std::io::Read;
                let len = buffers.iter().map(|buffer| buffer.len()).sum();
                let interest = aioli_reactor::Interest::Readable;
                let read = || self.io.get_ref().read_vectored(buffers);
                self.io.registration().transfer(interest, len, read).await
            }

            /// As [`write`](Self::write), from several buffers one after the other.
            ///
            /// # Cancel safety
            ///
            /// A write that is dropped while it waits has written nothing.
            ///
            /// # Errors
            ///
            /// The system's error.
            pub async fn write_vectored(
                &self,
                buffers: &[std::io::IoSlice<'_>],
            ) -> std::io::Result<usize> {
                use std::io::Write;
                let len = buffers.iter().map(|buffer| buffer.len()).sum();
                let interest = aioli_reactor::Interest::Writable;
                let write = || self.io.get_ref().write_vectored(buffers);
                self.io.registration().transfer(interest, len, write).await
            }

            /// As [`read`](Self::read), without waiting.
            ///
            /// # Errors
            ///
            /// `WouldBlock` when nothing is there; the system's error.
            pub fn try_read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let read = || crate::os::receive(self.io.get_ref(), buffer);
                let interest = aioli_reactor::Interest::Readable;
                self.io.registration().try_io(interest, read)
            }

            /// As [`write`](Self::write), without waiting.
            ///
            /// # Errors
            ///
            /// `WouldBlock` when there is no room; the system's error.
            pub fn try_write(&self, buffer: &[u8]) -> std::io::Result<usize> {
                let write = || crate::os::send(self.io.get_ref(), buffer);
                let interest = aioli_reactor::Interest::Writable;
                self.io.registration().try_io(interest, write)
            }

            /// Sends a range of a file, up to its end if that comes first, and returns how much
            /// that was. On Linux the bytes do not pass through this process.
            ///
            /// The file is read on this thread, which waits for the disk for what is not in the
            /// page cache.
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost: `range` begins where the next byte is to be sent from, so that a
            /// further call with it goes on.
            ///
            /// # Errors
            ///
            /// The system's error, of the file or of the stream.
            #[doc(alias = "asyncio.loop.sendfile")]
            #[doc(alias = "asyncio.loop.sock_sendfile")]
            pub async fn sendfile(
                &self,
                file: &std::fs::File,
                range: &mut std::ops::Range<u64>,
            ) -> std::io::Result<u64> {
                let begin = range.start;
                while !range.is_empty() {
                    let interest = aioli_reactor::Interest::Writable;
                    let send = || crate::os::send_file(self.io.get_ref(), file, range);
                    if self.io.registration().io(interest, send).await? == 0 {
                        break;
                    }
                }
                Ok(range.start - begin)
            }

            /// The options of the socket: buffer sizes, keep-alive, linger and the like, as
            /// `socket2` has them.
            pub fn options(&self) -> socket2::SockRef<'_> {
                socket2::SockRef::from(self.io.get_ref())
            }

            /// Reads until `buffer` is full.
            ///
            /// # Cancel safety
            ///
            /// Not safe to try again: when the future is dropped, `buffer` holds an unknown
            /// number of bytes. [`StreamReader::readexactly`](crate::StreamReader::readexactly)
            /// is safe.
            ///
            /// # Errors
            ///
            /// `UnexpectedEof` when the stream ends before; the system's error.
            #[doc(alias = "asyncio.StreamReader.readexactly")]
            pub async fn read_exact(&self, mut buffer: &mut [u8]) -> std::io::Result<()> {
                while !buffer.is_empty() {
                    match self.read(buffer).await? {
                        0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                        n => buffer = &mut buffer[n..],
                    }
                }
                Ok(())
            }

            /// Writes all of `buffer`. Two tasks that do this at the same time may interleave.
            ///
            /// # Cancel safety
            ///
            /// Not safe to try again: when the future is dropped, an unknown part has been
            /// written. [`StreamWriter`](crate::StreamWriter) keeps what has not.
            ///
            /// # Errors
            ///
            /// The system's error, such as `BrokenPipe`.
            #[doc(alias = "asyncio.loop.sock_sendall")]
            pub async fn write_all(&self, mut buffer: &[u8]) -> std::io::Result<()> {
                while !buffer.is_empty() {
                    match self.write(buffer).await? {
                        0 => return Err(std::io::ErrorKind::WriteZero.into()),
                        n => buffer = &buffer[n..],
                    }
                }
                Ok(())
            }

            /// Ends one direction or both. The peer reads the end of the stream after what has
            /// been written.
            ///
            /// # Errors
            ///
            /// The system's error: `NotConnected` when the peer has reset the connection.
            #[doc(alias = "asyncio.StreamWriter.write_eof")]
            pub fn shutdown(&self, how: std::net::Shutdown) -> std::io::Result<()> {
                self.io.get_ref().shutdown(how)
            }

            /// Splits the stream into halves for two tasks. Dropping the writing half ends that
            /// direction; the stream closes when both are gone.
            #[must_use = "dropping both halves closes the stream"]
            pub fn into_split(self) -> (crate::ReadHalf<$stream>, crate::WriteHalf<$stream>) {
                crate::split::split(self)
            }

            /// Splits the stream into a buffered reader and a buffered writer.
            #[must_use = "dropping both closes the stream"]
            pub fn into_streams(self) -> crate::Connection<$stream> {
                let (reader, writer) = self.into_split();
                (
                    crate::StreamReader::new(reader),
                    crate::StreamWriter::new(writer),
                )
            }
        }

        impl crate::split::sealed::Sealed for $stream {}

        impl crate::split::Socket for $stream {
            fn shutdown(&self, how: std::net::Shutdown) -> std::io::Result<()> {
                $stream::shutdown(self, how)
            }

            fn registration(&self) -> &aioli_reactor::Registration {
                self.io.registration()
            }

            fn read_now(&self, room: &mut [u8]) -> std::io::Result<usize> {
                crate::os::receive(self.io.get_ref(), room)
            }

            fn write_now(&self, bytes: &[u8]) -> std::io::Result<usize> {
                crate::os::send(self.io.get_ref(), bytes)
            }

            fn endpoints(&self) -> [std::io::Result<crate::protocol::Endpoint>; 2] {
                [self.local_addr(), self.peer_addr()].map(|end| end.map(Into::into))
            }
        }

        impl std::fmt::Debug for $stream {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.io.get_ref().fmt(f)
            }
        }

        impl TryFrom<$std> for $stream {
            type Error = std::io::Error;

            fn try_from(stream: $std) -> std::io::Result<$stream> {
                $stream::from_std(stream)
            }
        }

        /// Shared use: reading in one task and writing in another needs no split.
        impl futures_io::AsyncRead for &$stream {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buffer: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let (len, interest) = (buffer.len(), aioli_reactor::Interest::Readable);
                let read = || crate::os::receive(self.io.get_ref(), buffer);
                self.io.registration().poll_transfer(cx, interest, len, read)
            }

            fn poll_read_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buffers: &mut [std::io::IoSliceMut<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                std::pin::Pin::new(&mut &self.io).poll_read_vectored(cx, buffers)
            }
        }

        /// Closing ends the writing direction.
        impl futures_io::AsyncWrite for &$stream {
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buffer: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let (len, interest) = (buffer.len(), aioli_reactor::Interest::Writable);
                let write = || crate::os::send(self.io.get_ref(), buffer);
                self.io.registration().poll_transfer(cx, interest, len, write)
            }

            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buffers: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                std::pin::Pin::new(&mut &self.io).poll_write_vectored(cx, buffers)
            }

            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                _cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(Ok(()))
            }

            fn poll_close(
                self: std::pin::Pin<&mut Self>,
                _cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(crate::split::end_of_writing(*self))
            }
        }

        crate::stream_io::read_by_lending!([] $stream, |this| &*this);
        crate::stream_io::write_by_lending!([] $stream, |this| &*this);
    };
}

/// `AsyncRead` of a type by that of what it lends; tokio's and hyper's too, with those features.
macro_rules! read_by_lending {
    ([$($generics:tt)*] $owner:ty, |$this:ident| $lent:expr $(, where $($bound:tt)*)?) => {
        impl<$($generics)*> futures_io::AsyncRead for $owner $(where $($bound)*)? {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buffer: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self.get_mut();
                std::pin::Pin::new(&mut $lent).poll_read(cx, buffer)
            }

            fn poll_read_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buffers: &mut [std::io::IoSliceMut<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self.get_mut();
                std::pin::Pin::new(&mut $lent).poll_read_vectored(cx, buffers)
            }
        }

        #[cfg(feature = "tokio")]
        impl<$($generics)*> tokio::io::AsyncRead for $owner $(where $($bound)*)? {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buffer: &mut tokio::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let unfilled = buffer.initialize_unfilled();
                let n = futures_io::AsyncRead::poll_read(self, cx, unfilled);
                let n = std::task::ready!(n)?;
                buffer.advance(n);
                std::task::Poll::Ready(Ok(()))
            }
        }

        #[cfg(feature = "hyper")]
        impl<$($generics)*> hyper::rt::Read for $owner $(where $($bound)*)? {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                mut buffer: hyper::rt::ReadBufCursor<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                // By way of initialised room, as hyper's own cannot be filled in safe code.
                crate::scratch::with_room(|room| {
                    let len = room.len().min(buffer.remaining());
                    let n = futures_io::AsyncRead::poll_read(self, cx, &mut room[..len]);
                    buffer.put_slice(&room[..std::task::ready!(n)?]);
                    std::task::Poll::Ready(Ok(()))
                })
            }
        }
    };
}

/// `AsyncWrite` of a type by that of what it lends; tokio's and hyper's too, with those features.
macro_rules! write_by_lending {
    ([$($generics:tt)*] $owner:ty, |$this:ident| $lent:expr $(, where $($bound:tt)*)?) => {
        impl<$($generics)*> futures_io::AsyncWrite for $owner $(where $($bound)*)? {
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buffer: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self.get_mut();
                std::pin::Pin::new(&mut $lent).poll_write(cx, buffer)
            }

            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buffers: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self.get_mut();
                std::pin::Pin::new(&mut $lent).poll_write_vectored(cx, buffers)
            }

            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let $this = self.get_mut();
                std::pin::Pin::new(&mut $lent).poll_flush(cx)
            }

            fn poll_close(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let $this = self.get_mut();
                std::pin::Pin::new(&mut $lent).poll_close(cx)
            }
        }

        #[cfg(feature = "tokio")]
        impl<$($generics)*> tokio::io::AsyncWrite for $owner $(where $($bound)*)? {
            crate::stream_io::write_methods!();
        }

        #[cfg(feature = "hyper")]
        impl<$($generics)*> hyper::rt::Write for $owner $(where $($bound)*)? {
            crate::stream_io::write_methods!();
        }
    };
}

/// What tokio's `AsyncWrite` and hyper's `Write` have in common, which is all of them, by the
/// `AsyncWrite` of futures-io.
#[cfg(any(feature = "tokio", feature = "hyper"))]
macro_rules! write_methods {
    () => {
        fn poll_write(
            self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
            buffer: &[u8],
        ) -> std::task::Poll<std::io::Result<usize>> {
            futures_io::AsyncWrite::poll_write(self, cx, buffer)
        }

        fn poll_write_vectored(
            self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
            buffers: &[std::io::IoSlice<'_>],
        ) -> std::task::Poll<std::io::Result<usize>> {
            futures_io::AsyncWrite::poll_write_vectored(self, cx, buffers)
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_flush(
            self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            futures_io::AsyncWrite::poll_flush(self, cx)
        }

        fn poll_shutdown(
            self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            futures_io::AsyncWrite::poll_close(self, cx)
        }
    };
}

#[cfg(any(feature = "tokio", feature = "hyper"))]
pub(crate) use write_methods;
pub(crate) use {read_by_lending, stream_io, write_by_lending};
