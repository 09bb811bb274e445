//! Files and folders that go away by themselves.

use crate::{
    aftermath,
    error::{Error, Result},
    file::File,
    operation::Operation,
};
use std::{
    collections::hash_map::RandomState,
    env, fmt, fs,
    hash::{BuildHasher, Hasher},
    io,
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    sync::Arc,
};

/// How often a fresh name is tried. Names are random, so the second try is already unlikely.
const TRIES: usize = 32;

/// A new, empty folder that is removed with all that is in it.
///
/// [`close`](Self::close) removes it and reports errors. Dropping it removes it too, in the
/// background of the loop, which waits for that before it ends.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// let dir = aioli_fs::TempDir::new().await?;
/// aioli_fs::write(dir.path().join("a"), "text").await?;
/// dir.close().await?;
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "aiofiles.tempfile.TemporaryDirectory")]
#[derive(Debug)]
pub struct TempDir {
    /// Empty once it has been given away or removed.
    path: PathBuf,
}

impl TempDir {
    /// Makes a folder in the system's folder for such things, open to this user only.
    ///
    /// # Cancel safety
    ///
    /// The folder is removed again if it was already there.
    ///
    /// # Errors
    ///
    /// What the system reports: no permission, a full disk.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// let dir = aioli_fs::TempDir::new().await?;
    /// assert!(aioli_fs::metadata(dir.path()).await?.is_dir());
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn new() -> Operation<TempDir> {
        Self::new_in(env::temp_dir())
    }

    /// Makes a folder in `parent`, open to this user only.
    ///
    /// # Cancel safety
    ///
    /// The folder is removed again if it was already there.
    ///
    /// # Errors
    ///
    /// What the system reports: no such folder, no permission, a full disk.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// let dir = aioli_fs::TempDir::new_in(".").await?;
    /// dir.close().await?;
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn new_in(parent: impl AsRef<Path>) -> Operation<TempDir> {
        Operation::on("make a folder in", parent, |parent| {
            let (path, ()) = with_new_name(parent, crate::os::create_private_folder)?;
            Ok(TempDir { path })
        })
    }

    /// Where the folder is.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// let dir = aioli_fs::TempDir::new().await?;
    /// assert!(aioli_fs::metadata(dir.path()).await?.is_dir());
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lets the folder stay, and tells where it is.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// let path = aioli_fs::TempDir::new().await?.keep();
    /// aioli_fs::remove_dir(path).await?;
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use = "nothing removes the folder any more"]
    pub fn keep(mut self) -> PathBuf {
        std::mem::take(&mut self.path)
    }

    /// Removes the folder with all that is in it.
    ///
    /// # Cancel safety
    ///
    /// Once begun it is carried out, or else the folder stays.
    ///
    /// # Errors
    ///
    /// What the system reports, for instance about a file that is in use (Windows).
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// let dir = aioli_fs::TempDir::new().await?;
    /// let path = dir.path().to_path_buf();
    /// dir.close().await?;
    /// assert!(!aioli_fs::exists(path).await?);
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn close(self) -> Operation<()> {
        crate::folder::remove_dir_all(self.keep())
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let path = std::mem::take(&mut self.path);
        if path.as_os_str().is_empty() {
            return;
        }
        aftermath::run(move || {
            if let Err(error) = fs::remove_dir_all(&path) {
                tracing::error!(%error, ?path, "a temporary folder could not be removed");
            }
        });
    }
}

/// A new, empty file, open for reading and writing, whose name is removed with it.
///
/// It is used as the [`File`] it holds. [`persist`](Self::persist) gives it a lasting name.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// let mut file = aioli_fs::TempFile::new().await?;
/// file.write_all("text").await?;
/// assert!(aioli_fs::exists(file.path()).await?);
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "aiofiles.tempfile.NamedTemporaryFile")]
pub struct TempFile {
    file: File,
    name: Name,
}

