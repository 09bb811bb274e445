//! Reading what a process writes line by line.

use crate::pipe::{PipeReader, STEP};
use futures_core::Stream;
use std::{
    fmt,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// The longest line that is read unless [`Lines::with_limit`] says otherwise: 1 MiB. A process
/// that writes no line ends must not be able to fill the memory.
const LIMIT: usize = 1024 * 1024;

/// The lines that a process writes, without their ends (`\n` or `\r\n`): a [`Stream`] of strings.
///
/// A last line without an end is a line. A line that is not UTF-8 is an error of the kind
/// [`InvalidData`](io::ErrorKind::InvalidData), after which the next line follows; a line longer
/// than the limit, and an error of the system, end the stream.
///
/// Made by [`PipeReader::lines`].
#[must_use = "streams do nothing unless polled"]
pub struct Lines {
    pipe: PipeReader,
    buffer: Vec<u8>,
    /// Where the next line starts in `buffer`.
    start: usize,
    /// Up to where `buffer` is known to hold no line end after `start`.
    searched: usize,
    limit: usize,
    ended: bool,
}

impl Lines {
    pub(crate) fn new(pipe: PipeReader) -> Self {
        Self {
            pipe,
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            limit: LIMIT,
            ended: false,
        }
    }

    /// Sets the length in bytes that a line may have, which is 1 MiB at first.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// use aioli_process::{Stdio, shell};
    ///
    /// let mut process = shell("echo one; echo two").stdout(Stdio::piped()).spawn().await?;
    /// let mut lines = process.stdout.take().expect("it is piped").lines().with_limit(2);
    /// assert!(lines.next().await.expect("an item").is_err());
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn with_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// The next line, or `None` at the end.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: what has been read is kept for the next call.
    ///
    /// # Errors
    ///
    /// A line that is too long or no UTF-8, and what the system reports.
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
    /// assert_eq!(lines.next().await.transpose()?.as_deref(), Some("one"));
    /// assert_eq!(lines.next().await.transpose()?.as_deref(), Some("two"));
    /// assert_eq!(lines.next().await.transpose()?, None);
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn next(&mut self) -> Option<io::Result<String>> {
        poll_fn(|cx| self.poll_line(cx)).await
    }

    /// Calls `f` with each line until the end.
    ///
    /// Where the future must be `Send`, loop over [`next`](Self::next) instead: today's compiler
    /// cannot see that the future of an async closure is.
    ///
    /// # Cancel safety
    ///
    /// The line that `f` is at work on is `f`'s; lines that were read and not handed out are
    /// lost with the stream.
    ///
    /// # Errors
    ///
    /// The first line that is too long or no UTF-8, and what the system reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # aioli_task::run(async {
    /// use aioli_process::{Stdio, shell};
    ///
    /// let mut process = shell("echo one; echo two").stdout(Stdio::piped()).spawn().await?;
    /// let lines = process.stdout.take().expect("it is piped").lines();
    /// lines.for_each(async |line| println!("{line}")).await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn for_each(mut self, mut f: impl AsyncFnMut(String)) -> io::Result<()> {
        while let Some(line) = self.next().await {
            f(line?).await;
        }
        Ok(())
    }

    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<String>>> {
        loop {
            let found = self.buffer[self.searched..]
                .iter()
                .position(|byte| *byte == b'\n');
            if let Some(at) = found {
                let end = self.searched + at;
                let start = std::mem::replace(&mut self.start, end + 1);
                self.searched = self.start;
                return Poll::Ready(Some(self.line(start, end)));
            }
            self.searched = self.buffer.len();
            if self.ended {
                let start = std::mem::replace(&mut self.start, self.buffer.len());
                let rest = start < self.buffer.len();
                return Poll::Ready(rest.then(|| self.line(start, self.buffer.len())));
            }
            if self.buffer.len() - self.start > self.limit {
                return Poll::Ready(Some(Err(self.too_long())));
            }
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
            let filled = self.buffer.len();
            self.buffer.resize(filled + STEP, 0);
            let read = self.pipe.poll_some(cx, &mut self.buffer[filled..]);
            let n = if let Poll::Ready(Ok(n)) = read { n } else { 0 };
            self.buffer.truncate(filled + n);
            match ready!(read) {
                Ok(0) => self.ended = true,
                Ok(_) => {}
                Err(error) => {
                    self.forget_rest();
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    /// The line in this part of the buffer.
    fn line(&mut self, start: usize, end: usize) -> io::Result<String> {
        let line = &self.buffer[start..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > self.limit {
            return Err(self.too_long());
        }
        match str::from_utf8(line) {
            Ok(line) => Ok(line.to_owned()),
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }

    fn too_long(&mut self) -> io::Error {
        self.forget_rest();
        let reason = format!("a line is longer than {} bytes", self.limit);
        io::Error::new(io::ErrorKind::InvalidData, reason)
    }

    fn forget_rest(&mut self) {
        self.ended = true;
        self.buffer = Vec::new();
        self.start = 0;
        self.searched = 0;
    }
}

impl Stream for Lines {
    type Item = io::Result<String>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_line(cx)
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
