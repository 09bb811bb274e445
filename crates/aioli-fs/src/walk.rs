//! Walking a tree of folders.

use crate::{
    batches::Batches,
    error::{Error, Result},
    folder::DirEntry,
};
use futures_core::Stream;
use std::{
    fmt, fs,
    future::poll_fn,
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// Walks a folder and all folders in it: a [`Stream`] of their entries.
///
/// A folder comes before what is in it; otherwise there is no particular order. Symbolic links
/// are not followed. A folder that cannot be listed is an item with the error, and the walk
/// goes on with the others.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// aioli_fs::create_dir_all(dir.path().join("a/b")).await?;
/// aioli_fs::write(dir.path().join("a/b/c"), "text").await?;
/// let mut walk = aioli_fs::walk(dir.path());
/// let mut names = Vec::new();
/// while let Some(entry) = walk.next().await {
///     names.push(entry?.file_name());
/// }
/// assert_eq!(names, ["a", "b", "c"]);
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "os.walk")]
pub fn walk(path: impl AsRef<Path>) -> Walk {
    let unread = Some(path.as_ref().to_path_buf());
    Walk {
        batches: Batches::new(Tree {
            open: Vec::new(),
            unread,
        }),
    }
}

/// The entries of a tree of folders: a [`Stream`], fetched from the pool in batches.
///
/// Made by [`walk()`].
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// aioli_fs::create_dir_all(dir.path().join("a/b")).await?;
/// let mut entries: aioli_fs::Walk = aioli_fs::walk(dir.path());
/// assert_eq!(entries.next().await.expect("an entry")?.file_name(), "a");
/// assert_eq!(entries.next().await.expect("an entry")?.file_name(), "b");
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct Walk {
    batches: Batches<Tree>,
}

impl Walk {
    /// The next entry, or `None` after the last.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: an entry that was on its way is the next one's answer.
    ///
    /// # Errors
    ///
    /// What the system reports about one folder; the walk goes on with the others.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// let mut walk = aioli_fs::walk("/no/such/folder");
    /// assert!(walk.next().await.is_some_and(|entry| entry.is_err()));
    /// assert!(walk.next().await.is_none());
    /// # })
    /// ```
    pub async fn next(&mut self) -> Option<Result<DirEntry>> {
        poll_fn(|cx| self.batches.poll_next(cx)).await
    }
}

/// The walk itself, as its jobs pass it on. It holds one open folder a level.
struct Tree {
    open: Vec<(fs::ReadDir, Arc<Path>)>,
    /// The folder to go into next.
    unread: Option<PathBuf>,
}

impl Iterator for Tree {
    type Item = Result<DirEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(path) = self.unread.take() {
                let path: Arc<Path> = Arc::from(path);
                match fs::read_dir(&path) {
                    Ok(entries) => self.open.push((entries, path)),
                    Err(error) => return Some(Err(Error::new("list", Some(path), error))),
                }
            }
            let depth = self.open.len();
            let (entries, path) = self.open.last_mut()?;
            match entries.next() {
                None => {
                    self.open.pop();
                }
                Some(entry) => {
                    let entry: io::Result<_> = entry.and_then(|e| DirEntry::new(&e, depth));
                    let path = Arc::clone(path);
                    let entry = entry.map_err(|error| Error::new("list", Some(path), error));
                    if let Ok(entry) = &entry
                        && entry.file_type().is_dir()
                    {
                        self.unread = Some(entry.path().to_path_buf());
                    }
                    return Some(entry);
                }
            }
        }
    }
}

impl Stream for Walk {
    type Item = Result<DirEntry>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.batches.poll_next(cx)
    }
}

impl fmt::Debug for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk").finish_non_exhaustive()
    }
}
