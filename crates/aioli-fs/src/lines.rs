//! Reading a file line by line.

use crate::{
    error::{Error, Result},
    file::File,
    open::OpenOptions,
    operation::Operation,
    window::{Piece, Source, Window},
};
use futures_core::Stream;
use std::{
    fmt,
    future::poll_fn,
    io,
    path::Path,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Opens a file and reads it by lines; see [`Lines`]. It is opened as [`open`](crate::open) does.
///
/// # Cancel safety
///
/// The file is closed again if it was already open; nothing else is left.
///
/// # Errors
///
/// What the system reports: no such file, no permission.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// # let path = dir.path().join("a");
/// aioli_fs::write(&path, "line 1\nline 2\n").await?;
/// let mut lines = aioli_fs::lines(&path).await?;
/// while let Some(line) = lines.next().await {
///     println!("{}", line?);
/// }
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "aiofiles.readline")]
pub fn lines(path: impl AsRef<Path>) -> Operation<Lines> {
    let options = OpenOptions::new().read(true);
    options.open_as(path.as_ref(), File::lines)
}

/// The lines of a file, without their ends (`\n` or `\r\n`): a [`Stream`] of strings.
///
/// A last line without an end is a line. A line that is not UTF-8 is an error of the kind
/// [`InvalidData`](io::ErrorKind::InvalidData), after which the next line follows; a line
/// longer than the limit, and an error of the system, end the stream.
///
/// The buffer belongs to this object, so that every method may be dropped without losing a
/// byte.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// # let path = dir.path().join("a");
/// aioli_fs::write(&path, "one\r\ntwo").await?;
/// let mut lines = aioli_fs::open(&path).await?.lines();
/// assert_eq!(lines.next().await.expect("a line")?, "one");
/// assert_eq!(lines.next().await.expect("a line")?, "two");
/// assert!(lines.next().await.is_none());
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct Lines {
    source: Box<dyn Source>,
    limit: usize,
    ended: bool,
}

impl Lines {
    pub(crate) fn over(source: impl Source + 'static, limit: usize) -> Self {
        Self {
            source: Box::new(source),
            limit,
            ended: false,
        }
    }

    /// Sets the length in bytes that a line may have, which is 1 MiB at first.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "0123456789\n").await?;
    /// let mut lines = aioli_fs::lines(&path).await?.with_limit(8);
    /// let error = lines.next().await.expect("an item").unwrap_err();
    /// assert!(error.to_string().ends_with("a line is longer than 8 bytes"));
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn with_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// The next line, or `None` at the end of the file.
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
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "line 1\n").await?;
    /// let mut lines = aioli_fs::lines(&path).await?;
    /// assert_eq!(lines.next().await.transpose()?.as_deref(), Some("line 1"));
    /// assert_eq!(lines.next().await.transpose()?, None);
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn next(&mut self) -> Option<Result<String>> {
        poll_fn(|cx| self.poll_line(cx)).await
    }

    /// Calls `f` with each line until the end of the file.
    ///
    /// Where the future must be `Send`, loop over [`next`](Self::next) instead: today's compiler
    /// cannot see that the future of an async closure is.
    ///
    /// # Cancel safety
    ///
    /// The line that `f` is at work on is `f`'s; the others are still in the file.
    ///
    /// # Errors
    ///
    /// The first line that is too long or no UTF-8, and what the system reports; `f` is not
    /// called any more.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "line 1\nline 2\n").await?;
    /// aioli_fs::lines(&path).await?.for_each(async |line| println!("{line}")).await?;
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn for_each(mut self, mut f: impl AsyncFnMut(String)) -> Result<()> {
        while let Some(line) = self.next().await {
            f(line?).await;
        }
        Ok(())
    }

    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<String>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        // The line's end does not count.
        let limit = self.limit.saturating_add(2);
        let item = match ready!(self.source.poll_piece(cx, b'\n', limit)) {
            Ok(Piece::Whole(n)) => self.line(n, n - 1),
            Ok(Piece::Rest(0)) => {
                self.forget_rest();
                return Poll::Ready(None);
            }
            Ok(Piece::Rest(n)) => self.line(n, n),
            Ok(Piece::TooLong) => Err(self.too_long()),
            Err(error) => {
                self.forget_rest();
                Err(error)
            }
        };
        Poll::Ready(Some(item))
    }

    /// Takes the `n` bytes of a line, of which the first `end` come before its `\n`.
    fn line(&mut self, n: usize, end: usize) -> Result<String> {
        let line = &self.source.window().bytes()[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > self.limit {
            return Err(self.too_long());
        }
        let line = str::from_utf8(line).map(str::to_owned);
        self.source.window().take(n);
        line.map_err(|error| {
            let reason = io::Error::new(io::ErrorKind::InvalidData, error);
            self.source.line_error(reason)
        })
    }

    fn too_long(&mut self) -> Error {
        self.forget_rest();
        let reason = format!("a line is longer than {} bytes", self.limit);
        let reason = io::Error::new(io::ErrorKind::InvalidData, reason);
        self.source.line_error(reason)
    }

    fn forget_rest(&mut self) {
        self.ended = true;
        *self.source.window() = Window::new();
    }
}

impl Stream for Lines {
    type Item = Result<String>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_line(cx)
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("source", &self.source)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
