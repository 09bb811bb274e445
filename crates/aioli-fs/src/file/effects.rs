//! What is done to a file as a whole: its length, its way to the disk, its metadata.

use super::{File, shared::Held};
use crate::error::Result;
use std::{
    fs::{Metadata, Permissions},
    future::poll_fn,
    io,
};

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
        self.other("sync", std::fs::File::sync_all).await
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
        self.other("sync", std::fs::File::sync_data).await
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
