//! Whole files: read, write, replace and copy, each on the spot or in one job.

use crate::{
    error::{Error, Result},
    operation::{Operation, Rest, Work},
    os::{self, Name},
    ring, temp,
};
use aioli_reactor::Operations;
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Reads a whole file.
///
/// On Linux a file of up to 64 KiB that is in the page cache is read on the spot, and one that is not
/// is waited for by the kernel's ring; otherwise it is one job for the blocking pool.
///
/// # Cancel safety
///
/// It changes nothing, so nothing is lost.
///
/// # Errors
///
/// What the system reports: no such file, no permission, a folder.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// # let path = dir.path().join("a");
/// aioli_fs::write(&path, [1, 2, 3]).await?;
/// assert_eq!(aioli_fs::read(&path).await?, [1, 2, 3]);
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
pub fn read(path: impl AsRef<Path>) -> Operation<Vec<u8>> {
    Operation::of("read", Reading::new(path.as_ref()))
}

/// Reads a whole file as text.
///
/// # Cancel safety
///
/// It changes nothing, so nothing is lost.
///
/// # Errors
///
/// What the system reports, and [`InvalidData`](io::ErrorKind::InvalidData) for what is not
/// UTF-8.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// # let path = dir.path().join("a");
/// aioli_fs::write(&path, "text").await?;
/// assert_eq!(aioli_fs::read_to_string(&path).await?, "text");
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
pub fn read_to_string(path: impl AsRef<Path>) -> Operation<String> {
    Operation::of("read", Text(Reading::new(path.as_ref())))
}

/// Writes a whole file: makes it, or replaces the contents of the one that is there.
///
/// On Linux a file of up to 64 KiB in a file system that is in memory is written on the spot, and on a
/// disk such files that go into one folder at the same time share jobs of the blocking pool; otherwise
/// it is one job.
///
/// A reader may see the file empty or half written meanwhile; see [`write_atomic`].
///
/// # Cancel safety
///
/// Dropped before its job has started, it does nothing; later the write is carried out to its
/// end.
///
/// # Errors
///
/// What the system reports, when the file is closed too: no such folder, no permission, a full disk,
/// after which the file holds a part of the data.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// aioli_fs::write(dir.path().join("a"), "text").await?;
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
pub fn write(path: impl AsRef<Path>, data: impl AsRef<[u8]>) -> Operation<()> {
    let name = Name::new(path.as_ref());
    let data = data.as_ref().to_vec();
    Operation::of("write", Writing { name, data })
}

/// Replaces a whole file in one step: whoever looks sees the old contents or the new.
///
/// The data goes into a new file in the same folder, from there to the disk, and then takes
/// the name, so that not even a crash leaves a half. An old file's permissions are kept; a
/// symbolic link that leads to a file stays, and the file is replaced. What is there and no file, as
/// a device or a pipe, stays, and is written to.
///
/// # Cancel safety
///
/// Dropped before its job has started, it does nothing; later the replacement is carried out.
///
/// # Errors
///
/// What the system reports: no such folder, no permission, a full disk. The old file is then
/// as it was, and the new one removed.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// # let path = dir.path().join("state.json");
/// aioli_fs::write_atomic(&path, "{}").await?;
/// aioli_fs::write_atomic(&path, r#"{"round": 2}"#).await?;
/// assert_eq!(aioli_fs::read_to_string(&path).await?, r#"{"round": 2}"#);
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
pub fn write_atomic(path: impl AsRef<Path>, data: impl AsRef<[u8]>) -> Operation<()> {
    let data = data.as_ref().to_vec();
    Operation::on("write", path, move |path| replace(path, &data))
}

/// Copies the contents and permissions of a file, and tells how many bytes there were.
///
/// # Cancel safety
///
/// Dropped before its job has started, it does nothing; later the copy is carried out.
///
/// # Errors
///
/// What the system reports about either file; the new one may then hold a part.
///
/// # Examples
///
/// ```
/// # aioli_task::run(async {
/// # let dir = aioli_fs::TempDir::new().await?;
/// # let (a, b) = (dir.path().join("a"), dir.path().join("b"));
/// aioli_fs::write(&a, "text").await?;
/// assert_eq!(aioli_fs::copy(&a, &b).await?, 4);
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "shutil.copy")]
pub fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Operation<u64> {
    Operation::between("copy", from, to, |from, to| fs::copy(from, to))
}

/// A whole file to be read.
struct Reading {
    name: Name,
    /// What the attempt to read it on the spot has left.
    left: Left,
}

/// What is known of a file that was not read on the spot.
enum Left {
    Nothing,
    Opened(fs::File),
    /// A small file of this size.
    Small(fs::File, usize),
}

impl Reading {
    fn new(path: &Path) -> Self {
        let name = Name::new(path);
        let left = Left::Nothing;
        Self { name, left }
    }

    fn error(&self, source: io::Error) -> Error {
        Error::new("read", Some(Arc::from(self.name.as_path())), source)
    }

    fn read_now(&mut self) -> Option<Vec<u8>> {
        match os::read_whole_now(&self.name) {
            os::Whole::Read(data) => return Some(data),
            os::Whole::Uncached(file, size) => self.left = Left::Small(file, size),
            os::Whole::Later(Some(file)) => self.left = Left::Opened(file),
            os::Whole::Later(None) => {}
        }
        None
    }

