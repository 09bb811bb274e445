//! Files and folders, asynchronously: the standard library's operations, one job each at most.
//!
//! ```
//! # aioli_task::run(async {
//! # let dir = aioli_fs::TempDir::new().await?;
//! # let path = dir.path().join("out.txt");
//! use aioli_fs as fs;
//!
//! let mut file = fs::create(&path).await?;
//! file.write_all("Hello, async file!").await?;
//! file.close().await?;
//!
//! let mut file = fs::open(&path).await?;
//! println!("{}", file.read_to_string().await?);
//! # Ok::<(), fs::Error>(())
//! # }).unwrap();
//! ```
//!
//! # Should I depend on this crate?
//!
//! Yes, if your program waits for files on a loop that must go on meanwhile. All futures are
//! `Send`, and work under any executor: aioli's loop, tokio, smol, a plain `block_on`.
//!
//! No, if the program has nothing else to do while it waits: `std::fs` is simpler and faster.
//!
//! # In scope / Out of scope
//!
//! In scope: [`open`], [`create`] and the unbuffered [`File`] with its position and with reads
//! and writes at any offset; whole files ([`read`], [`write()`], [`write_atomic`], [`copy`]);
//! reading by [`lines`] or through a [`BufReader`], writing through a [`BufWriter`]; the standard
//! streams ([`stdin`], [`stdout`], [`stderr`]); folders ([`read_dir`], [`walk()`],
//! [`create_dir_all`], [`remove_dir_all`]); names, links and metadata; advisory locks
//! ([`File::lock`]); [`TempDir`] and [`TempFile`].
//!
//! Out of scope: watching for changes, locks of parts of a file, memory mapping.
//!
//! # Examples
//!
//! A folder, entry by entry, and one of its files, line by line:
//!
//! ```
//! # aioli_task::run(async {
//! # let dir = aioli_fs::TempDir::new().await?;
//! # aioli_fs::write(dir.path().join("a"), "line 1\nline 2\n").await?;
//! let mut entries = aioli_fs::read_dir(dir.path()).await?;
//! while let Some(entry) = entries.next().await {
//!     let entry = entry?;
//!     println!("{}", entry.path().display());
//!     if entry.file_type().is_file() {
//!         aioli_fs::lines(entry.path()).await?.for_each(async |line| println!("  {line}")).await?;
//!     }
//! }
//! # Ok::<(), aioli_fs::Error>(())
//! # }).unwrap();
//! ```
//!
//! # Cancellation
//!
//! Every operation is one job, of the blocking pool or of the kernel's ring, or a part of one. It owns its
//! paths, its memory and its share of the descriptor, so dropping a future is always sound, and a
//! descriptor is released when the last job that uses it has ended. An operation whose job has not started is
//! undone by the drop; one that runs is carried out, or given up if it changes nothing. Two things are
//! never lost:
//!
//! * bytes that a [`File`] has read for a future that is gone: the next read gets them;
//! * the failure of an effect whose future is gone: the file's next operation or
//!   [`File::close`] reports it, or the log if the file is dropped instead.
//!
//! What may wait for people or for other processes, standard input and output and the lock of a
//! file, waits on threads of their own: it takes none of the pool's, and does not hold up the
//! end of the process.
//!
//! # Implementation
//!
//! `operation.rs` is the future of everything that needs no open file. `file/cursor.rs` argues
//! the state of a file's position; `file/shared.rs` the way of a failure whose future is gone.
//! On Linux, reads of an open file are first tried on the spot with `RWF_NOWAIT` (`os/linux.rs`)
//! and go to the kernel's ring (`ring.rs`) if the bytes are not in the page cache; whole small files
//! are read so too, and written so where the file system is in memory (`os/linux/whole.rs`); on a disk
//! those that are written into one folder at once share jobs (`os/linux/burst.rs`). A sync goes to the ring, and so
//! does everything on a file that was opened with `O_DIRECT` (see [`AlignedBuf`]). Where there is no
//! ring, and with `AIOLI_FILES=pool`, it is the pool. `lane.rs` is the thread of its own.
//!
//! # Features
//!
//! * `tokio`: tokio's IO traits on [`File`], [`BufReader`], [`BufWriter`], [`Stdin`] and
//!   [`Stdout`], beside those of `futures-io`, which they always have.
//!
//! # Asyncio correspondence
//!
//! asyncio has no files; this is `aiofiles` and what goes with it.
//!
//! | Python | here |
//! |---|---|
//! | `aiofiles.open(p)`, `aiofiles.open(p, "w")` | [`open`], [`create`], [`OpenOptions`] |
//! | `async with aiofiles.open(…) as f` | dropping closes; [`File::close`] reports errors |
//! | `f.read()`, `f.read(n)`, `f.write(s)` | [`File::read_to_string`], [`File::read`], [`File::write_all`] |
//! | `f.readline()`, `f.peek()` | [`BufReader::read_line`], [`BufReader::fill_buf`] |
//! | `async for line in f` | [`File::lines`], [`lines`], [`Stdin::lines`] |
//! | `f.seek(n)`, `f.truncate(n)` | [`File::seek`], [`File::set_len`] |
//! | `aiofiles.stdin`, `stdout`, `stderr` | [`stdin`], [`stdout`], [`stderr`] |
//! | `os.pread`, `os.pwrite`, `os.readv`, `os.writev` | [`File::read_at`], [`File::write_at`], [`File::read_vectored`], [`File::write_all_vectored`] |
//! | `fcntl.flock` | [`File::lock`], [`File::try_lock`], [`File::unlock`] |
//! | buffered writing, `f.flush()` | [`BufWriter`] |
//! | `aiofiles.os.*` | [`rename`], [`remove_file`], [`metadata`], [`read_dir`], … |
//! | `aiofiles.tempfile.*` | [`TempDir`], [`TempFile`] |

mod aftermath;
mod aligned;
mod batches;
mod buf_reader;
mod buf_writer;
mod error;
mod file;
mod folder;
mod lane;
mod lines;
mod names;
mod open;
mod operation;
mod os;
mod part;
mod ring;
mod stdio;
mod temp;
#[cfg(feature = "tokio")]
mod tokio_traits;
mod walk;
mod whole;
mod window;

pub use aligned::AlignedBuf;
pub use buf_reader::BufReader;
pub use buf_writer::BufWriter;
pub use error::{Error, Result};
pub use file::File;
pub use folder::{
    DirEntry, ReadDir, create_dir, create_dir_all, read_dir, remove_dir, remove_dir_all,
};
pub use lines::{Lines, lines};
pub use names::{
    canonicalize, chown, exists, hard_link, metadata, read_link, remove_file, rename,
    set_permissions, symlink, symlink_metadata, truncate,
};
pub use open::{OpenOptions, create, open};
pub use operation::Operation;
pub use part::OwnedBuf;
pub use stdio::{Stdin, Stdout, stderr, stdin, stdout};
pub use temp::{TempDir, TempFile};
pub use walk::{Walk, walk};
pub use whole::{copy, read, read_to_string, write, write_atomic};
