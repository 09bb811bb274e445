//! The ends of the pipes to and from a process.

use crate::{lines::Lines, os};
use futures_io::{AsyncRead, AsyncWrite};
use std::{
    fmt,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// How much is asked for at a time when all is read.
pub(crate) const STEP: usize = 64 * 1024;

/// What a process writes: the reading end of a pipe.
///
/// It is also an [`AsyncRead`]; buffered readers go on top of it.
///
/// # Examples
///
/// ```
/// # #[cfg(unix)]
/// # aioli_task::run(async {
/// use aioli_process::{Command, Stdio};
///
/// let mut echo = Command::new("echo").arg("hello").stdout(Stdio::piped()).spawn().await?;
/// let mut stdout = echo.stdout.take().expect("it is piped");
/// assert_eq!(stdout.read_to_string().await?, "hello\n");
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "asyncio.subprocess.Process.stdout")]
#[doc(alias = "asyncio.subprocess.Process.stderr")]
pub struct PipeReader {
    pipe: os::Reader,
    /// Bytes that a `read_to_end` had collected when it was dropped.
    ahead: Vec<u8>,
}

impl PipeReader {
    pub(crate) fn new(pipe: os::Reader) -> Self {
        Self {
            pipe,
            ahead: Vec::new(),
        }
    }

    /// Reads up to `buf.len()` bytes; 0 is the end.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    ///
    /// # Errors
    ///
    /// What the system reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// use aioli_process::{Stdio, shell};
    ///
    /// let mut process = shell("printf hello").stdout(Stdio::piped()).spawn().await?;
    /// let mut stdout = process.stdout.take().expect("it is piped");
    /// let mut buf = [0; 16];
    /// assert_eq!(stdout.read(&mut buf).await?, 5);
    /// assert_eq!(stdout.read(&mut buf).await?, 0);
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_some(cx, buf)).await
    }

    /// Reads to the end, which comes when the process and all to whom it has given the pipe
    /// have closed it.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: what has been read is kept for the next read.
    ///
    /// # Errors
    ///
    /// What the system reports; what was read before is kept for the next read.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// use aioli_process::{Stdio, shell};
    ///
    /// let mut process = shell("printf hello").stdout(Stdio::piped()).spawn().await?;
    /// let mut stdout = process.stdout.take().expect("it is piped");
    /// assert_eq!(stdout.read_to_end().await?, b"hello");
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        poll_fn(|cx| poll_to_end(&mut self.pipe, cx, &mut self.ahead)).await?;
        Ok(std::mem::take(&mut self.ahead))
    }

    /// Reads to the end, as text.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: what has been read is kept for the next read.
    ///
    /// # Errors
    ///
    /// What the system reports, and [`InvalidData`](io::ErrorKind::InvalidData) for what is
    /// not UTF-8; what was read is kept for the next read.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// use aioli_process::{Stdio, shell};
    ///
    /// let mut process = shell("printf hello").stdout(Stdio::piped()).spawn().await?;
    /// let mut stdout = process.stdout.take().expect("it is piped");
    /// assert_eq!(stdout.read_to_string().await?, "hello");
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn read_to_string(&mut self) -> io::Result<String> {
        let bytes = self.read_to_end().await?;
        String::from_utf8(bytes).map_err(|error| {
            let reason = io::Error::new(io::ErrorKind::InvalidData, error.utf8_error());
            self.ahead = error.into_bytes();
            reason
        })
    }

    /// Reads by lines; see [`Lines`].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// use aioli_process::{Stdio, shell};
    ///
    /// let mut process = shell("echo one; echo two").stdout(Stdio::piped()).spawn().await?;
    /// let mut lines = process.stdout.take().expect("it is piped").lines();
    /// while let Some(line) = lines.next().await {
    ///     println!("{}", line?);
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "asyncio.StreamReader.readline")]
    pub fn lines(self) -> Lines {
        Lines::new(self)
    }

    pub(crate) fn poll_some(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.ahead.is_empty() {
            ready!(aioli_sync::budget::poll_proceed(cx));
            return self.pipe.poll_read(cx, buf);
        }
        let n = buf.len().min(self.ahead.len());
        buf[..n].copy_from_slice(&self.ahead[..n]);
        self.ahead.drain(..n);
        Poll::Ready(Ok(n))
    }

    /// Collects what there is up to the end into `bytes`.
    pub(crate) fn poll_collect(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &mut Vec<u8>,
    ) -> Poll<io::Result<()>> {
        bytes.append(&mut self.ahead);
        poll_to_end(&mut self.pipe, cx, bytes)
    }
}

