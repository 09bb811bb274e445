//! An open file: unbuffered, with one position and with reads and writes at any offset.
//!
//! `cursor` holds the operations that move the position, `positional` those at an offset,
//! `effects` those on the file as a whole, `shared` what a file and its jobs have in common.

mod cursor;
mod effects;
mod io_traits;
mod positional;
mod shared;

pub(crate) use cursor::{CHUNK, write_counted};
use cursor::{CHUNK_NOW, Cursor};
pub(crate) use shared::Held;
use shared::Shared;

use crate::{
    buf_reader::BufReader,
    error::{Error, Result},
    lines::Lines,
    os,
};
use std::{
    fmt,
    future::poll_fn,
    io::{self, IoSlice, IoSliceMut, SeekFrom},
    path::Path,
    sync::Arc,
    task::{Context, Poll},
};

/// An open file.
///
/// It is unbuffered: a write is complete when the system has taken the bytes, and an error is
/// told by the very call that met it. For many small writes put a [`BufWriter`] around it, for
/// reading by lines take [`lines`](File::lines).
///
/// On Linux a read of what is in the page cache is done on the spot. What has to wait for a disk
/// (a read of what is not there, [`sync_all`](File::sync_all), all of a file that was opened with
/// `O_DIRECT`) is done by the kernel's ring, any number at once, if there is one. The rest is a job
/// of the blocking pool each, and elsewhere so is everything.
///
/// The methods that use the file's position take `&mut self`; [`read_at`](File::read_at) and
/// its like take `&self`, and any number of them may run at once. `File` also implements the
/// traits of `futures-io`.
///
/// # When a future is dropped
///
/// An operation on the position that has begun is carried out even when its future is dropped,
/// and the next operation waits for it: bytes that it has read are given to the next read, a
/// failed write is reported by the next operation or by [`close`](File::close). Dropping the
/// file itself removes what has not started and closes the descriptor when the running job, if
/// there is one, has ended.
///
/// [`BufWriter`]: crate::BufWriter
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// # let path = dir.path().join("out.txt");
/// let mut file = aioli_fs::create(&path).await?;
/// file.write_all("Hello, async file!").await?;
/// file.close().await?;
///
/// let mut file = aioli_fs::open(&path).await?;
/// assert_eq!(file.read_to_string().await?, "Hello, async file!");
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "aiofiles.open")]
pub struct File {
    cursor: Cursor,
    /// Where tokio's `start_seek` wants the position to be.
    #[cfg(feature = "tokio")]
    pub(crate) to_seek: Option<SeekFrom>,
}

impl File {
    /// A file that was opened by this crate, with flags that it knows or with others.
    pub(crate) fn opened(file: std::fs::File, path: Arc<Path>, has_flags: bool) -> Self {
        let is_direct = if has_flags { None } else { Some(false) };
        Self::new(file, Shared::new(Some(path), is_direct))
    }

    fn new(file: std::fs::File, shared: Arc<Shared>) -> Self {
        Self {
            cursor: Cursor::new(Arc::new(file), shared),
            #[cfg(feature = "tokio")]
            to_seek: None,
        }
    }

