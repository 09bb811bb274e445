//! Opening files: `open` to read, `create` to write, `OpenOptions` for all else.

use crate::{
    error::{Error, Result},
    file::File,
    operation::{Operation, Rest, Work},
    os::{self, Name},
};
use std::{path::Path, sync::Arc};

/// Opens a file for reading.
///
/// On Linux a plain file that is found in memory is opened on the spot; all else is one job for the
/// blocking pool.
///
/// # Cancel safety
///
/// The file is closed again if it was already open; nothing else is left.
///
/// # Errors
///
/// What the system reports: no such file, no permission.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// let error = aioli_fs::open("/no/such/file").await.expect_err("there is none");
/// assert_eq!(error.to_string(), r#"open "/no/such/file": No such file or directory"#);
/// # })
/// ```
#[doc(alias = "aiofiles.open")]
pub fn open(path: impl AsRef<Path>) -> Operation<File> {
    OpenOptions::new().read(true).open(path)
}

/// Opens a file for writing, empty: a new one, or an old one whose contents go.
///
/// # Cancel safety
///
/// Dropped while it runs, the file may have been made or emptied; it is closed again.
///
/// # Errors
///
/// What the system reports: no such folder, no permission.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// let mut file = aioli_fs::create(dir.path().join("out.txt")).await?;
/// file.write_all("Hello, async file!").await?;
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "aiofiles.open")]
pub fn create(path: impl AsRef<Path>) -> Operation<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .named("create")
        .open(path)
}

/// How to open a file.
///
/// What a system has beyond these switches is set on a [`std::fs::OpenOptions`], from which
/// this can be made.
///
/// # Examples
///
/// ```
/// use aioli_fs::OpenOptions;
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// # let path = dir.path().join("log");
/// let mut log = OpenOptions::new().append(true).create(true).open(&path).await?;
/// log.write_all("one line\n").await?;
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Clone)]
#[must_use = "options do nothing until a file is opened with them"]
pub struct OpenOptions {
    pub(crate) options: std::fs::OpenOptions,
    /// Whether flags were asked for that this crate does not know: the file is then asked for what
    /// matters of them.
    pub(crate) has_flags: bool,
    reads: bool,
    /// Whether anything was ever asked for that could change the file or its folder.
    changes: bool,
    /// The operation's name in errors.
    name: &'static str,
}

impl OpenOptions {
    /// Options with every switch off.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// // Neither reading nor writing was asked for.
    /// assert!(aioli_fs::OpenOptions::new().open("/").await.is_err());
    /// # })
    /// ```
    pub fn new() -> Self {
        Self {
            options: std::fs::OpenOptions::new(),
            has_flags: false,
            reads: false,
            changes: false,
            name: "open",
        }
    }

    /// Whether the file may be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "text").await?;
    /// let mut file = aioli_fs::OpenOptions::new().read(true).open(&path).await?;
    /// assert_eq!(file.read_to_string().await?, "text");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn read(mut self, yes: bool) -> Self {
        self.options.read(yes);
        self.reads = yes;
        self
    }

    /// Whether the file may be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "0123").await?;
    /// let mut file = aioli_fs::OpenOptions::new().write(true).open(&path).await?;
    /// file.write_all("ab").await?;
    /// assert_eq!(aioli_fs::read_to_string(&path).await?, "ab23");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn write(mut self, yes: bool) -> Self {
        self.options.write(yes);
        self.changes |= yes;
        self
    }

    /// Whether each write goes to the end of the file, wherever the position is.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "one ").await?;
    /// let mut file = aioli_fs::OpenOptions::new().append(true).open(&path).await?;
    /// file.write_all("two").await?;
    /// assert_eq!(aioli_fs::read_to_string(&path).await?, "one two");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn append(mut self, yes: bool) -> Self {
        self.options.append(yes);
        self.changes |= yes;
        self
    }

    /// Whether the contents go when the file is opened.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::write(&path, "0123").await?;
    /// aioli_fs::OpenOptions::new().write(true).truncate(true).open(&path).await?;
    /// assert_eq!(aioli_fs::read_to_string(&path).await?, "");
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn truncate(mut self, yes: bool) -> Self {
        self.options.truncate(yes);
        self.changes |= yes;
        self
    }

    /// Whether the file is made if there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// aioli_fs::OpenOptions::new().write(true).create(true).open(&path).await?;
    /// assert!(aioli_fs::exists(&path).await?);
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn create(mut self, yes: bool) -> Self {
        self.options.create(yes);
        self.changes |= yes;
        self
    }

    /// Whether the file is made, and must not be there yet.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("a");
    /// use std::io::ErrorKind;
    /// let options = aioli_fs::OpenOptions::new().write(true).create_new(true);
    /// options.open(&path).await?;
    /// assert_eq!(options.open(&path).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn create_new(mut self, yes: bool) -> Self {
        self.options.create_new(yes);
        self.changes |= yes;
        self
    }

    fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// Opens the file at `path`.
    ///
    /// Opening a named pipe waits for its other end, on a thread of the pool.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it runs, the file may have been made or emptied; it is closed again.
    ///
    /// # Errors
    ///
    /// What the system reports, and
    /// [`InvalidInput`](std::io::ErrorKind::InvalidInput) for switches that exclude each other.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_fs::OpenOptions;
    /// # aioli_task::run(async {
    /// # let dir = aioli_fs::TempDir::new().await?;
    /// # let path = dir.path().join("new");
    /// OpenOptions::new().write(true).create_new(true).open(&path).await?;
    /// let again = OpenOptions::new().write(true).create_new(true).open(&path).await;
    /// assert_eq!(again.unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
    /// # Ok::<(), aioli_fs::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn open(&self, path: impl AsRef<Path>) -> Operation<File> {
        self.open_as(path.as_ref(), |file| file)
    }

    /// Whether opening is known to do nothing but open a file that is there.
    fn only_reads(&self) -> bool {
        self.reads && !self.changes && !self.has_flags
    }

    /// Opens the file at `path` and makes something of it.
    pub(crate) fn open_as<T: Send + 'static>(
        &self,
        path: &Path,
        make: fn(File) -> T,
    ) -> Operation<T> {
        let path = Arc::from(path);
        let options = self.clone();
        let opening = Opening {
            path,
            options,
            make,
        };
        Operation::of(self.name, opening)
    }
}

/// A file to be opened.
struct Opening<T> {
    path: Arc<Path>,
    options: OpenOptions,
    make: fn(File) -> T,
}

impl<T> Opening<T> {
    fn made(&self, file: std::fs::File) -> T {
        let path = Arc::clone(&self.path);
        (self.make)(File::opened(file, path, self.options.has_flags))
    }
}

impl<T: 'static> Work<T> for Opening<T> {
    fn tries(&self) -> bool {
        self.options.only_reads()
    }

    fn try_now(&mut self) -> Option<T> {
        let file = os::open_plain_now(&Name::new(&self.path))?;
        Some(self.made(file))
    }

    fn elsewhere(self: Box<Self>) -> Rest<T> {
        Err(self)
    }

    fn run(self: Box<Self>) -> Result<T> {
        match self.options.options.open(&self.path) {
            Ok(file) => Ok(self.made(file)),
            Err(error) => Err(Error::new(self.options.name, Some(self.path), error)),
        }
    }
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl From<std::fs::OpenOptions> for OpenOptions {
    fn from(options: std::fs::OpenOptions) -> Self {
        Self {
            options,
            has_flags: true,
            reads: false,
            changes: false,
            name: "open",
        }
    }
}

#[cfg(test)]
mod tests;
