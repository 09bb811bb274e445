//! Reading a file through a buffer: by lines, by pieces, up to a byte.

use crate::{
    error::{Error, Result},
    file::File,
    lines::Lines,
    window::{LIMIT, Piece, STEP, Source, Window, too_long},
};
use futures_io::{AsyncBufRead, AsyncRead, AsyncSeek};
use std::{
    fmt,
    future::poll_fn,
    io::{self, SeekFrom},
    pin::Pin,
    task::{Context, Poll, ready},
};

/// A file that is read 64 KiB at a time and handed out in pieces of any size.
///
/// The buffer belongs to this object, so that every method may be dropped without losing a byte.
/// It implements [`AsyncBufRead`] besides.
///
/// # Examples
///
/// ```
/// use aioli_fs::BufReader;
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// # let path = dir.path().join("a");
/// aioli_fs::write(&path, "head\n\nbody").await?;
/// let mut reader = BufReader::new(aioli_fs::open(&path).await?);
/// assert_eq!(reader.read_line().await?, "head\n");
/// assert_eq!(reader.read_line().await?, "\n");
/// assert_eq!(reader.read_to_end().await?, b"body");
/// assert_eq!(reader.read_line().await?, ""); // the end
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
pub struct BufReader {
    file: File,
    window: Window,
    /// The longest piece.
    limit: usize,
}

impl BufReader {
    /// A reader with an empty buffer, from the file's position on.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// let reader = aioli_fs::BufReader::new(aioli_fs::open("/dev/null").await?);
    /// assert!(reader.buffer().is_empty());
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn new(file: File) -> Self {
        Self {
            file,
            window: Window::new(),
            limit: LIMIT,
        }
    }

    /// Sets how long a line may be, or what [`read_until`](Self::read_until) reads: 1 MiB at first.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "a line of some length\n").await?;
    /// let reader = aioli_fs::BufReader::new(aioli_fs::open(&path).await?);
    /// reader.with_limit(8).read_line().await.unwrap_err();
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn with_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// The file behind the buffer, whose position is behind what is in the buffer.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "0123").await?;
    /// let reader = aioli_fs::BufReader::new(aioli_fs::open(&path).await?);
    /// assert_eq!(reader.get_ref().metadata().await?.len(), 4);
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn get_ref(&self) -> &File {
        &self.file
    }

