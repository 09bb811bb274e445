//! Buffered reading with limits: lines, separators, exact lengths.
//!
//! The buffer belongs to the reader and not to its futures: bytes go into it at the moment at
//! which a poll takes them from the stream, and leave it at the moment at which a method returns
//! them. So every method can be dropped while it waits, and called again.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_io::{AsyncBufRead, AsyncRead};

use crate::buffer::Buffer;
use crate::read_error::{IncompleteRead, LimitOverrun, ReadError};
use crate::scratch::with_room;

/// How far a line or a separator is searched for unless said otherwise: asyncio's 64 KiB.
pub const DEFAULT_LIMIT: usize = 64 * 1024;

/// From so much in the buffer on it is read into the buffer itself, which saves a copy.
const DIRECT_MIN: usize = 4 * 1024;

/// Reads lines, separated messages and exact lengths from a stream.
///
/// A reader that waits for a message to begin has no buffer.
///
/// # Examples
///
/// ```
/// use aioli_net::StreamReader;
/// use futures::executor::block_on;
///
/// let stream: &[u8] = b"first line\nkey=value;rest";
/// let mut reader = StreamReader::new(stream);
/// block_on(async {
///     assert_eq!(reader.readline().await?, b"first line\n");
///     assert_eq!(reader.readuntil("=").await?, b"key=");
///     assert_eq!(reader.readuntil([",", ";"]).await?, b"value;");
///     assert_eq!(reader.readexactly(2).await?, b"re");
///     assert_eq!(reader.read_to_end().await?, b"st");
///     assert!(reader.at_eof());
/// #   Ok::<(), aioli_net::ReadError>(())
/// })?;
/// # Ok::<(), aioli_net::ReadError>(())
/// ```
///
/// One task reads at a time; two at once do not compile, where asyncio has an error at run time:
///
/// ```compile_fail,E0499
/// # async fn example(reader: &mut aioli_net::StreamReader<&'static [u8]>) {
/// futures::join!(reader.readline(), reader.readline());
/// # }
/// ```
#[doc(alias = "asyncio.StreamReader")]
#[derive(Debug)]
#[must_use]
pub struct StreamReader<R> {
    inner: R,
    buffer: Buffer,
    limit: usize,
    /// The stream has ended. It is not asked again.
    at_end: bool,
}

impl<R> StreamReader<R> {
    /// A reader with the limit of asyncio, 64 KiB.
    pub fn new(inner: R) -> StreamReader<R> {
        StreamReader::with_limit(inner, DEFAULT_LIMIT)
    }

    /// A reader that searches at most `limit` bytes for the end of a line or a separator. The
    /// limit does not bound [`read`](StreamReader::read) and
    /// [`readexactly`](StreamReader::readexactly), whose callers say how much they want.
    pub fn with_limit(inner: R, limit: usize) -> StreamReader<R> {
        StreamReader {
            inner,
            buffer: Buffer::default(),
            limit,
            at_end: false,
        }
    }

    /// Has the stream ended, and has everything been read?
    #[doc(alias = "asyncio.StreamReader.at_eof")]
    #[must_use]
    pub fn at_eof(&self) -> bool {
        self.at_end && self.buffer.is_empty()
    }

    /// What has been taken from the stream and not been read yet.
    #[must_use]
    pub fn buffer(&self) -> &[u8] {
        self.buffer.bytes()
    }

    /// The stream. Reading from it directly passes over what is in the buffer.
    pub fn get_ref(&self) -> &R {
        &self.inner
    }

    /// The stream, to write to it for example.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// Gives back the stream and what has been taken from it and not been read.
    pub fn into_parts(self) -> (R, Vec<u8>) {
        let StreamReader {
            inner, mut buffer, ..
        } = self;
        let rest = buffer.take(buffer.len());
        (inner, rest)
    }
}

impl<R: AsyncRead + Unpin> StreamReader<R> {
    /// Reads what is there, at least one byte and at most `n`. Empty at the end of the stream.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: what has been taken from the stream stays in the
    /// buffer.
    ///
    /// # Errors
    ///
    /// [`ReadError::Io`].
    #[doc(alias = "asyncio.StreamReader.read")]
    pub async fn read(&mut self, n: usize) -> Result<Vec<u8>, ReadError> {
        if n > 0 && self.buffer.is_empty() {
            self.fill().await?;
        }
        Ok(self.buffer.take(n.min(self.buffer.len())))
    }