    /// The path the file was opened by; `None` for one made from a [`std::fs::File`].
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let file = aioli_fs::create(dir.path().join("a")).await?;
    /// assert!(file.path().is_some_and(|path| path.ends_with("a")));
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.cursor.shared.path()
    }

    /// The file as the standard library knows it, for what is not here.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let file = aioli_fs::create(dir.path().join("a")).await?;
    /// assert!(file.get_ref().metadata().is_ok());
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn get_ref(&self) -> &std::fs::File {
        &self.cursor.file
    }

    /// Reads up to `buf.len()` bytes from the position on; 0 is the end of the file.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: bytes that were on their way are given to the next read.
    ///
    /// # Errors
    ///
    /// What the system reports, for instance that the file is not open for reading.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "0123456789").await?;
    /// let mut file = aioli_fs::open(&path).await?;
    /// let mut buf = [0; 4];
    /// assert_eq!(file.read(&mut buf).await?, 4);
    /// assert_eq!(&buf, b"0123");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        // A read of something tells a failure that is left by itself.
        if !self.cursor.is_at_rest() || buf.is_empty() {
            self.settle().await?;
        }
        poll_fn(|cx| self.cursor.poll_read(cx, buf)).await
    }

    /// Reads from the position to the end of the file, in one job.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: the job goes on, and what it reads is given to the next read.
    ///
    /// # Errors
    ///
    /// What the system reports; the bytes read before the error are given to the next read.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, [1, 2, 3]).await?;
    /// assert_eq!(aioli_fs::open(&path).await?.read_to_end().await?, [1, 2, 3]);
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn read_to_end(&mut self) -> Result<Vec<u8>> {
        self.settle().await?;
        self.cursor.start_read_to_end();
        poll_fn(|cx| self.cursor.poll_read_to_end(cx)).await
    }

    /// Reads from the position to the end of the file, as text.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: the job goes on, and what it reads is given to the next read.
    ///
    /// # Errors
    ///
    /// What the system reports, and [`InvalidData`](io::ErrorKind::InvalidData) for what is
    /// not UTF-8, whose bytes are then given to the next read.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "text").await?;
    /// assert_eq!(aioli_fs::open(&path).await?.read_to_string().await?, "text");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn read_to_string(&mut self) -> Result<String> {
        let bytes = self.read_to_end().await?;
        String::from_utf8(bytes).map_err(|error| {
            let reason = io::Error::new(io::ErrorKind::InvalidData, error.utf8_error());
            self.cursor.put_back(error.into_bytes());
            self.cursor.shared.error("read", reason)
        })
    }

    /// Writes from the position on as much of `data` as one call takes, and tells how much.
    ///
    /// # Cancel safety
    ///
    /// A write that has begun is carried out; how much it wrote is then unknown. Its failure
    /// is reported by the next operation.
    ///
    /// # Errors
    ///
    /// What the system reports, for instance [`StorageFull`](io::ErrorKind::StorageFull).
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let mut file = aioli_fs::create(dir.path().join("a")).await?;
    /// assert_eq!(file.write("text").await?, 4);
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn write(&mut self, data: impl AsRef<[u8]>) -> Result<usize> {
        self.write_owned(data.as_ref().to_vec(), false).await
    }

    /// Writes all of `data` from the position on, in one job.
    ///
    /// # Cancel safety
    ///
    /// A write that has begun is carried out to its end, so dropping this future never leaves
    /// a part of `data` in the file; only an error does. The error is then reported by the
    /// next operation.
    ///
    /// # Errors
    ///
    /// What the system reports, for instance [`StorageFull`](io::ErrorKind::StorageFull). An
    /// unknown part of `data` has then been written.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let mut file = aioli_fs::create(dir.path().join("a")).await?;
    /// file.write_all("text").await?;
    /// file.write_all([1, 2, 3]).await?;
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "aiofiles.write")]
    pub async fn write_all(&mut self, data: impl AsRef<[u8]>) -> Result<()> {
        self.write_owned(data.as_ref().to_vec(), true)
            .await
            .map(drop)
    }

    /// Reads into several buffers, one after the other; 0 is the end of the file.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: bytes that were on their way are given to the next read.
    ///
    /// # Errors
    ///
    /// What the system reports, for instance that the file is not open for reading.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::IoSliceMut;
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "0123456789").await?;
    /// let (mut head, mut body) = ([0; 2], [0; 4]);
    /// let mut file = aioli_fs::open(&path).await?;
    /// let bufs = &mut [IoSliceMut::new(&mut head), IoSliceMut::new(&mut body)];
    /// assert_eq!(file.read_vectored(bufs).await?, 6);
    /// assert_eq!((&head, &body), (b"01", b"2345"));
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "os.readv")]
    pub async fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        self.settle().await?;
        poll_fn(|cx| self.cursor.poll_read_vectored(cx, bufs)).await
    }

    /// Writes several pieces, one after the other, all in one system call if the file takes them
    /// so; they are gathered in memory for that.
    ///
    /// # Cancel safety
    ///
    /// As that of [`write_all`](File::write_all).
    ///
    /// # Errors
    ///
    /// As those of [`write_all`](File::write_all).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::IoSlice;
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// let mut file = aioli_fs::create(&path).await?;
    /// file.write_all_vectored(&[IoSlice::new(b"head "), IoSlice::new(b"body")]).await?;
    /// assert_eq!(aioli_fs::read_to_string(&path).await?, "head body");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "os.writev")]
    pub async fn write_all_vectored(&mut self, bufs: &[IoSlice<'_>]) -> Result<()> {
        self.write_owned(gathered(bufs, usize::MAX), true)
            .await
            .map(drop)
    }

    /// Moves the position and returns the new one, counted from the start of the file.
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
    /// use std::io::SeekFrom;
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "0123456789").await?;
    /// let mut file = aioli_fs::open(&path).await?;
    /// assert_eq!(file.seek(SeekFrom::End(-3)).await?, 7);
    /// assert_eq!(file.read_to_string().await?, "789");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        self.settle().await?;
        poll_fn(|cx| self.cursor.poll_seek(cx, to)).await
    }

    /// Reads the file by lines from its position on; see [`Lines`].
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "line 1\nline 2\n").await?;
    /// let mut lines = aioli_fs::open(&path).await?.lines();
    /// while let Some(line) = lines.next().await {
    ///     println!("{}", line?);
    /// }
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn lines(self) -> Lines {
        BufReader::new(self).lines()
    }

    /// Waits for everything in flight on this file, closes it, and reports what failed.
    ///
    /// Dropping a file closes it too; this is for those who want to hear of errors: of an
    /// effect whose future was dropped, and of the closing itself, which on a network file
    /// system is where a write that failed may first be heard of.
    ///
    /// # Cancel safety
    ///
    /// The file is closed all the same. An unreported failure is logged; what the system says
    /// about the closing is lost.
    ///
    /// # Errors
    ///
    /// The first failure that no operation has reported, else what the system says about the
    /// closing. The file is closed in either case.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let mut file = aioli_fs::create(dir.path().join("a")).await?;
    /// file.write_all("text").await?;
    /// file.close().await?;
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn close(self) -> Result<()> {
        let mut cursor = self.cursor;
        poll_fn(|cx| cursor.poll_settle(cx)).await;
        let Cursor { file, shared, .. } = cursor;
        shared.idle().await;
        let result = match Arc::try_unwrap(file) {
            Ok(file) => aioli_task::to_thread(move || os::close(file)).await,
            Err(_) => unreachable!("only jobs share the descriptor, and there is none left"),
        };
        shared.take_failure()?;
        result.map_err(|error| shared.error("close", error))
    }

    /// Waits for everything in flight on this file and gives it back as a standard one.
    ///
    /// Its position is behind the last byte that was handed out.
    ///
    /// # Cancel safety
    ///
    /// The file is closed.
    ///
    /// # Errors
    ///
    /// The first failure that no operation has reported.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let file = aioli_fs::create(dir.path().join("a")).await?;
    /// let file: std::fs::File = file.into_std().await?;
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn into_std(mut self) -> Result<std::fs::File> {
        self.settle().await?;
        self.cursor.rewind_ahead();
        let Cursor { file, shared, .. } = self.cursor;
        shared.idle().await;
        shared.take_failure()?;
        Ok(Arc::try_unwrap(file)
            .unwrap_or_else(|_| unreachable!("only jobs share the descriptor, and none is left")))
    }

    /// Polls a read for a type of this crate that buffers.
    pub(crate) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<Result<usize>> {
        self.cursor.poll_read(cx, buf)
    }

    /// Gives bytes back, to be read again before all others; nothing may be in flight.
    pub(crate) fn unread(&mut self, bytes: Vec<u8>) {
        self.cursor.unread(bytes);
    }

    /// An error of this file, for a type of this crate that has found one.
    pub(crate) fn error(&self, operation: &'static str, source: io::Error) -> Error {
        self.cursor.shared.error(operation, source)
    }

    /// Starts to write all of `data`, for a type of this crate that buffers.
    ///
    /// Nothing may be in flight; `poll_written` is the other half.
    pub(crate) fn start_write(&mut self, data: Vec<u8>) {
        self.cursor.start_write(data, true);
    }

    /// The data of [`start_write`](Self::start_write), how much of it was written, and why
    /// not more.
    pub(crate) fn poll_written(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<(Vec<u8>, usize, Result<()>)> {
        self.cursor.poll_written(cx)
    }

    /// Polls until nothing is in flight and no failure is untold.
    pub(crate) fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.cursor.poll_ready(cx)
    }

    async fn write_owned(&mut self, data: Vec<u8>, all: bool) -> Result<usize> {
        self.settle().await?;
        self.cursor.start_write(data, all);
        let (_, n, result) = poll_fn(|cx| self.cursor.poll_written(cx)).await;
        result.map(|()| n)
    }

    /// Waits for what an earlier, dropped operation has left, and reports its failure.
    async fn settle(&mut self) -> Result<()> {
        poll_fn(|cx| self.cursor.poll_ready(cx)).await
    }
}

/// What several pieces hold, as far as the first `max` bytes.
fn gathered(bufs: &[IoSlice<'_>], max: usize) -> Vec<u8> {
    let n: usize = bufs.iter().map(|buf| buf.len()).sum();
    let mut bytes = Vec::with_capacity(n.min(max));
    for buf in bufs {
        let n = buf.len().min(max - bytes.len());
        bytes.extend_from_slice(&buf[..n]);
    }
    bytes
}

impl From<std::fs::File> for File {
    fn from(file: std::fs::File) -> Self {
        Self::new(file, Shared::new(None, None))
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("path", &self.path())
            .field("file", &self.cursor.file)
            .finish_non_exhaustive()
    }
}