impl TempFile {
    /// Makes a file in the system's folder for such things.
    ///
    /// # Cancel safety
    ///
    /// The file is removed again if it was already there.
    ///
    /// # Errors
    ///
    /// What the system reports: no permission, a full disk.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// let file = aioli_fs::TempFile::new().await?;
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn new() -> Operation<TempFile> {
        Self::new_in(env::temp_dir())
    }

    /// Makes a file in `folder`: where it is to [`persist`](Self::persist).
    ///
    /// # Cancel safety
    ///
    /// The file is removed again if it was already there.
    ///
    /// # Errors
    ///
    /// What the system reports: no such folder, no permission, a full disk.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// let file = aioli_fs::TempFile::new_in(".").await?;
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn new_in(folder: impl AsRef<Path>) -> Operation<TempFile> {
        Operation::on("make a file in", folder, |folder| {
            let (file, name) = create_file(folder)?;
            let file = File::opened(file, Arc::from(name.path()), false);
            Ok(TempFile { file, name })
        })
    }

    /// Where the file is.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// let mut file = aioli_fs::TempFile::new().await?;
    /// file.write_all("text").await?;
    /// assert_eq!(aioli_fs::read(file.path()).await?, b"text");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn path(&self) -> &Path {
        self.name.path()
    }

    /// Gives the file the name `to`, on the same file system, replacing a file of that name.
    ///
    /// # Cancel safety
    ///
    /// The file has its new name, or is removed.
    ///
    /// # Errors
    ///
    /// A failure of the file that no operation has reported, and what the system reports about
    /// the name; the file is removed then.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// let mut file = aioli_fs::TempFile::new_in(dir.path()).await?;
    /// file.write_all("text").await?;
    /// file.persist(dir.path().join("a")).await?;
    /// assert_eq!(aioli_fs::read_to_string(dir.path().join("a")).await?, "text");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn persist(self, to: impl AsRef<Path>) -> Result<()> {
        let to = to.as_ref().to_path_buf();
        let Self { file, name } = self;
        file.close().await?;
        aioli_task::to_thread(move || match fs::rename(name.path(), &to) {
            Ok(()) => {
                name.keep();
                Ok(())
            }
            Err(error) => Err(Error::between("rename", name.path(), &to, error)),
        })
        .await
    }
}

impl Deref for TempFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

impl DerefMut for TempFile {
    fn deref_mut(&mut self) -> &mut File {
        &mut self.file
    }
}

impl fmt::Debug for TempFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TempFile").field(&self.name.path()).finish()
    }
}

/// The name of a new file, removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Name {
    /// Empty once it is to stay.
    path: PathBuf,
}

impl Name {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn keep(mut self) {
        self.path = PathBuf::new();
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let path = std::mem::take(&mut self.path);
        if path.as_os_str().is_empty() {
            return;
        }
        aftermath::run(move || {
            if let Err(error) = fs::remove_file(&path) {
                tracing::error!(%error, ?path, "a temporary file could not be removed");
            }
        });
    }
}

/// Makes a file in `folder` under a name of its own.
pub(crate) fn create_file(folder: &Path) -> io::Result<(fs::File, Name)> {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create_new(true);
    let (path, file) = with_new_name(folder, |path| options.open(path))?;
    Ok((file, Name { path }))
}

/// Makes something under a name that nothing in `folder` has yet.
fn with_new_name<T>(
    folder: &Path,
    make: impl Fn(&Path) -> io::Result<T>,
) -> io::Result<(PathBuf, T)> {
    let mut tries = 0;
    loop {
        // Each `RandomState` has keys of its own, drawn from the system's random numbers.
        let random = RandomState::new().build_hasher().finish();
        let path = folder.join(format!(".aioli-{random:016x}"));
        tries += 1;
        match make(&path) {
            Ok(made) => return Ok((path, made)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < TRIES => {}
            Err(error) => return Err(error),
        }
    }
}
