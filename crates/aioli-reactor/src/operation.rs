//! Operations on files that the kernel carries out by itself, and who owns what meanwhile.
//!
//! ```text
//!   (future) ── first poll ─▶ Queued ── handed over ─▶ Submitted ── completion ─▶ Completed
//!                               │                         │                          │
//!                              drop                 drop: asks to cancel        poll or drop
//!                               ▼                         ▼                          ▼
//!                           Orphaned ◀─────────────── Orphaned                     Taken
//!                      given up at once      given up at the completion
//! ```
//!
//! One with an heir goes on when its future is dropped: the heir takes the waker's place.
//!
//! What an operation stands on (the buffer, the file, the path) is its [`Work`]. It is with the
//! future before the first poll, in the [`Slot`] while `Queued`, with the ring while the kernel
//! may touch it, and in the slot again when `Completed`. It is moved, never shared, so who
//! drops it is clear at each stage, and the kernel's stage ends with a completion only.
#![cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "only a ring looks into an operation")
)]

mod slot;

use std::ffi::CString;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use aioli_task::driver::{Hold, Home};

pub(crate) use self::slot::{Finished, SharedFile, Slot, Work};
use crate::os::AsFile;
use crate::reactor::Reactor;

/// Operations on files, carried out by the kernel while the loop runs: what io_uring has.
///
/// They are carried out by the ring that watches the loop's sources, or, where epoll does that, by
/// a ring beside it, which is made when it is first asked for. There are none where the system has
/// no ring or refuses it, with `AIOLI_DRIVER=poll`, and with `AIOLI_FILES=pool`.
///
/// The kernel reads and writes memory that belongs to the operation, which is why buffers are
/// given and come back.
///
/// # Examples
///
/// ```
/// use aioli_reactor::Operations;
/// use std::sync::Arc;
///
/// aioli_task::run(async {
///     let Some(operations) = Operations::current()? else {
///         return Ok(()); // no ring here
///     };
///     let file = operations.open("Cargo.toml".as_ref(), 0, 0).await?;
///     let (read, buffer) = operations.read_at(Arc::new(file), vec![0; 9], 0).await;
///     assert_eq!(&buffer[..read?], b"[package]");
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Operations {
    reactor: Arc<Reactor>,
    home: Home,
}

/// How many operations the kernel has; see [`Operations::stats`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct OperationStats {
    /// Operations that have been handed over and not been taken back.
    pub in_flight: usize,
    /// The most that there ever were at once.
    pub most_in_flight: usize,
}

impl Operations {
    /// The operations of this thread's loop, else of the background loop; none where it has no
    /// ring.
    ///
    /// # Errors
    ///
    /// The reactor could not be started: descriptors are used up, or `AIOLI_DRIVER` names no
    /// driver of this system, or `AIOLI_FILES` is neither `ring` nor `pool`.
    pub fn current() -> io::Result<Option<Operations>> {
        let reactor = Reactor::current()?;
        let has_some = reactor.ring().is_some();
        let home = Home::current();
        Ok(has_some.then_some(Operations { reactor, home }))
    }

    /// How many operations of this loop the kernel has, and had at most.
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// if let Some(operations) = aioli_reactor::Operations::current()? {
    ///     assert!(operations.stats().in_flight <= operations.stats().most_in_flight);
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn stats(&self) -> OperationStats {
        let ring = self.reactor.ring();
        ring.map_or_else(OperationStats::default, |ring| ring.stats())
    }

    fn start<T>(&self, work: Work, finish: fn(Finished) -> T) -> Operation<T> {
        Operation {
            reactor: self.reactor.clone(),
            state: State::New(work),
            finish,
            home: self.home.clone(),
            hold: None,
            heir: None,
        }
    }