/// Appends to `bytes` until the end, with a pause now and then for an endless writer.
fn poll_to_end(
    pipe: &mut os::Reader,
    cx: &mut Context<'_>,
    bytes: &mut Vec<u8>,
) -> Poll<io::Result<()>> {
    /// Together a mebibyte, then others have their turn.
    const STEPS_MAX: usize = 16;
    for _ in 0..STEPS_MAX {
        let filled = bytes.len();
        bytes.resize(filled + STEP, 0);
        let read = pipe.poll_read(cx, &mut bytes[filled..]);
        let n = match &read {
            Poll::Ready(Ok(n)) => *n,
            _ => 0,
        };
        bytes.truncate(filled + n);
        if ready!(read)? == 0 {
            return Poll::Ready(Ok(()));
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

impl AsyncRead for PipeReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_some(cx, buf)
    }
}

impl fmt::Debug for PipeReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipeReader").finish_non_exhaustive()
    }
}

/// What a process reads: the writing end of a pipe. Dropping it ends the process's input.
///
/// It is unbuffered, and is also an [`AsyncWrite`].
///
/// # Examples
///
/// ```
/// # #[cfg(unix)]
/// # aioli_task::run(async {
/// use aioli_process::{Command, Stdio};
///
/// let mut cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().await?;
/// let mut stdin = cat.stdin.take().expect("it is piped");
/// stdin.write_all("hello").await?;
/// drop(stdin);
/// assert_eq!(cat.stdout.take().expect("it is piped").read_to_string().await?, "hello");
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "asyncio.subprocess.Process.stdin")]
pub struct PipeWriter {
    pipe: os::Writer,
}

impl PipeWriter {
    pub(crate) fn new(pipe: os::Writer) -> Self {
        Self { pipe }
    }

    /// Writes as much of `data` as the pipe takes now, at least a byte, and tells how much.
    ///
    /// # Cancel safety
    ///
    /// On Unix nothing has been written; elsewhere a part may have been.
    ///
    /// # Errors
    ///
    /// [`BrokenPipe`](io::ErrorKind::BrokenPipe) when the process reads no more.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// use aioli_process::{Command, Stdio};
    ///
    /// let cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null());
    /// let mut cat = cat.spawn().await?;
    /// let mut stdin = cat.stdin.take().expect("it is piped");
    /// assert_eq!(stdin.write(b"hello").await?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_some(cx, data)).await
    }

    /// Writes all of `data`.
    ///
    /// # Cancel safety
    ///
    /// An unknown part of `data` has been written.
    ///
    /// # Errors
    ///
    /// [`BrokenPipe`](io::ErrorKind::BrokenPipe) when the process reads no more.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// use aioli_process::{Command, Stdio};
    ///
    /// let cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null());
    /// let mut cat = cat.spawn().await?;
    /// let mut stdin = cat.stdin.take().expect("it is piped");
    /// stdin.write_all("hello").await?;
    /// drop(stdin);
    /// assert!(cat.wait().await?.success());
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "asyncio.StreamWriter.drain")]
    pub async fn write_all(&mut self, data: impl AsRef<[u8]>) -> io::Result<()> {
        let mut data = data.as_ref();
        while !data.is_empty() {
            let n = self.write(data).await?;
            data = &data[n..];
        }
        Ok(())
    }

    pub(crate) fn poll_some(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(aioli_sync::budget::poll_proceed(cx));
        self.pipe.poll_write(cx, data)
    }
}

impl AsyncWrite for PipeWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_some(cx, data)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Does nothing: the pipe closes when it is dropped.
    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for PipeWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipeWriter").finish_non_exhaustive()
    }
}