    /// Reads everything up to the end of the stream, however much it is.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: what has been taken from the stream stays in the
    /// buffer.
    ///
    /// # Errors
    ///
    /// [`ReadError::Io`]; what came before is in the buffer.
    #[doc(alias = "asyncio.StreamReader.read")]
    pub async fn read_to_end(&mut self) -> Result<Vec<u8>, ReadError> {
        while !self.at_end {
            self.fill().await?;
        }
        Ok(self.buffer.take(self.buffer.len()))
    }

    /// Reads exactly `n` bytes. The limit does not apply.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: what has been taken from the stream stays in the
    /// buffer.
    ///
    /// # Errors
    ///
    /// - [`ReadError::Incomplete`]: the stream has ended before; the error has what there was.
    /// - [`ReadError::Io`].
    #[doc(alias = "asyncio.StreamReader.readexactly")]
    pub async fn readexactly(&mut self, n: usize) -> Result<Vec<u8>, ReadError> {
        while self.buffer.len() < n {
            if self.at_end {
                return Err(self.incomplete(Some(n)));
            }
            self.fill().await?;
        }
        Ok(self.buffer.take(n))
    }

    /// Reads a line with its `\n`; at the end of the stream what is left; then nothing.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: what has been taken from the stream stays in the
    /// buffer.
    ///
    /// # Errors
    ///
    /// - [`ReadError::Overrun`]: the line is longer than the limit. It has been removed up to and
    ///   including its `\n`, or the whole buffer if that has not come yet, as asyncio does.
    /// - [`ReadError::Io`].
    #[doc(alias = "asyncio.StreamReader.readline")]
    pub async fn readline(&mut self) -> Result<Vec<u8>, ReadError> {
        match self.readuntil(b"\n").await {
            Err(ReadError::Incomplete(at_end)) => Ok(at_end.partial),
            Err(ReadError::Overrun(overrun)) => {
                let removed = match overrun.found {
                    true => overrun.consumed + 1,
                    false => self.buffer.len(),
                };
                self.buffer.consume(removed);
                Err(ReadError::Overrun(overrun))
            }
            other => other,
        }
    }

    /// Reads up to and including `separator`, or whichever of several separators makes the result
    /// the shortest.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: what has been taken from the stream stays in the
    /// buffer.
    ///
    /// # Errors
    ///
    /// - [`ReadError::Incomplete`]: the stream has ended before; the error has what there was.
    /// - [`ReadError::Overrun`]: no separator within the limit. The buffer is untouched.
    /// - [`ReadError::Separator`]: no separator, or an empty one.
    /// - [`ReadError::Io`].
    #[doc(alias = "asyncio.StreamReader.readuntil")]
    pub async fn readuntil(&mut self, separator: impl Separators) -> Result<Vec<u8>, ReadError> {
        let (shortest, longest) = separator.lengths().ok_or(ReadError::Separator)?;
        // Where the next search begins: before it no separator begins.
        let mut searched = 0;
        loop {
            if self.buffer.len() - searched >= shortest {
                if let Some((start, end)) = separator.find(&self.buffer.bytes()[searched..]) {
                    if searched + start > self.limit {
                        return Err(overrun(searched + start, true));
                    }
                    return Ok(self.buffer.take(searched + end));
                }
                searched = (self.buffer.len() + 1).saturating_sub(longest);
                if searched > self.limit {
                    return Err(overrun(searched, false));
                }
            }
            if self.at_end {
                return Err(self.incomplete(None));
            }
            self.fill().await?;
        }
    }

    /// Reads the next line, as [`readline`](StreamReader::readline) does; `None` at the end of
    /// the stream. The reader is a [`Stream`] of its lines too.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: what has been taken from the stream stays in the
    /// buffer.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_net::StreamReader;
    /// use futures::{StreamExt, executor::block_on};
    ///
    /// let reader = StreamReader::new(&b"one\ntwo"[..]);
    /// let lines: Vec<Vec<u8>> = block_on(reader.map(Result::unwrap).collect());
    /// assert_eq!(lines, [&b"one\n"[..], b"two"]);
    /// ```
    #[doc(alias = "asyncio.StreamReader.__anext__")]
    pub async fn next(&mut self) -> Option<Result<Vec<u8>, ReadError>> {
        let line = self.readline().await;
        (!matches!(&line, Ok(line) if line.is_empty())).then_some(line)
    }