    /// Reads at `offset` as many bytes as the buffer has at most, into its beginning, and gives
    /// the buffer back. A file without positions (a pipe) is read at `u64::MAX`; of one with a
    /// position the kernel would move it or not, depending on how it comes by the bytes.
    ///
    /// # Errors
    ///
    /// What the system says; [`LoopEnded`](crate::LoopEnded), with an empty buffer when the kernel
    /// does not let go of it.
    ///
    /// # Cancel safety
    ///
    /// What was read is lost with the buffer, which is freed when the kernel has let go of it.
    pub fn read_at<F: AsFile + Send + Sync + 'static>(
        &self,
        file: Arc<F>,
        buffer: Vec<u8>,
        offset: u64,
    ) -> Operation<(io::Result<usize>, Vec<u8>)> {
        let range = 0..buffer.len();
        self.read_into(file, buffer, range, offset)
    }

    /// As [`read_at`](Operations::read_at), into a part of the buffer.
    ///
    /// # Errors
    ///
    /// As [`read_at`](Operations::read_at).
    ///
    /// # Panics
    ///
    /// When the buffer has no such part.
    ///
    /// # Cancel safety
    ///
    /// As [`read_at`](Operations::read_at).
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let Some(operations) = aioli_reactor::Operations::current()? else { return Ok(()) };
    /// let file = operations.open("Cargo.toml".as_ref(), 0, 0).await?;
    /// let buffer = b"begins with .........".to_vec();
    /// let (read, buffer) = operations.read_into(file.into(), buffer, 12..21, 0).await;
    /// assert_eq!((read?, &*buffer), (9, &b"begins with [package]"[..]));
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn read_into<F: AsFile + Send + Sync + 'static>(
        &self,
        file: Arc<F>,
        buffer: Vec<u8>,
        range: Range<usize>,
        offset: u64,
    ) -> Operation<(io::Result<usize>, Vec<u8>)> {
        assert_part(&buffer, &range);
        let work = Work::Read {
            file: SharedFile(file),
            buffer,
            range,
            offset,
        };
        self.start(work, Finished::into_transfer)
    }

    /// Writes the buffer at `offset`, tells how much of it was written, and gives it back. A file
    /// without positions (a pipe) is written at `u64::MAX`.
    ///
    /// # Errors
    ///
    /// As [`read_at`](Operations::read_at).
    ///
    /// # Cancel safety
    ///
    /// A write that is dropped may have been done, in part or not at all.
    pub fn write_at<F: AsFile + Send + Sync + 'static>(
        &self,
        file: Arc<F>,
        buffer: Vec<u8>,
        offset: u64,
    ) -> Operation<(io::Result<usize>, Vec<u8>)> {
        let range = 0..buffer.len();
        self.write_from(file, buffer, range, offset)
    }

    /// As [`write_at`](Operations::write_at), a part of the buffer.
    ///
    /// # Errors
    ///
    /// As [`read_at`](Operations::read_at).
    ///
    /// # Panics
    ///
    /// When the buffer has no such part.
    ///
    /// # Cancel safety
    ///
    /// As [`write_at`](Operations::write_at).
    ///
    /// # Examples
    ///
    /// ```
    /// # aioli_task::run(async {
    /// # let Some(operations) = aioli_reactor::Operations::current()? else { return Ok(()) };
    /// let (mut reader, writer) = std::io::pipe()?;
    /// let buffer = b"one two three".to_vec();
    /// let (written, _) = operations.write_from(writer.into(), buffer, 4..7, u64::MAX).await;
    /// let mut two = [0; 3];
    /// std::io::Read::read_exact(&mut reader, &mut two)?;
    /// assert_eq!((written?, &two), (3, b"two"));
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn write_from<F: AsFile + Send + Sync + 'static>(
        &self,
        file: Arc<F>,
        buffer: Vec<u8>,
        range: Range<usize>,
        offset: u64,
    ) -> Operation<(io::Result<usize>, Vec<u8>)> {
        assert_part(&buffer, &range);
        let work = Work::Write {
            file: SharedFile(file),
            buffer,
            range,
            offset,
        };
        self.start(work, Finished::into_transfer)
    }

    /// Waits until what was written is on the device: with `data_only` not what describes it,
    /// as far as reading does not need it.
    ///
    /// # Errors
    ///
    /// What the system says, above all that what was written before is lost;
    /// [`LoopEnded`](crate::LoopEnded).
    ///
    /// # Cancel safety
    ///
    /// Dropping it leaves open whether it was done.
    pub fn sync<F: AsFile + Send + Sync + 'static>(
        &self,
        file: Arc<F>,
        data_only: bool,
    ) -> Operation<io::Result<()>> {
        let file = SharedFile(file);
        self.start(Work::Sync { file, data_only }, Finished::into_unit)
    }

    /// Opens a file with the flags and the mode of `open(2)`, closed on exec.
    ///
    /// # Errors
    ///
    /// What the system says; `InvalidInput` for a path with a zero byte;
    /// [`LoopEnded`](crate::LoopEnded).
    ///
    /// # Cancel safety
    ///
    /// A file that has been opened for a dropped future is closed.
    pub fn open(&self, path: &Path, flags: i32, mode: u32) -> Operation<io::Result<File>> {
        let path = CString::new(path.as_os_str().as_encoded_bytes());
        let is_whole = path.is_ok();
        let work = Work::Open {
            path: path.unwrap_or_default(),
            flags,
            mode,
            opened: None,
        };
        let mut operation = self.start(work, Finished::into_file);
        if !is_whole {
            operation.state = State::Invalid;
        }
        operation
    }

    /// Closes the file, and tells of errors that the system kept for this.
    ///
    /// # Errors
    ///
    /// What the system says, and the file is closed nevertheless;
    /// [`LoopEnded`](crate::LoopEnded).
    ///
    /// # Cancel safety
    ///
    /// The file is closed in any case.
    pub fn close(&self, file: File) -> Operation<io::Result<()>> {
        self.start(Work::Close { file: Some(file) }, Finished::into_unit)
    }
}

