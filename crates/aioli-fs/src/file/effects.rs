//! What is done to a file as a whole: its length, its way to the disk, its metadata.

use super::{
    File,
    shared::{Held, Shared},
};
use crate::{error::Result, lane};
use std::{
    fs::{FileTimes, Metadata, Permissions, TryLockError},
    future::poll_fn,
    io,
    sync::Arc,
    time::SystemTime,
};

/// A lock that is given up unless somebody takes it.
struct Locked {
    file: std::fs::File,
    shared: Arc<Shared>,
}

impl Locked {
    fn keep(self) {
        *self.shared.locked() = true;
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        let locked = self.shared.locked();
        // The lock belongs to all who use this open file.
        if !*locked && let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "a lock that nobody waits for any more stays");
        }
    }
}

impl File {
    /// Cuts the file off at `len` bytes, or extends it to `len` with zeros.
    ///
    /// # Cancel safety
    ///
    /// Once begun it is carried out; a failure is reported by the next operation.
    ///
    /// # Errors
    ///
    /// What the system reports, for instance that the file is not open for writing.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let mut file = aioli_fs::create(dir.path().join("a")).await?;
    /// file.set_len(100).await?;
    /// assert_eq!(file.metadata().await?.len(), 100);
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "truncate")]
    pub async fn set_len(&mut self, len: u64) -> Result<()> {
        self.other("set the length of", move |file| file.set_len(len))
            .await
    }

    /// Waits until the file's contents and metadata are on the disk.
    ///
    /// # Cancel safety
    ///
    /// Once begun it is carried out; a failure is reported by the next operation.
    ///
    /// # Errors
    ///
    /// What the system reports: writes that it took and could not bring to the disk.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let mut file = aioli_fs::create(dir.path().join("a")).await?;
    /// file.write_all("precious").await?;
    /// file.sync_all().await?;
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "os.fsync")]
    pub async fn sync_all(&mut self) -> Result<()> {
        self.sync(false).await
    }

    /// Waits until the file's contents are on the disk, and of its metadata what is needed to
    /// read them back.
    ///
    /// # Cancel safety
    ///
    /// Once begun it is carried out; a failure is reported by the next operation.
    ///
    /// # Errors
    ///
    /// What the system reports: writes that it took and could not bring to the disk.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let mut file = aioli_fs::create(dir.path().join("a")).await?;
    /// file.write_all("precious").await?;
    /// file.sync_data().await?;
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "os.fdatasync")]
    pub async fn sync_data(&mut self) -> Result<()> {
        self.sync(true).await
    }

    /// What the system knows about the file: its length, its kind, its times.
    ///
    /// # Cancel safety
    ///
    /// It changes nothing, so nothing is lost.
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
    /// let file = aioli_fs::create(dir.path().join("a")).await?;
    /// assert!(file.metadata().await?.is_file());
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "os.fstat")]
    pub async fn metadata(&self) -> Result<Metadata> {
        let held = Held::new(&self.cursor.file, &self.cursor.shared);
        let metadata = aioli_task::to_thread(move || held.file().metadata()).await;
        metadata.map_err(|error| self.error("look at", error))
    }

    /// Changes who may do what with the file.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it runs it takes effect all the same; its failure is reported by the next
    /// operation on the position or by [`close`](File::close).
    ///
    /// # Errors
    ///
    /// What the system reports, for instance that the file belongs to somebody else.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let file = aioli_fs::create(dir.path().join("a")).await?;
    /// let mut permissions = file.metadata().await?.permissions();
    /// permissions.set_readonly(true);
    /// file.set_permissions(permissions).await?;
    /// assert!(file.metadata().await?.permissions().readonly());
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "os.fchmod")]
    pub async fn set_permissions(&self, permissions: Permissions) -> Result<()> {
        let job = move |file: &std::fs::File| file.set_permissions(permissions);
        let held = Held::new(&self.cursor.file, &self.cursor.shared);
        held.effect("change the permissions of", job).await
    }

    /// Sets when the file was last read and changed.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it runs it takes effect all the same; its failure is reported by the next
    /// operation on the position or by [`close`](File::close).
    ///
    /// # Errors
    ///
    /// What the system reports, for instance that the file belongs to somebody else.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{fs::FileTimes, time::SystemTime};
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let file = aioli_fs::create(dir.path().join("a")).await?;
    /// let then = SystemTime::UNIX_EPOCH;
    /// file.set_times(FileTimes::new().set_accessed(then).set_modified(then)).await?;
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "os.utime")]
    pub async fn set_times(&self, times: FileTimes) -> Result<()> {
        let held = Held::new(&self.cursor.file, &self.cursor.shared);
        held.effect("set the times of", move |file| file.set_times(times))
            .await
    }

    /// Sets when the file was last changed.
    ///
    /// # Cancel safety
    ///
    /// As that of [`set_times`](File::set_times).
    ///
    /// # Errors
    ///
    /// What the system reports, for instance that the file belongs to somebody else.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::SystemTime;
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let file = aioli_fs::create(dir.path().join("a")).await?;
    /// file.set_modified(SystemTime::UNIX_EPOCH).await?;
    /// assert_eq!(file.metadata().await?.modified().unwrap(), SystemTime::UNIX_EPOCH);
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn set_modified(&self, time: SystemTime) -> Result<()> {
        self.set_times(FileTimes::new().set_modified(time)).await
    }

    /// Locks the file for this handle alone, waiting until nobody else has locked it. See
    /// [`try_lock`](File::try_lock).
    ///
    /// A lock that somebody else has is waited for on a thread of its own.
    ///
    /// # Cancel safety
    ///
    /// The file is not locked, or is unlocked again; the thread waits for its turn all the same.
    ///
    /// # Errors
    ///
    /// What the system reports, for instance that the file system has no locks.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let file = aioli_fs::create(dir.path().join("lock")).await?;
    /// file.lock().await?;
    /// file.unlock()?;
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "fcntl.flock")]
    pub async fn lock(&self) -> Result<()> {
        if self.try_lock()? {
            return Ok(());
        }
        self.wait_for_lock(std::fs::File::lock).await
    }

    /// Locks the file for this handle and others that share, waiting until nobody has locked it
    /// alone. See [`lock`](File::lock).
    ///
    /// # Cancel safety
    ///
    /// As that of [`lock`](File::lock).
    ///
    /// # Errors
    ///
    /// What the system reports, for instance that the file system has no locks.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("lock");
    /// let ours = aioli_fs::create(&path).await?;
    /// let theirs = aioli_fs::open(&path).await?;
    /// ours.lock_shared().await?;
    /// theirs.lock_shared().await?; // both have it
    /// assert!(!ours.try_lock()?);
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn lock_shared(&self) -> Result<()> {
        if self.try_lock_shared()? {
            return Ok(());
        }
        self.wait_for_lock(std::fs::File::lock_shared).await
    }

    async fn wait_for_lock(&self, lock: fn(&std::fs::File) -> io::Result<()>) -> Result<()> {
        // The lock belongs to what is open, which the second descriptor shares. It is not the
        // first, so that `close` need not wait for a turn that nobody wants any more.
        let file = self.cursor.file.try_clone();
        let shared = Arc::clone(&self.cursor.shared);
        let waiting = file.and_then(|file| {
            lane::ask_once("aioli-lock", move || {
                lock(&file).map(|()| Locked { file, shared })
            })
        });
        let locked = match waiting {
            Ok(waiting) => waiting.await,
            Err(error) => Err(error),
        };
        locked
            .map(Locked::keep)
            .map_err(|error| self.error("lock", error))
    }

    /// Locks the file for this handle alone, if nobody else has locked it; tells whether it did.
    ///
    /// The lock is advisory: it holds off others who lock, not those who read and write. It ends
    /// with [`unlock`](File::unlock) and when the file is closed.
    ///
    /// # Errors
    ///
    /// What the system reports, for instance that the file system has no locks.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("lock");
    /// let ours = aioli_fs::create(&path).await?;
    /// let theirs = aioli_fs::open(&path).await?;
    /// assert!(ours.try_lock()?);
    /// assert!(!theirs.try_lock_shared()?);
    /// ours.unlock()?;
    /// assert!(theirs.try_lock_shared()?);
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "fcntl.flock")]
    pub fn try_lock(&self) -> Result<bool> {
        self.lock_now(std::fs::File::try_lock)
    }

    /// Locks the file for this handle and others that share, if nobody has locked it alone; tells
    /// whether it did. See [`try_lock`](File::try_lock).
    ///
    /// # Errors
    ///
    /// What the system reports, for instance that the file system has no locks.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("lock");
    /// let ours = aioli_fs::create(&path).await?;
    /// let theirs = aioli_fs::open(&path).await?;
    /// assert!(ours.try_lock_shared()? && theirs.try_lock_shared()?);
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn try_lock_shared(&self) -> Result<bool> {
        self.lock_now(std::fs::File::try_lock_shared)
    }

    /// Gives up this handle's lock, if it has one.
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
    /// # let path = dir.path().join("lock");
    /// let ours = aioli_fs::create(&path).await?;
    /// let theirs = aioli_fs::open(&path).await?;
    /// ours.lock().await?;
    /// ours.unlock()?;
    /// assert!(theirs.try_lock()?);
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn unlock(&self) -> Result<()> {
        let mut locked = self.cursor.shared.locked();
        let unlocked = self.cursor.file.unlock();
        *locked &= unlocked.is_err();
        unlocked.map_err(|error| self.error("unlock", error))
    }

    fn lock_now(
        &self,
        lock: fn(&std::fs::File) -> std::result::Result<(), TryLockError>,
    ) -> Result<bool> {
        let mut locked = self.cursor.shared.locked();
        match lock(&self.cursor.file) {
            Ok(()) => {
                *locked = true;
                Ok(true)
            }
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(self.error("lock", error)),
        }
    }

    async fn sync(&mut self, data_only: bool) -> Result<()> {
        self.settle().await?;
        self.cursor.start_sync(data_only);
        poll_fn(|cx| self.cursor.poll_other(cx)).await
    }

    async fn other(
        &mut self,
        name: &'static str,
        job: impl FnOnce(&std::fs::File) -> io::Result<()> + Send + 'static,
    ) -> Result<()> {
        self.settle().await?;
        self.cursor.start_other(name, job);
        poll_fn(|cx| self.cursor.poll_other(cx)).await
    }
}