    /// What is in memory and comes next.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "one\ntwo\n").await?;
    /// let mut reader = aioli_fs::BufReader::new(aioli_fs::open(&path).await?);
    /// reader.read_line().await?;
    /// assert_eq!(reader.buffer(), b"two\n");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn buffer(&self) -> &[u8] {
        self.window.bytes()
    }

    /// What comes next: what is in memory, or else what one read brings; nothing at the end.
    ///
    /// It stays there until [`consume`](Self::consume) takes it.
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
    /// aioli_fs::write(&path, "0123").await?;
    /// let mut reader = aioli_fs::BufReader::new(aioli_fs::open(&path).await?);
    /// assert_eq!(reader.fill_buf().await?, b"0123");
    /// reader.consume(3);
    /// assert_eq!(reader.fill_buf().await?, b"3");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn fill_buf(&mut self) -> Result<&[u8]> {
        poll_fn(|cx| self.poll_some(cx)).await?;
        Ok(self.buffer())
    }

    /// Takes `n` bytes out of the buffer.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "0123").await?;
    /// let mut reader = aioli_fs::BufReader::new(aioli_fs::open(&path).await?);
    /// let n = reader.fill_buf().await?.iter().take_while(|byte| **byte < b'2').count();
    /// reader.consume(n);
    /// assert_eq!(reader.buffer(), b"23");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn consume(&mut self, n: usize) {
        self.window.take(n);
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
    /// aioli_fs::write(&path, "0123").await?;
    /// let mut reader = aioli_fs::BufReader::new(aioli_fs::open(&path).await?);
    /// let mut buf = [0; 3];
    /// assert_eq!(reader.read(&mut buf).await?, 3);
    /// assert_eq!(&buf, b"012");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        poll_fn(|cx| self.poll_out(cx, buf)).await
    }

    /// Reads a piece that ends with `byte`, which it includes; the last one may lack it, and an
    /// empty one is the end of the file.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: what has been read is kept for the next call.
    ///
    /// # Errors
    ///
    /// What the system reports, and [`InvalidData`](io::ErrorKind::InvalidData) if the piece is
    /// longer than the limit; what is in memory stays there.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "a;b").await?;
    /// let mut reader = aioli_fs::BufReader::new(aioli_fs::open(&path).await?);
    /// assert_eq!(reader.read_until(b';').await?, b"a;");
    /// assert_eq!(reader.read_until(b';').await?, b"b");
    /// assert_eq!(reader.read_until(b';').await?, b"");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn read_until(&mut self, byte: u8) -> Result<Vec<u8>> {
        match poll_fn(|cx| self.poll_piece(cx, byte, self.limit)).await? {
            Piece::Whole(n) | Piece::Rest(n) => {
                let piece = self.buffer()[..n].to_vec();
                self.window.take(n);
                Ok(piece)
            }
            Piece::TooLong => Err(self.file.error("read", too_long(self.limit))),
        }
    }

    /// Reads a line with its end; the last one may lack it, and an empty one is the end of the
    /// file.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: what has been read is kept for the next call.
    ///
    /// # Errors
    ///
    /// What the system reports, and [`InvalidData`](io::ErrorKind::InvalidData) for a line that
    /// is longer than the limit or not UTF-8; the line stays in the buffer then.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "one\ntwo").await?;
    /// let mut reader = aioli_fs::BufReader::new(aioli_fs::open(&path).await?);
    /// assert_eq!(reader.read_line().await?, "one\n");
    /// assert_eq!(reader.read_line().await?, "two");
    /// assert_eq!(reader.read_line().await?, "");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "aiofiles.readline")]
    pub async fn read_line(&mut self) -> Result<String> {
        poll_fn(|cx| self.poll_line(cx, self.limit)).await
    }

    /// Reads all that is left.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    ///
    /// # Errors
    ///
    /// What the system reports; what has been read stays for the next call.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "head\nbody").await?;
    /// let mut reader = aioli_fs::BufReader::new(aioli_fs::open(&path).await?);
    /// reader.read_line().await?;
    /// assert_eq!(reader.read_to_end().await?, b"body");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn read_to_end(&mut self) -> Result<Vec<u8>> {
        poll_fn(|cx| self.poll_rest(cx)).await?;
        self.file.read_to_end().await
    }

    /// The lines that are left; see [`Lines`].
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "head\none\ntwo\n").await?;
    /// let mut reader = aioli_fs::BufReader::new(aioli_fs::open(&path).await?);
    /// assert_eq!(reader.read_line().await?, "head\n");
    /// let mut lines = reader.lines();
    /// assert_eq!(lines.next().await.expect("a line")?, "one");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn lines(self) -> Lines {
        let limit = self.limit;
        Lines::over(self, limit)
    }

    /// Moves the position, counted from what has been handed out; the buffer goes.
    ///
    /// # Cancel safety
    ///
    /// The position may have moved or not; nothing else is lost.
    ///
    /// # Errors
    ///
    /// What the system reports: a position before the start, or a file without positions.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// use std::io::SeekFrom;
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "0123456789").await?;
    /// let mut reader = aioli_fs::BufReader::new(aioli_fs::open(&path).await?);
    /// reader.read_until(b'3').await?;
    /// assert_eq!(reader.seek(SeekFrom::Current(2)).await?, 6);
    /// assert_eq!(reader.read_to_end().await?, b"6789");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        poll_fn(|cx| self.poll_rest(cx)).await?;
        self.file.seek(to).await
    }

    /// The file, whose position is where this reader's is.
    ///
    /// # Cancel safety
    ///
    /// The file is closed.
    ///
    /// # Errors
    ///
    /// A failure of the file that no operation has reported.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "head\nbody").await?;
    /// let mut reader = aioli_fs::BufReader::new(aioli_fs::open(&path).await?);
    /// reader.read_line().await?;
    /// let mut file = reader.into_inner().await?;
    /// assert_eq!(file.read_to_string().await?, "body");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn into_inner(mut self) -> Result<File> {
        poll_fn(|cx| self.poll_rest(cx)).await?;
        Ok(self.file)
    }

    fn poll_out(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<Result<usize>> {
        if self.window.is_empty() && buf.len() >= STEP {
            return self.file.poll_fill(cx, buf);
        }
        ready!(self.poll_some(cx))?;
        Poll::Ready(Ok(self.window.hand_out(buf)))
    }

    /// Gives the buffer back to the file, to be read again.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.file.poll_settled(cx))?;
        if !self.window.is_empty() {
            self.file.unread(self.window.rest());
        }
        Poll::Ready(Ok(()))
    }
}

impl Source for BufReader {
    fn window(&mut self) -> &mut Window {
        &mut self.window
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize>> {
        let n = ready!(self.file.poll_fill(cx, self.window.room(STEP)))?;
        self.window.came(n);
        Poll::Ready(Ok(n))
    }

    fn line_error(&self, reason: io::Error) -> Error {
        self.file.error("read a line of", reason)
    }
}

impl AsyncRead for BufReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_out(cx, buf).map_err(io::Error::from)
    }
}

impl AsyncBufRead for BufReader {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        ready!(this.poll_some(cx))?;
        Poll::Ready(Ok(this.buffer()))
    }

    fn consume(mut self: Pin<&mut Self>, n: usize) {
        BufReader::consume(&mut self, n);
    }
}

impl AsyncSeek for BufReader {
    fn poll_seek(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: SeekFrom,
    ) -> Poll<io::Result<u64>> {
        // The buffer is given back once; a seek that waits is polled again with it empty.
        if !self.window.is_empty() {
            ready!(self.poll_rest(cx))?;
        }
        Pin::new(&mut self.file).poll_seek(cx, to)
    }
}

impl fmt::Debug for BufReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufReader")
            .field("file", &self.file)
            .field("buffered", &self.buffer().len())
            .finish()
    }
}
