//! Reading a file in small pieces without a system call for each.

use crate::{
    buffer::{Buffer, Found, LIMIT, Source},
    error::Result,
    file::File,
    lines::{Lines, too_long},
    stdio::Stdin,
};
use futures_io::{AsyncBufRead, AsyncRead};
use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// A file that is read 64 KiB at a time and handed out in pieces: lines, up to a delimiter, an
/// exact number of bytes.
///
/// The buffer belongs to this object and nothing leaves it before it is complete, so every method
/// may be dropped without losing a byte. `BufReader` also implements the traits of `futures-io`.
///
/// # Examples
///
/// ```
/// use aioli_fs::BufReader;
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// # let path = dir.path().join("a");
/// aioli_fs::write(&path, "4\nbodyrest").await?;
/// let mut reader = BufReader::new(aioli_fs::open(&path).await?);
/// assert_eq!(reader.read_line().await?, "4\n");
/// assert_eq!(reader.read_exact(4).await?, b"body");
/// assert_eq!(reader.read_until(b'\n').await?, b"rest"); // the file ends before that
/// assert!(reader.read_until(b'\n').await?.is_empty());
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct BufReader {
    source: Source,
    buffer: Buffer,
    limit: usize,
}

impl BufReader {
    /// A reader with an empty buffer, which begins at the file's position.
    pub fn new(file: File) -> Self {
        Self::of(Source::File(file))
    }

    fn of(source: Source) -> Self {
        Self {
            source,
            buffer: Buffer::default(),
            limit: LIMIT,
        }
    }

    /// Sets how many bytes [`read_line`](Self::read_line) and [`read_until`](Self::read_until) may
    /// come to, which is 1 MiB at first.
    #[must_use]
    pub fn with_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Reads up to `buf.len()` bytes; 0 is the end of the file.
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
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "0123456789").await?;
    /// let mut reader = aioli_fs::BufReader::new(aioli_fs::open(&path).await?);
    /// let mut buf = [0; 4];
    /// assert_eq!(reader.read(&mut buf).await?, 4);
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        poll_fn(|cx| self.poll_some(cx, buf)).await
    }

    /// Reads exactly `len` bytes.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: what has been read is kept for the next call.
    ///
    /// # Errors
    ///
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the file ends before that, which leaves
    /// the bytes in the buffer; and what the system reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "0123").await?;
    /// let mut reader = aioli_fs::BufReader::new(aioli_fs::open(&path).await?);
    /// let error = reader.read_exact(5).await.unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
    /// assert_eq!(reader.read_exact(4).await?, b"0123");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "asyncio.StreamReader.readexactly")]
    pub async fn read_exact(&mut self, len: usize) -> Result<Vec<u8>> {
        let is_there = poll_fn(|cx| self.buffer.poll_exact(cx, &mut self.source, len)).await?;
        if is_there {
            return Ok(self.take(len));
        }
        let reason = format!(
            "{len} bytes were asked for, {} are left",
            self.buffer.available().len()
        );
        let reason = io::Error::new(io::ErrorKind::UnexpectedEof, reason);
        Err(self.source.error("read", reason))
    }

    /// Reads up to `delimiter` and returns it too; without it what is left of the file, and nothing
    /// at its end.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: what has been read is kept for the next call.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) if the limit holds no delimiter, which leaves the
    /// bytes in the buffer; and what the system reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "key=value").await?;
    /// let mut reader = aioli_fs::BufReader::new(aioli_fs::open(&path).await?);
    /// assert_eq!(reader.read_until(b'=').await?, b"key=");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "asyncio.StreamReader.readuntil")]
    pub async fn read_until(&mut self, delimiter: u8) -> Result<Vec<u8>> {
        let len = self.find(delimiter).await?;
        Ok(self.take(len))
    }

    /// Reads a line and returns it with its end; nothing at the end of the file.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: what has been read is kept for the next call.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) if the line is longer than the limit or not UTF-8,
    /// which leaves it in the buffer, for [`read_until`](Self::read_until); and what the system
    /// reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "line 1\nline 2").await?;
    /// let mut reader = aioli_fs::BufReader::new(aioli_fs::open(&path).await?);
    /// assert_eq!(reader.read_line().await?, "line 1\n");
    /// assert_eq!(reader.read_line().await?, "line 2");
    /// assert_eq!(reader.read_line().await?, "");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "aiofiles.readline")]
    pub async fn read_line(&mut self) -> Result<String> {
        let len = self.find(b'\n').await?;
        match str::from_utf8(&self.buffer.available()[..len]) {
            Ok(line) => {
                let line = line.to_owned();
                self.buffer.consume(len);
                Ok(line)
            }
            Err(error) => {
                let reason = io::Error::new(io::ErrorKind::InvalidData, error);
                Err(self.source.error("read a line of", reason))
            }
        }
    }

    /// Reads on by lines, as a stream.
    pub fn lines(self) -> Lines {
        Lines::new(self.source, self.buffer).with_limit(self.limit)
    }

    /// The file, which goes on where this reader was. `None`: it reads the standard input.
    pub fn into_inner(self) -> Option<File> {
        match self.source {
            Source::File(mut file) => {
                file.put_back(self.buffer.available());
                Some(file)
            }
            Source::Stdin(_) => None,
        }
    }

    /// How many of the available bytes lead up to `delimiter`, with it.
    async fn find(&mut self, delimiter: u8) -> Result<usize> {
        let limit = self.limit;
        let found = poll_fn(|cx| {
            self.buffer
                .poll_until(cx, &mut self.source, delimiter, limit)
        });
        match found.await? {
            Found::Through(len) if len <= limit => Ok(len),
            Found::Rest => Ok(self.buffer.available().len()),
            Found::Through(_) | Found::TooFar => Err(too_long(&self.source, "piece", limit)),
        }
    }

    fn take(&mut self, len: usize) -> Vec<u8> {
        let bytes = self.buffer.available()[..len].to_vec();
        self.buffer.consume(len);
        bytes
    }

    fn poll_some(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if self.buffer.available().is_empty() {
            ready!(self.buffer.poll_more(cx, &mut self.source))?;
        }
        let available = self.buffer.available();
        let n = available.len().min(buf.len());
        buf[..n].copy_from_slice(&available[..n]);
        self.buffer.consume(n);
        Poll::Ready(Ok(n))
    }
}

impl From<Stdin> for BufReader {
    fn from(stdin: Stdin) -> Self {
        Self::of(Source::Stdin(stdin))
    }
}

impl AsyncRead for BufReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_some(cx, buf).map_err(io::Error::from)
    }
}

impl AsyncBufRead for BufReader {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        if this.buffer.available().is_empty() {
            ready!(this.buffer.poll_more(cx, &mut this.source)).map_err(io::Error::from)?;
        }
        Poll::Ready(Ok(this.buffer.available()))
    }

    fn consume(mut self: Pin<&mut Self>, n: usize) {
        self.buffer.consume(n);
    }
}