    /// Takes what the stream has into the buffer, waiting for the first byte or the end.
    async fn fill(&mut self) -> Result<(), ReadError> {
        poll_fn(|cx| self.poll_fill(cx))
            .await
            .map_err(ReadError::Io)
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.at_end {
            return Poll::Ready(Ok(()));
        }
        let inner = Pin::new(&mut self.inner);
        let n = if self.buffer.len() < DIRECT_MIN {
            // Waiting needs no memory: what comes goes through the thread's room.
            with_room(|room| {
                let read = inner.poll_read(cx, room);
                match &read {
                    Poll::Ready(Ok(n)) => self.buffer.put(&room[..*n]),
                    _ => self.buffer.shrink(),
                }
                read
            })
        } else {
            let read = inner.poll_read(cx, self.buffer.spare());
            read.map_ok(|n| {
                self.buffer.add(n);
                n
            })
        };
        self.at_end = ready!(n)? == 0;
        Poll::Ready(Ok(()))
    }

    fn incomplete(&mut self, expected: Option<usize>) -> ReadError {
        let partial = self.buffer.take(self.buffer.len());
        ReadError::Incomplete(IncompleteRead { partial, expected })
    }
}

fn overrun(consumed: usize, found: bool) -> ReadError {
    ReadError::Overrun(LimitOverrun { consumed, found })
}

/// One separator or several, for [`StreamReader::readuntil`]: `"\r\n"`, `b"\0"`, `["," , ";"]`.
pub trait Separators {
    /// The lengths of the shortest and the longest; `None` if there is none or an empty one.
    #[doc(hidden)]
    fn lengths(&self) -> Option<(usize, usize)>;

    /// Begin and end of the match that ends first.
    #[doc(hidden)]
    fn find(&self, bytes: &[u8]) -> Option<(usize, usize)>;
}

impl Separators for [u8] {
    fn lengths(&self) -> Option<(usize, usize)> {
        (!self.is_empty()).then_some((self.len(), self.len()))
    }

    fn find(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        let (first, rest) = self.split_first()?;
        let mut from = 0;
        while let Some(offset) = bytes[from..].iter().position(|byte| byte == first) {
            let start = from + offset;
            if bytes[start + 1..].starts_with(rest) {
                return Some((start, start + self.len()));
            }
            from = start + 1;
        }
        None
    }
}

impl Separators for str {
    fn lengths(&self) -> Option<(usize, usize)> {
        self.as_bytes().lengths()
    }

    fn find(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        self.as_bytes().find(bytes)
    }
}

impl<const N: usize> Separators for [u8; N] {
    fn lengths(&self) -> Option<(usize, usize)> {
        self.as_slice().lengths()
    }

    fn find(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        self.as_slice().find(bytes)
    }
}

impl<S: Separators + ?Sized> Separators for &S {
    fn lengths(&self) -> Option<(usize, usize)> {
        (**self).lengths()
    }

    fn find(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        (**self).find(bytes)
    }
}

impl<S: Separators + ?Sized> Separators for [&S] {
    fn lengths(&self) -> Option<(usize, usize)> {
        let lengths: Option<Vec<_>> = self.iter().map(|one| one.lengths()).collect();
        let lengths = lengths?;
        let shortest = lengths.iter().map(|(shortest, _)| *shortest).min()?;
        let longest = lengths.iter().map(|(_, longest)| *longest).max()?;
        Some((shortest, longest))
    }

    fn find(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        let matches = self.iter().filter_map(|one| one.find(bytes));
        matches.min_by_key(|(_, end)| *end)
    }
}

impl<S: Separators + ?Sized, const N: usize> Separators for [&S; N] {
    fn lengths(&self) -> Option<(usize, usize)> {
        self.as_slice().lengths()
    }

    fn find(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        self.as_slice().find(bytes)
    }
}

/// The lines to come, as [`StreamReader::next`] gives them.
impl<R: AsyncRead + Unpin> Stream for StreamReader<R> {
    type Item = Result<Vec<u8>, ReadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // A fresh future each time: the reader, and not the future, has what has come so far.
        std::pin::pin!(self.next()).poll(cx)
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for StreamReader<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        target: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let reader = self.get_mut();
        if reader.buffer.is_empty() && target.len() >= DEFAULT_LIMIT && !reader.at_end {
            return Pin::new(&mut reader.inner).poll_read(cx, target);
        }
        if reader.buffer.is_empty() {
            ready!(reader.poll_fill(cx))?;
        }
        let n = target.len().min(reader.buffer.len());
        target[..n].copy_from_slice(&reader.buffer.bytes()[..n]);
        reader.buffer.consume(n);
        Poll::Ready(Ok(n))
    }
}

impl<R: AsyncRead + Unpin> AsyncBufRead for StreamReader<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let reader = self.get_mut();
        if reader.buffer.is_empty() {
            ready!(reader.poll_fill(cx))?;
        }
        Poll::Ready(Ok(reader.buffer.bytes()))
    }

    fn consume(self: Pin<&mut Self>, n: usize) {
        self.get_mut().buffer.consume(n);
    }
}