    /// The ring that can do the rest, if there is one.
    fn ring(&self) -> Option<Operations> {
        match self.left {
            Left::Small(..) => ring::operations(),
            Left::Nothing | Left::Opened(_) => None,
        }
    }

    /// Reads what the attempt on the spot has found to be a small file, and leaves to a job what
    /// the ring does not do.
    async fn read_in_ring(mut self, ring: Operations) -> (Self, Result<Vec<u8>>) {
        if let Left::Small(file, size) = std::mem::replace(&mut self.left, Left::Nothing) {
            let file = Arc::new(file);
            if let Some(data) = read_small(&ring, &file, size).await {
                return (self, Ok(data));
            }
            if let Ok(file) = Arc::try_unwrap(file) {
                self.left = Left::Opened(file);
            }
        }
        aioli_task::to_thread(move || {
            let result = self.read();
            (self, result)
        })
        .await
    }

    fn read(&mut self) -> Result<Vec<u8>> {
        let opened = match std::mem::replace(&mut self.left, Left::Nothing) {
            Left::Nothing => None,
            Left::Opened(file) | Left::Small(file, _) => Some(file),
        };
        os::read_whole(&self.name, opened).map_err(|source| self.error(source))
    }

    /// What was read, as text.
    fn text(&self, data: Vec<u8>) -> Result<String> {
        String::from_utf8(data).map_err(|error| {
            let source = io::Error::new(io::ErrorKind::InvalidData, error.utf8_error());
            self.error(source)
        })
    }
}

/// Reads a small file of this size; `None` leaves it to the pool.
async fn read_small(ring: &Operations, file: &Arc<fs::File>, size: usize) -> Option<Vec<u8>> {
    // One byte more shows if it has grown.
    let (mut data, mut filled) = (vec![0; size + 1], 0);
    while filled < size {
        let (end, offset) = (data.len(), filled as u64);
        let reading = ring.read_into(Arc::clone(file), data, filled..end, offset);
        let (result, back) = reading.await;
        data = back;
        match result.ok()? {
            0 => break,
            n => filled += n,
        }
    }
    data.truncate(filled);
    (filled <= size).then_some(data)
}

impl Work<Vec<u8>> for Reading {
    fn tries(&self) -> bool {
        true
    }

    fn try_now(&mut self) -> Option<Vec<u8>> {
        self.read_now()
    }

    fn elsewhere(self: Box<Self>) -> Rest<Vec<u8>> {
        match self.ring() {
            Some(ring) => Ok(Box::pin(async move { self.read_in_ring(ring).await.1 })),
            None => Err(self),
        }
    }

    fn run(mut self: Box<Self>) -> Result<Vec<u8>> {
        self.read()
    }
}

/// A whole file to be read as text.
struct Text(Reading);

impl Work<String> for Text {
    fn tries(&self) -> bool {
        true
    }

    fn try_now(&mut self) -> Option<String> {
        String::from_utf8(self.0.read_now()?).ok()
    }

    fn elsewhere(self: Box<Self>) -> Rest<String> {
        match self.0.ring() {
            Some(ring) => Ok(Box::pin(async move {
                let (reading, data) = self.0.read_in_ring(ring).await;
                reading.text(data?)
            })),
            None => Err(self),
        }
    }

    fn run(mut self: Box<Self>) -> Result<String> {
        let data = self.0.read()?;
        self.0.text(data)
    }
}

/// A whole file to be written.
struct Writing {
    name: Name,
    data: Vec<u8>,
}

impl Work<()> for Writing {
    fn tries(&self) -> bool {
        true
    }

    fn try_now(&mut self) -> Option<()> {
        os::write_whole_now(&self.name, &self.data).then_some(())
    }

    fn elsewhere(self: Box<Self>) -> Rest<()> {
        match os::Burst::of(&self.name, &self.data) {
            Some(burst) => Ok(Box::pin(burst.write(self.name, self.data))),
            None => Err(self),
        }
    }

    fn run(self: Box<Self>) -> Result<()> {
        let path = self.name.as_path();
        write_and_close(path, &self.data).map_err(|source| write_error(path, source))
    }
}

/// Makes the file, or empties the one that is there, and writes to it; what the system says only when
/// it is closed counts as well.
pub(crate) fn write_and_close(path: &Path, data: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(data)?;
    os::close(file)
}

/// The error of a whole file that was to be written.
pub(crate) fn write_error(path: &Path, source: io::Error) -> Error {
    Error::new("write", Some(Arc::from(path)), source)
}

fn replace(path: &Path, data: &[u8]) -> io::Result<()> {
    // By the name that was given: what is behind `/dev/stdout` may have none of its own.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return write_and_close(path, data);
    }
    let (path, permissions) = destination(path)?;
    let folder = folder_of(&path);
    let (mut file, new) = temp::create_file(folder)?;
    file.write_all(data)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.sync_all()?;
    drop(file);
    fs::rename(new.path(), &path)?;
    new.keep();
    os::sync_folder(folder)
}

/// The folder that `path` is a name in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Which file a write to `path` replaces, and with which permissions.
fn destination(path: &Path) -> io::Result<(PathBuf, Option<fs::Permissions>)> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok((path.to_path_buf(), None));
        }
        Err(error) => return Err(error),
    };
    if !found.is_symlink() {
        return Ok((path.to_path_buf(), Some(found.permissions())));
    }
    let behind = fs::canonicalize(path)?;
    let permissions = fs::metadata(&behind)?.permissions();
    Ok((behind, Some(permissions)))
}
