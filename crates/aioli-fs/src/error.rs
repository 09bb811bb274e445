//! The error of a file operation: which operation, on which path, and why.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The result of a file operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A file operation that failed: the operation, the path or paths, and the system's reason.
///
/// It prints on one line, as in `open "x": No such file or directory`, and converts into
/// [`io::Error`] with its kind kept, so that `?` works in functions that return one.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// let error = aioli_fs::open("/no/such/file").await.expect_err("there is none");
/// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
/// assert_eq!(error.operation(), "open");
/// assert_eq!(error.path(), Some("/no/such/file".as_ref()));
/// let plain: std::io::Error = error.into();
/// assert_eq!(plain.kind(), std::io::ErrorKind::NotFound);
/// # })
/// ```
pub struct Error {
    what: Box<What>,
}

/// The parts of an [`Error`], boxed so that a `Result` stays small.
struct What {
    operation: &'static str,
    path: Option<Arc<Path>>,
    /// The second path of `rename`, `copy` and the links.
    to: Option<PathBuf>,
    source: io::Error,
}

impl Error {
    pub(crate) fn new(operation: &'static str, path: Option<Arc<Path>>, source: io::Error) -> Self {
        let to = None;
        let what = What {
            operation,
            path,
            to,
            source,
        };
        Self {
            what: Box::new(what),
        }
    }

    pub(crate) fn between(
        operation: &'static str,
        from: &Path,
        to: &Path,
        source: io::Error,
    ) -> Self {
        let mut error = Self::new(operation, Some(Arc::from(from)), source);
        error.what.to = Some(to.to_path_buf());
        error
    }

    /// What kind of failure it was.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// let error = aioli_fs::read_dir("/no/such/folder").await.expect_err("there is none");
    /// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    /// # })
    /// ```
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.what.source.kind()
    }

    /// The name of the operation that failed: `open`, `read`, `rename` and so on.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// let error = aioli_fs::remove_file("/no/such/file").await.expect_err("there is none");
    /// assert_eq!(error.operation(), "remove");
    /// # })
    /// ```
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.what.operation
    }

    /// The path the operation was about; `None` for a file made from a plain descriptor.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// let error = aioli_fs::open("/no/such/file").await.expect_err("there is none");
    /// assert_eq!(error.path(), Some("/no/such/file".as_ref()));
    /// # })
    /// ```
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.what.path.as_deref()
    }

    /// The system's own error, with its number where there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// let error = aioli_fs::open("/no/such/file").await.expect_err("there is none");
    /// assert!(error.io_error().raw_os_error().is_some());
    /// # })
    /// ```
    #[must_use]
    pub fn io_error(&self) -> &io::Error {
        &self.what.source
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = &*self.what;
        f.write_str(what.operation)?;
        if let Some(path) = &what.path {
            write!(f, " {path:?}")?;
        }
        if let Some(to) = &what.to {
            write!(f, " to {to:?}")?;
        }
        let cause = what.source.to_string();
        // The number says nothing that the words do not; `io_error` still has it.
        let words = match what.source.raw_os_error() {
            Some(number) => cause.trim_end_matches(&format!(" (os error {number})")),
            None => &cause,
        };
        write!(f, ": {words}")
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("operation", &self.what.operation);
        debug.field("path", &self.what.path);
        if let Some(to) = &self.what.to {
            debug.field("to", to);
        }
        debug.field("source", &self.what.source).finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // Our own text repeats the cause, so the chain goes on behind it: a report that
        // prints the whole chain says everything once.
        self.what
            .source
            .get_ref()
            .and_then(std::error::Error::source)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        io::Error::new(error.kind(), error)
    }
}
