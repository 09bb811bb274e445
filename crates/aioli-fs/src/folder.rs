//! Folders: making, removing and listing them.

use crate::{
    batches::Batches,
    error::{Error, Result},
    operation::Operation,
};
use futures_core::Stream;
use std::{
    ffi::OsString,
    fmt,
    fs::{self, FileType, Metadata},
    future::poll_fn,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// Makes a folder.
///
/// # Cancel safety
///
/// Dropped while it runs it may have taken effect or not.
///
/// # Errors
///
/// What the system reports: the name is taken, no parent, no permission.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// aioli_fs::create_dir(dir.path().join("new")).await?;
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "os.mkdir")]
pub fn create_dir(path: impl AsRef<Path>) -> Operation<()> {
    Operation::on("make the folder", path, |path| fs::create_dir(path))
}

/// Makes a folder and whatever folders above it are missing; one that is there is fine.
///
/// # Cancel safety
///
/// Dropped before its job has started, it does nothing; later it is carried out.
///
/// # Errors
///
/// What the system reports: something in the way that is no folder, no permission.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// aioli_fs::create_dir_all(dir.path().join("a/b/c")).await?;
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "os.makedirs")]
pub fn create_dir_all(path: impl AsRef<Path>) -> Operation<()> {
    Operation::on("make the folder", path, |path| fs::create_dir_all(path))
}

/// Removes an empty folder.
///
/// # Cancel safety
///
/// Dropped while it runs it may have taken effect or not.
///
/// # Errors
///
/// What the system reports: no such folder, not empty, no permission.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// # let path = dir.path().join("a");
/// aioli_fs::create_dir(&path).await?;
/// aioli_fs::remove_dir(&path).await?;
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "os.rmdir")]
pub fn remove_dir(path: impl AsRef<Path>) -> Operation<()> {
    Operation::on("remove the folder", path, |path| fs::remove_dir(path))
}

/// Removes a folder with all that is in it, in one job. Symbolic links are not followed.
///
/// # Cancel safety
///
/// Dropped before its job has started, it does nothing; later it is carried out.
///
/// # Errors
///
/// What the system reports: no such folder, no permission. A part may then be gone.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// aioli_fs::create_dir_all(dir.path().join("a/b/c")).await?;
/// aioli_fs::remove_dir_all(dir.path().join("a")).await?;
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "shutil.rmtree")]
pub fn remove_dir_all(path: impl AsRef<Path>) -> Operation<()> {
    Operation::on("remove the folder", path, |path| fs::remove_dir_all(path))
}

/// Lists a folder: a [`Stream`] of its entries in no particular order, without `.` and `..`.
///
/// # Cancel safety
///
/// It changes nothing, so nothing is lost.
///
/// # Errors
///
/// What the system reports: no such folder, a file, no permission.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// let mut entries = aioli_fs::read_dir("/").await?;
/// while let Some(entry) = entries.next().await {
///     println!("{}", entry?.path().display());
/// }
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "os.scandir")]
#[doc(alias = "os.listdir")]
pub fn read_dir(path: impl AsRef<Path>) -> Operation<ReadDir> {
    let name = "list";
    let path: Arc<Path> = Arc::from(path.as_ref());
    Operation::new(name, move || match fs::read_dir(&path) {
        Ok(entries) => Ok(ReadDir {
            batches: Batches::new(Listing { entries, path }),
        }),
        Err(error) => Err(Error::new(name, Some(path), error)),
    })
}

/// The entries of a folder: a [`Stream`], fetched from the pool in batches.
///
/// Made by [`read_dir`].
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// aioli_fs::create_dir_all(dir.path().join("a/b")).await?;
/// let mut entries: aioli_fs::ReadDir = aioli_fs::read_dir(dir.path()).await?;
/// assert_eq!(entries.next().await.expect("an entry")?.file_name(), "a");
/// assert!(entries.next().await.is_none());
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct ReadDir {
    batches: Batches<Listing>,
}

/// What one folder's jobs pass on from batch to batch.
#[derive(Debug)]
struct Listing {
    entries: fs::ReadDir,
    path: Arc<Path>,
}

