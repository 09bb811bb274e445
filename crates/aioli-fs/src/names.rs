//! Names and what stands behind them: metadata, renaming, removing, links.

use crate::{operation::Operation, os};
use std::{
    fs::{self, Metadata, Permissions},
    path::{Path, PathBuf},
};

/// What the system knows about a file or folder; symbolic links are followed.
///
/// # Cancel safety
///
/// It changes nothing, so nothing is lost.
///
/// # Errors
///
/// What the system reports: no such file, no permission.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// assert!(aioli_fs::metadata("/").await?.is_dir());
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "os.stat")]
#[doc(alias = "aiofiles.os.stat")]
pub fn metadata(path: impl AsRef<Path>) -> Operation<Metadata> {
    Operation::on("look at", path, |path| fs::metadata(path))
}

/// What the system knows about a file, folder or symbolic link itself.
///
/// # Cancel safety
///
/// It changes nothing, so nothing is lost.
///
/// # Errors
///
/// What the system reports: no such file, no permission.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// assert!(!aioli_fs::symlink_metadata("/").await?.is_symlink());
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "os.lstat")]
pub fn symlink_metadata(path: impl AsRef<Path>) -> Operation<Metadata> {
    Operation::on("look at", path, |path| fs::symlink_metadata(path))
}

/// Whether there is something at `path`; a symbolic link to nothing is nothing.
///
/// # Cancel safety
///
/// It changes nothing, so nothing is lost.
///
/// # Errors
///
/// What keeps the system from telling, for instance no permission to look.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// assert!(aioli_fs::exists("/").await?);
/// assert!(!aioli_fs::exists("/no/such/file").await?);
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "os.path.exists")]
#[doc(alias = "try_exists")]
#[doc(alias = "aiofiles.os.path.exists")]
pub fn exists(path: impl AsRef<Path>) -> Operation<bool> {
    Operation::on("look at", path, Path::try_exists)
}

/// The absolute path of a file or folder, with no links and no dots in it.
///
/// # Cancel safety
///
/// It changes nothing, so nothing is lost.
///
/// # Errors
///
/// What the system reports: no such file, no permission.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// assert!(aioli_fs::canonicalize(".").await?.is_absolute());
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "os.path.realpath")]
pub fn canonicalize(path: impl AsRef<Path>) -> Operation<PathBuf> {
    Operation::on("resolve", path, |path| fs::canonicalize(path))
}

/// Changes who may do what with a file or folder.
///
/// # Cancel safety
///
/// Dropped while it runs it may have taken effect or not.
///
/// # Errors
///
/// What the system reports: no such file, no permission.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// # let path = dir.path().join("a");
/// aioli_fs::write(&path, "text").await?;
/// let mut permissions = aioli_fs::metadata(&path).await?.permissions();
/// permissions.set_readonly(true);
/// aioli_fs::set_permissions(&path, permissions).await?;
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "os.chmod")]
pub fn set_permissions(path: impl AsRef<Path>, permissions: Permissions) -> Operation<()> {
    Operation::on("change the permissions of", path, |path| {
        fs::set_permissions(path, permissions)
    })
}

/// Gives a file or folder another name on the same file system, replacing a file of that name.
///
/// # Cancel safety
///
/// Dropped while it runs it may have taken effect or not; there is no state in between.
///
/// # Errors
///
/// What the system reports about either name.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// # let (a, b) = (dir.path().join("a"), dir.path().join("b"));
/// aioli_fs::write(&a, "text").await?;
/// aioli_fs::rename(&a, &b).await?;
/// assert!(aioli_fs::exists(&b).await?);
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "os.replace")]
#[doc(alias = "aiofiles.os.rename")]
pub fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Operation<()> {
    Operation::between("rename", from, to, |from, to| fs::rename(from, to))
}

/// Removes a file, or a symbolic link itself.
///
/// # Cancel safety
///
/// Dropped while it runs it may have taken effect or not.
///
/// # Errors
///
/// What the system reports: no such file, a folder, no permission.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// # let path = dir.path().join("a");
/// aioli_fs::write(&path, "text").await?;
/// aioli_fs::remove_file(&path).await?;
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "os.remove")]
#[doc(alias = "aiofiles.os.remove")]
#[doc(alias = "os.unlink")]
pub fn remove_file(path: impl AsRef<Path>) -> Operation<()> {
    Operation::on("remove", path, |path| fs::remove_file(path))
}

/// Makes `link` a second name of the file `original`.
///
/// # Cancel safety
///
/// Dropped while it runs it may have taken effect or not.
///
/// # Errors
///
/// What the system reports: the name is taken, another file system, no permission.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// # let (a, b) = (dir.path().join("a"), dir.path().join("b"));
/// aioli_fs::write(&a, "text").await?;
/// aioli_fs::hard_link(&a, &b).await?;
/// assert_eq!(aioli_fs::read_to_string(&b).await?, "text");
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "os.link")]
pub fn hard_link(original: impl AsRef<Path>, link: impl AsRef<Path>) -> Operation<()> {
    Operation::between("link", original, link, |original, link| {
        fs::hard_link(original, link)
    })
}

/// Makes `link` a symbolic link that holds the text `target`.
///
/// On Windows the link is one for folders if `target` is a folder at that time.
///
/// # Cancel safety
///
/// Dropped while it runs it may have taken effect or not.
///
/// # Errors
///
/// What the system reports: the name is taken, no permission.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// # let link = dir.path().join("link");
/// aioli_fs::symlink("some/where", &link).await?;
/// assert_eq!(aioli_fs::read_link(&link).await?, std::path::Path::new("some/where"));
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "os.symlink")]
pub fn symlink(target: impl AsRef<Path>, link: impl AsRef<Path>) -> Operation<()> {
    Operation::between("link", target, link, os::symlink)
}

/// The text that a symbolic link holds.
///
/// # Cancel safety
///
/// It changes nothing, so nothing is lost.
///
/// # Errors
///
/// What the system reports: no such file, not a link.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// assert!(aioli_fs::read_link("/").await.is_err()); // a folder
/// # })
/// ```
#[doc(alias = "os.readlink")]
pub fn read_link(path: impl AsRef<Path>) -> Operation<PathBuf> {
    Operation::on("read the link", path, |path| fs::read_link(path))
}

/// Cuts the file at `path` off at `len` bytes, or extends it to `len` with zeros.
///
/// # Cancel safety
///
/// Dropped while it runs it may have taken effect or not.
///
/// # Errors
///
/// What the system reports: no such file, no permission, a full disk.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// # let path = dir.path().join("a");
/// aioli_fs::write(&path, "0123456789").await?;
/// aioli_fs::truncate(&path, 4).await?;
/// assert_eq!(aioli_fs::read_to_string(&path).await?, "0123");
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "os.truncate")]
pub fn truncate(path: impl AsRef<Path>, len: u64) -> Operation<()> {
    Operation::on("set the length of", path, move |path| {
        let file = fs::OpenOptions::new().write(true).open(path)?;
        file.set_len(len)
    })
}

/// Changes whose file it is: the user, the group or both, by their numbers.
///
/// # Cancel safety
///
/// Dropped while it runs it may have taken effect or not.
///
/// # Errors
///
/// What the system reports: no such file, no permission;
/// [`Unsupported`](std::io::ErrorKind::Unsupported) on Windows.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// // Nothing changes.
/// aioli_fs::chown(dir.path(), None, None).await?;
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "os.chown")]
pub fn chown(path: impl AsRef<Path>, user: Option<u32>, group: Option<u32>) -> Operation<()> {
    Operation::on("change the owner of", path, move |path| {
        os::chown(path, user, group)
    })
}
