//! Reads and writes at an offset: any number at once, on a shared file.

use super::{
    CHUNK, CHUNK_NOW, File,
    cursor::uninterrupted,
    shared::{Held, Way},
};
use crate::{
    aftermath,
    error::Result,
    os,
    part::{OwnedBuf, Part},
    ring,
};
use aioli_reactor::Operations;
use std::{future::poll_fn, io, sync::Arc};

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
        let n = buf.len().min(CHUNK_NOW);
        let way = self.read_at_now(&mut buf[..n], offset).await;
        if let Way::Done(n) = way {
            return Ok(n);
        }
        let n = n.min(CHUNK);
        let part = Part::new(n, self.is_direct());
        let (result, part) = self.read_part_at(way, part, offset).await;
        let n = result?;
        buf[..n].copy_from_slice(&part.bytes()[..n]);
        Ok(n)
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
        let part = Part::copy_of(data.as_ref(), self.is_direct());
        let (n, _) = self.write_part_at(part, offset, false).await?;
        Ok(n)
    }

    /// As [`read_at`](File::read_at), into a buffer that travels: nothing is copied.
    ///
    /// A file that was opened with `O_DIRECT` wants an [`AlignedBuf`](crate::AlignedBuf).
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
    pub async fn read_at_owned<B: OwnedBuf>(&self, buf: B, offset: u64) -> (Result<usize>, B) {
        let mut part = buf.into_part();
        let n = part.bytes().len().min(CHUNK_NOW);
        let way = self.read_at_now(&mut part.bytes_mut()[..n], offset).await;
        let (result, part) = self.read_part_at(way, part, offset).await;
        (result, B::from_part(part))
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
    pub async fn write_all_at_owned<B: OwnedBuf>(&self, data: B, offset: u64) -> Result<B> {
        let (_, part) = self.write_part_at(data.into_part(), offset, true).await?;
        Ok(B::from_part(part))
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
        let part = Part::copy_of(data.as_ref(), self.is_direct());
        self.write_part_at(part, offset, true).await.map(drop)
    }

    fn is_direct(&self) -> bool {
        self.cursor.shared.is_direct(&self.cursor.file)
    }

    /// Reads, if that needs no waiting.
    async fn read_at_now(&self, buf: &mut [u8], offset: u64) -> Way {
        let (file, shared) = (&self.cursor.file, &self.cursor.shared);
        poll_fn(|cx| shared.poll_now(cx, file, || os::read_at_now(file, buf, offset))).await
    }

    /// Reads as it came out that it has to be read.
    async fn read_part_at(&self, way: Way, mut part: Part, offset: u64) -> (Result<usize>, Part) {
        let (file, shared) = (&self.cursor.file, &self.cursor.shared);
        if let Way::Done(n) = way {
            return (Ok(n), part);
        }
        // A ring copies what has come into the page cache on the loop's thread.
        let is_short = part.bytes().len() <= CHUNK || self.is_direct();
        if way == Way::Ring
            && is_short
            && is_offset(offset)
            && let Some(ring) = ring::operations()
        {
            let held = Held::new(file, shared);
            let (result, back) = ring::read(&ring, held, part, offset).await;
            if let Ok(n) = result {
                return (Ok(n), back);
            }
            part = back;
        }
        let held = Held::new(file, shared);
        let (result, part) = aioli_task::to_thread(move || {
            let read = || os::read_at(held.file(), part.bytes_mut(), offset);
            (uninterrupted(read), part)
        })
        .await;
        (result.map_err(|error| shared.error("read", error)), part)
    }

    /// Writes as much as one call takes, or all.
    async fn write_part_at(&self, mut part: Part, offset: u64, all: bool) -> Result<(usize, Part)> {
        let mut start = 0;
        if self.is_direct()
            && is_offset(offset)
            && let Some(ring) = ring::operations()
        {
            let (result, back) = self.write_by_ring(&ring, part, offset, all).await;
            part = back;
            match result {
                Ok(n) if !all || n == part.bytes().len() => return Ok((n, part)),
                Ok(n) => start = n,
                Err(error) if ring::has_refused(&error) => {}
                Err(error) => return Err(self.cursor.shared.error("write", error)),
            }
        }
        let held = Held::new(&self.cursor.file, &self.cursor.shared);
        held.effect("write", move |file| {
            let (data, offset) = (&part.bytes()[start..], offset + start as u64);
            let n = write_at(file, data, offset, all)?;
            Ok((start + n, part))
        })
        .await
    }

    /// Writes as much as one operation of the ring takes. If the future is dropped, the rest is
    /// written, where all was asked for, and a failure is kept for the file's next operation.
    async fn write_by_ring(
        &self,
        ring: &Operations,
        part: Part,
        offset: u64,
        all: bool,
    ) -> (io::Result<usize>, Part) {
        let held = Arc::new(Held::new(&self.cursor.file, &self.cursor.shared));
        let Part { memory, range } = part;
        let meant = range.clone();
        let heir = Arc::clone(&held);
        let write = ring.write_from(held, memory, range.clone(), offset);
        let write = write.detach_on_drop(move |(result, memory)| {
            let shared = Arc::clone(heir.shared());
            let record = move |error| shared.record(shared.error("write", error));
            match result {
                Ok(n) if all && n < meant.len() => aftermath::run(move || {
                    let rest = &memory[meant.start + n..meant.end];
                    let written = write_at(heir.file(), rest, offset + n as u64, true);
                    written.map(drop).unwrap_or_else(record);
                }),
                result => result.map(drop).unwrap_or_else(record),
            }
        });
        let (result, memory) = write.await;
        if memory.len() < range.end {
            // Only a loop that has ended leaves the memory to the kernel, and the write with it.
            let error = io::Error::other("the event loop has ended before the write");
            return (Err(error), Part::new(0, false));
        }
        (result, Part { memory, range })
    }
}

/// Whether the system takes this for an offset: what it does not, the pool tells.
fn is_offset(offset: u64) -> bool {
    i64::try_from(offset).is_ok()
}

/// Writes all of `data`, or as much as one call takes.
fn write_at(file: &std::fs::File, data: &[u8], offset: u64, all: bool) -> io::Result<usize> {
    if !all {
        return uninterrupted(|| os::write_at(file, data, offset));
    }
    let mut written = 0;
    while written < data.len() {
        let (rest, offset) = (&data[written..], offset + written as u64);
        match uninterrupted(|| os::write_at(file, rest, offset))? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            n => written += n,
        }
    }
    Ok(written)
}