/// Whether a buffer has this part is asked before the kernel is told so.
#[track_caller]
fn assert_part(buffer: &[u8], range: &Range<usize>) {
    assert!(
        range.start <= range.end && range.end <= buffer.len(),
        "a buffer of {} bytes has no part {range:?}",
        buffer.len()
    );
}

impl Finished {
    fn into_transfer(self) -> (io::Result<usize>, Vec<u8>) {
        let buffer = match self.work {
            Work::Read { buffer, .. } | Work::Write { buffer, .. } => buffer,
            Work::Sync { .. } | Work::Open { .. } | Work::Close { .. } => Vec::new(),
        };
        (self.result, buffer)
    }

    fn into_unit(self) -> io::Result<()> {
        self.result.map(drop)
    }

    fn into_file(self) -> io::Result<File> {
        self.result?;
        match self.work {
            Work::Open {
                opened: Some(file), ..
            } => Ok(file),
            _ => Err(io::ErrorKind::Other.into()),
        }
    }
}

/// An operation that is carried out while this future is awaited; nothing happens before its
/// first poll.
///
/// Dropping it asks the kernel to end the operation. Its memory and descriptors are released when
/// the kernel says that it has ended. A loop waits at its end for operations that are still
/// awaited somewhere, as it does for blocking jobs, and not longer than its shutdown timeout. Then
/// all are asked to end, which what the kernel does not interrupt may hold up for some seconds.
///
/// # Examples
///
/// It may be dropped at any time:
///
/// ```
/// use aioli_reactor::Operations;
/// use futures::future::{Either, ready, select};
///
/// aioli_task::run(async {
///     if let Some(operations) = Operations::current()? {
///         let open = operations.open("Cargo.toml".as_ref(), 0, 0);
///         // The first poll hands it over, and nobody waits for it.
///         let Either::Right(_) = select(open, ready(())).await else {
///             panic!("it takes longer than nothing");
///         };
///     }
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Panics
///
/// When it is polled after it has been ready.
#[derive(Debug)]
#[must_use = "nothing happens before the first poll"]
pub struct Operation<T> {
    reactor: Arc<Reactor>,
    state: State,
    finish: fn(Finished) -> T,
    home: Home,
    /// While the operation goes on, a virtual clock does not jump, and the loop does not end.
    hold: Option<Hold>,
    heir: Option<Heir>,
}

