//! Reads and writes at an offset: any number at once, on a shared file.

use super::{CHUNK, File, cursor::uninterrupted, shared::Held};
use crate::{error::Result, os};
use std::{future::poll_fn, io};

impl File {
    /// Reads up to `buf.len()` bytes from `offset` on; 0 is the end of the file.
    ///
    /// The position is neither used nor moved (on Windows the system moves it).
    ///
    /// # Cancel safety
    ///
    /// It changes nothing, so nothing is lost.
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
    /// let file = aioli_fs::open(&path).await?;
    /// let mut buf = [0; 3];
    /// assert_eq!(file.read_at(&mut buf, 5).await?, 3);
    /// assert_eq!(&buf, b"567");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "os.pread")]
    pub async fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let (file, shared) = (&self.cursor.file, &self.cursor.shared);
        if let Some(n) = self.read_at_now(buf, offset).await {
            return Ok(n);
        }
        let n = buf.len().min(CHUNK);
        let held = Held::new(file, shared);
        let bytes: io::Result<Vec<u8>> = aioli_task::to_thread(move || {
            let mut bytes = vec![0; n];
            let n = uninterrupted(|| os::read_at(held.file(), &mut bytes, offset))?;
            bytes.truncate(n);
            Ok(bytes)
        })
        .await;
        let bytes = bytes.map_err(|error| shared.error("read", error))?;
        buf[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    /// Writes from `offset` on as much of `data` as one call takes, and tells how much.
    ///
    /// The position is neither used nor moved (on Windows the system moves it).
    ///
    /// # Cancel safety
    ///
    /// Dropped before its job has started, it does nothing. Later the write is carried out,
    /// how much of it is unknown, and its failure is reported by the next operation on the
    /// position or by [`close`](File::close).
    ///
    /// # Errors
    ///
    /// What the system reports, for instance [`StorageFull`](std::io::ErrorKind::StorageFull).
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let file = aioli_fs::create(dir.path().join("a")).await?;
    /// assert_eq!(file.write_at("text", 1000).await?, 4);
    /// assert_eq!(file.metadata().await?.len(), 1004);
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "os.pwrite")]
    pub async fn write_at(&self, data: impl AsRef<[u8]>, offset: u64) -> Result<usize> {
        let data = data.as_ref().to_vec();
        let held = Held::new(&self.cursor.file, &self.cursor.shared);
        held.effect("write", move |file| {
            uninterrupted(|| os::write_at(file, &data, offset))
        })
        .await
    }

    /// As [`read_at`](File::read_at), into a buffer that travels: nothing is copied.
    ///
    /// # Cancel safety
    ///
    /// The file is as before; the buffer goes.
    ///
    /// # Errors
    ///
    /// What the system reports, for instance that the file is not open for reading. The buffer
    /// comes back in any case.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "0123456789").await?;
    /// let file = aioli_fs::open(&path).await?;
    /// let (n, buf) = file.read_at_owned(vec![0; 4], 8).await;
    /// assert_eq!(&buf[..n?], b"89");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn read_at_owned(&self, mut buf: Vec<u8>, offset: u64) -> (Result<usize>, Vec<u8>) {
        let (file, shared) = (&self.cursor.file, &self.cursor.shared);
        if let Some(n) = self.read_at_now(&mut buf, offset).await {
            return (Ok(n), buf);
        }
        let held = Held::new(file, shared);
        let (result, buf) = aioli_task::to_thread(move || {
            let result = uninterrupted(|| os::read_at(held.file(), &mut buf, offset));
            (result, buf)
        })
        .await;
        (result.map_err(|error| shared.error("read", error)), buf)
    }

    /// As [`write_all_at`](File::write_all_at), from a buffer that travels: nothing is copied.
    ///
    /// # Cancel safety
    ///
    /// As that of [`write_all_at`](File::write_all_at); the buffer goes.
    ///
    /// # Errors
    ///
    /// What the system reports, for instance [`StorageFull`](std::io::ErrorKind::StorageFull).
    /// The buffer goes then too.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let file = aioli_fs::create(dir.path().join("a")).await?;
    /// let buf: Vec<u8> = file.write_all_at_owned(vec![7; 100], 50).await?;
    /// assert_eq!(file.metadata().await?.len(), 150);
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn write_all_at_owned(&self, data: Vec<u8>, offset: u64) -> Result<Vec<u8>> {
        let held = Held::new(&self.cursor.file, &self.cursor.shared);
        held.effect("write", move |file| {
            write_all_at(file, &data, offset).map(|()| data)
        })
        .await
    }

    /// Writes all of `data` from `offset` on, in one job.
    ///
    /// The position is neither used nor moved (on Windows the system moves it).
    ///
    /// # Cancel safety
    ///
    /// Dropped before its job has started, it does nothing. Later the write is carried out to
    /// its end, and its failure is reported by the next operation on the position or by
    /// [`close`](File::close).
    ///
    /// # Errors
    ///
    /// What the system reports, for instance [`StorageFull`](std::io::ErrorKind::StorageFull).
    /// An unknown part of `data` has then been written.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// let file = aioli_fs::create(&path).await?;
    /// file.write_all_at("world", 6).await?;
    /// file.write_all_at("hello ", 0).await?;
    /// assert_eq!(aioli_fs::read_to_string(&path).await?, "hello world");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn write_all_at(&self, data: impl AsRef<[u8]>, offset: u64) -> Result<()> {
        let data = data.as_ref().to_vec();
        let held = Held::new(&self.cursor.file, &self.cursor.shared);
        held.effect("write", move |file| write_all_at(file, &data, offset))
            .await
    }

    /// A chunk at most, if that needs no waiting.
    async fn read_at_now(&self, buf: &mut [u8], offset: u64) -> Option<usize> {
        let (file, shared) = (&self.cursor.file, &self.cursor.shared);
        let n = buf.len().min(CHUNK);
        let buf = &mut buf[..n];
        poll_fn(|cx| shared.poll_now(cx, || os::read_at_now(file, buf, offset))).await
    }
}

fn write_all_at(file: &std::fs::File, mut data: &[u8], mut offset: u64) -> io::Result<()> {
    while !data.is_empty() {
        match uninterrupted(|| os::write_at(file, data, offset))? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            n => {
                data = &data[n..];
                offset += n as u64;
            }
        }
    }
    Ok(())
}