impl ReadDir {
    /// The next entry, or `None` after the last.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: an entry that was on its way is the next one's answer.
    ///
    /// # Errors
    ///
    /// What the system reports in the middle of a listing.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// assert!(aioli_fs::read_dir("/").await?.next().await.is_some());
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn next(&mut self) -> Option<Result<DirEntry>> {
        poll_fn(|cx| self.batches.poll_next(cx)).await
    }
}

impl Iterator for Listing {
    type Item = Result<DirEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.next()?;
        Some(match entry.and_then(|entry| DirEntry::new(&entry, 1)) {
            Ok(entry) => Ok(entry),
            Err(error) => Err(Error::new("list", Some(Arc::clone(&self.path)), error)),
        })
    }
}

impl Stream for ReadDir {
    type Item = Result<DirEntry>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.batches.poll_next(cx)
    }
}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadDir").finish_non_exhaustive()
    }
}

/// One entry of a folder.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// aioli_fs::write(dir.path().join("a"), "text").await?;
/// let entry = aioli_fs::read_dir(dir.path()).await?.next().await.expect("one entry")?;
/// assert_eq!(entry.file_name(), "a");
/// assert_eq!(entry.path(), dir.path().join("a"));
/// assert!(entry.file_type().is_file());
/// assert_eq!(entry.metadata().await?.len(), 4);
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct DirEntry {
    path: PathBuf,
    file_type: FileType,
    depth: usize,
}

impl DirEntry {
    pub(crate) fn new(entry: &fs::DirEntry, depth: usize) -> std::io::Result<Self> {
        let path = entry.path();
        let file_type = entry.file_type()?;
        Ok(Self {
            path,
            file_type,
            depth,
        })
    }

    /// The folder's path as it was given, with the entry's name.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// aioli_fs::write(dir.path().join("a"), "text").await?;
    /// let mut entries = aioli_fs::read_dir(dir.path()).await?;
    /// let entry = entries.next().await.expect("an entry")?;
    /// assert_eq!(entry.path(), dir.path().join("a"));
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path, given away.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// aioli_fs::write(dir.path().join("a"), "text").await?;
    /// let mut entries = aioli_fs::read_dir(dir.path()).await?;
    /// let entry = entries.next().await.expect("an entry")?;
    /// assert_eq!(entry.into_path(), dir.path().join("a"));
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn into_path(self) -> PathBuf {
        self.path
    }

    /// The entry's name in its folder.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// aioli_fs::write(dir.path().join("a"), "text").await?;
    /// let mut entries = aioli_fs::read_dir(dir.path()).await?;
    /// let entry = entries.next().await.expect("an entry")?;
    /// assert_eq!(entry.file_name(), "a");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn file_name(&self) -> OsString {
        self.path.file_name().unwrap_or_default().to_os_string()
    }

    /// Whether it is a file, a folder or a symbolic link, as the folder itself says.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// aioli_fs::write(dir.path().join("a"), "text").await?;
    /// let mut entries = aioli_fs::read_dir(dir.path()).await?;
    /// let entry = entries.next().await.expect("an entry")?;
    /// assert!(entry.file_type().is_file());
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn file_type(&self) -> FileType {
        self.file_type
    }

    /// How many folders deep it was found: 1 in the folder that was named.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// aioli_fs::create_dir_all(dir.path().join("a/b")).await?;
    /// let mut walk = aioli_fs::walk(dir.path());
    /// assert_eq!(walk.next().await.expect("a")?.depth(), 1);
    /// assert_eq!(walk.next().await.expect("b")?.depth(), 2);
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// What the system knows about the entry; a symbolic link is not followed.
    ///
    /// # Cancel safety
    ///
    /// It changes nothing, so nothing is lost.
    ///
    /// # Errors
    ///
    /// What the system reports, for instance that the entry is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// aioli_fs::write(dir.path().join("a"), "text").await?;
    /// let mut entries = aioli_fs::read_dir(dir.path()).await?;
    /// let entry = entries.next().await.expect("an entry")?;
    /// assert_eq!(entry.metadata().await?.len(), 4);
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn metadata(&self) -> Operation<Metadata> {
        crate::names::symlink_metadata(&self.path)
    }
}