type Inherit = Box<dyn FnOnce(Finished) + Send>;

/// Who gets what comes of an operation whose future has been dropped.
struct Heir(Mutex<Inherit>);

impl fmt::Debug for Heir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heir").finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum State {
    New(Work),
    /// A path with a zero byte.
    Invalid,
    Started(Arc<Slot>),
    Ended,
}

impl<T: 'static> Operation<T> {
    /// Makes it an operation that is carried out once it has begun, which is with its first poll.
    ///
    /// If the future is dropped after that, nobody asks the kernel to end it, the loop waits for
    /// it at its end as if it were awaited, and what comes of it is given to `heir`: on the loop's
    /// thread, or at once if it has ended already.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_reactor::Operations;
    /// use futures::future::{Either, ready, select};
    /// use std::sync::Arc;
    ///
    /// # aioli_task::run(async {
    /// if let Some(operations) = Operations::current()? {
    ///     let file = Arc::new(operations.open("Cargo.toml".as_ref(), 0, 0).await?);
    ///     let sync = operations.sync(file, true).detach_on_drop(|result| {
    ///         if let Err(error) = result {
    ///             eprintln!("nobody waits any more, but it failed: {error}");
    ///         }
    ///     });
    ///     let Either::Right(_) = select(sync, ready(())).await else {
    ///         panic!("it takes longer than nothing");
    ///     };
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn detach_on_drop(mut self, heir: impl FnOnce(T) + Send + 'static) -> Operation<T> {
        let finish = self.finish;
        let heir = Box::new(move |finished| heir(finish(finished)));
        self.heir = Some(Heir(Mutex::new(heir)));
        self
    }
}

impl<T> Future for Operation<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let finished = match std::mem::replace(&mut self.state, State::Ended) {
            State::New(work) => {
                let slot = Slot::new(work, cx.waker());
                self.state = State::Started(slot.clone());
                self.hold = Some(self.home.hold());
                self.reactor.start(slot);
                return Poll::Pending;
            }
            State::Invalid => Finished {
                result: Err(io::ErrorKind::InvalidInput.into()),
                work: Work::Close { file: None },
            },
            State::Started(slot) => match slot.poll(cx.waker()) {
                Poll::Ready(finished) => finished,
                Poll::Pending => {
                    self.state = State::Started(slot);
                    return Poll::Pending;
                }
            },
            State::Ended => panic!("an operation was polled after its end"),
        };
        self.hold = None;
        Poll::Ready((self.finish)(finished))
    }
}

impl<T> Drop for Operation<T> {
    fn drop(&mut self) {
        let State::Started(slot) = std::mem::replace(&mut self.state, State::Ended) else {
            return;
        };
        if let Some(Heir(heir)) = self.heir.take() {
            let heir = heir.into_inner().unwrap_or_else(PoisonError::into_inner);
            let bequest = Arc::new(Bequest {
                slot,
                heir: Mutex::new(Some(heir)),
                _hold: self.hold.take(),
            });
            bequest.wake();
        } else if let Some(key) = slot.orphan() {
            self.reactor.cancel(key);
        }
    }
}

/// What stands in the slot as the waker of the future that is gone. Until the operation has ended
/// the two keep each other.
struct Bequest {
    slot: Arc<Slot>,
    heir: Mutex<Option<Inherit>>,
    /// The loop waits for the operation as before.
    _hold: Option<Hold>,
}

impl Wake for Bequest {
    fn wake(self: Arc<Self>) {
        // Polled once by who makes it and, only if that was too early, once by the slot's waker.
        let Poll::Ready(finished) = self.slot.poll(&Waker::from(self.clone())) else {
            return;
        };
        let heir = crate::lock(&self.heir).take();
        if let Some(heir) = heir {
            heir(finished);
        }
    }
}
