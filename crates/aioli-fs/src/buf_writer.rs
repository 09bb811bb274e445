//! Collecting small writes into large ones.

use crate::{aftermath, error::Result, file::File};
use futures_io::AsyncWrite;
use std::{
    fmt,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// How much is collected before it is written.
const CAPACITY: usize = 64 * 1024;

/// A file whose writes are collected in memory and written 64 KiB at a time.
///
/// What is still in memory is written by [`flush`](Self::flush) and by
/// [`close`](Self::close), which report errors; by dropping it too, in the background of the
/// loop, where an error can only be logged.
///
/// # Examples
///
/// ```
/// use aioli_fs::BufWriter;
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// # let path = dir.path().join("a");
/// let mut out = BufWriter::new(aioli_fs::create(&path).await?);
/// for i in 0..100 {
///     out.write_all(format!("line {i}\n")).await?;
/// }
/// out.close().await?;
/// # assert_eq!(aioli_fs::read(&path).await?.len(), 790);
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
pub struct BufWriter {
    /// `None` only once it has been given away.
    inner: Option<Inner>,
}

/// The file, what has not been given to it, and whether it is at work.
struct Inner {
    file: File,
    buffer: Vec<u8>,
    writing: bool,
}

impl BufWriter {
    /// A writer with an empty buffer.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let file = aioli_fs::create(dir.path().join("a")).await?;
    /// aioli_fs::BufWriter::new(file).write_all("text").await?;
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn new(file: File) -> Self {
        let buffer = Vec::new();
        Self {
            inner: Some(Inner {
                file,
                buffer,
                writing: false,
            }),
        }
    }

    /// The file behind the buffer.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let out = aioli_fs::BufWriter::new(aioli_fs::create(dir.path().join("a")).await?);
    /// assert_eq!(out.get_ref().metadata().await?.len(), 0);
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn get_ref(&self) -> &File {
        &self.inner.as_ref().expect(GIVEN_AWAY).file
    }

    /// Takes all of `data`, and writes when enough has come together.
    ///
    /// # Cancel safety
    ///
    /// Either all of `data` is taken or, while the buffer is still full from before, nothing
    /// of it. What is taken is not lost.
    ///
    /// # Errors
    ///
    /// What the system reports about the file. What could not be written stays in the buffer,
    /// so that a later flush tries again and tells again.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let mut out = aioli_fs::BufWriter::new(aioli_fs::create(dir.path().join("a")).await?);
    /// out.write_all("text").await?;
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn write_all(&mut self, data: impl AsRef<[u8]>) -> Result<()> {
        let inner = self.inner();
        if inner.buffer.len() >= CAPACITY {
            inner.flush().await?;
        }
        inner.buffer.extend_from_slice(data.as_ref());
        if inner.buffer.len() >= CAPACITY {
            inner.flush().await?;
        }
        Ok(())
    }

    /// Writes what is in the buffer.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: a write that has begun is carried out, and the next operation hears of
    /// its result.
    ///
    /// # Errors
    ///
    /// What the system reports about the file. What could not be written stays in the buffer,
    /// so that a later flush tries again and tells again.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// let mut out = aioli_fs::BufWriter::new(aioli_fs::create(&path).await?);
    /// out.write_all("0").await?;
    /// assert_eq!(aioli_fs::read_to_string(&path).await?, "");
    /// out.flush().await?;
    /// assert_eq!(aioli_fs::read_to_string(&path).await?, "0");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "aiofiles.flush")]
    pub async fn flush(&mut self) -> Result<()> {
        self.inner().flush().await
    }

    /// Writes what is in the buffer and gives the file back.
    ///
    /// # Cancel safety
    ///
    /// The file is closed; what is in the buffer is written in the background.
    ///
    /// # Errors
    ///
    /// What the system reports about the file, which is closed then; a last attempt to write
    /// the rest is made in the background.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let mut out = aioli_fs::BufWriter::new(aioli_fs::create(dir.path().join("a")).await?);
    /// out.write_all("text").await?;
    /// let file = out.into_inner().await?;
    /// assert_eq!(file.metadata().await?.len(), 4);
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn into_inner(mut self) -> Result<File> {
        self.flush().await?;
        Ok(self.inner.take().expect(GIVEN_AWAY).file)
    }

    /// Writes what is in the buffer, closes the file, and reports what failed.
    ///
    /// # Cancel safety
    ///
    /// The file is closed; what is in the buffer is written in the background.
    ///
    /// # Errors
    ///
    /// What the system reports about the file, which is closed then.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let mut out = aioli_fs::BufWriter::new(aioli_fs::create(dir.path().join("a")).await?);
    /// out.write_all("text").await?;
    /// out.close().await?;
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn close(mut self) -> Result<()> {
        let flushed = self.flush().await;
        let inner = self.inner.take().expect(GIVEN_AWAY);
        let closed = inner.file.close().await;
        flushed.and(closed)
    }

    fn inner(&mut self) -> &mut Inner {
        self.inner.as_mut().expect(GIVEN_AWAY)
    }
}

const GIVEN_AWAY: &str = "only methods that take `self` give the file away";

impl Inner {
    async fn flush(&mut self) -> Result<()> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        loop {
            if self.writing {
                let (mut data, n, result) = ready!(self.file.poll_written(cx));
                self.writing = false;
                if result.is_err() {
                    data.drain(..n);
                    data.append(&mut self.buffer);
                    self.buffer = data;
                    return Poll::Ready(result);
                }
            } else if self.buffer.is_empty() {
                return Poll::Ready(Ok(()));
            } else {
                ready!(self.file.poll_settled(cx))?;
                self.file.start_write(std::mem::take(&mut self.buffer));
                self.writing = true;
            }
        }
    }
}

impl AsyncWrite for BufWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let inner = self.inner();
        if inner.buffer.len() >= CAPACITY {
            ready!(inner.poll_flush(cx))?;
        }
        let n = data.len().min(CAPACITY);
        inner.buffer.extend_from_slice(&data[..n]);
        Poll::Ready(Ok(n))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_flush(cx).map_err(io::Error::from)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl Drop for BufWriter {
    fn drop(&mut self) {
        let Some(mut inner) = self.inner.take() else {
            return;
        };
        if inner.writing || !inner.buffer.is_empty() {
            aftermath::finish(async move {
                if let Err(error) = inner.flush().await {
                    tracing::error!(%error, "a buffered writer was dropped and lost its data");
                }
            });
        }
    }
}

impl fmt::Debug for BufWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("BufWriter");
        if let Some(inner) = &self.inner {
            debug
                .field("file", &inner.file)
                .field("buffered", &inner.buffer.len());
        }
        debug.finish()
    }
}
