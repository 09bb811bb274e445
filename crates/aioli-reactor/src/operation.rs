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
//! What an operation stands on (the buffer, the file, the path) is its [`Work`]. It is with the
//! future before the first poll, in the [`Slot`] while `Queued`, with the ring while the kernel
//! may touch it, and in the slot again when `Completed`. It is moved, never shared, so who
//! drops it is clear at each stage, and the kernel's stage ends with a completion only.
#![cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "only a ring looks into an operation")
)]

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use aioli_task::driver::{Hold, Home};

use crate::reactor::Reactor;

/// What an operation does, with all that the kernel touches for it.
#[derive(Debug)]
pub(crate) enum Work {
    Read {
        file: Arc<File>,
        buffer: Vec<u8>,
        offset: u64,
    },
    Write {
        file: Arc<File>,
        buffer: Vec<u8>,
        offset: u64,
    },
    Sync {
        file: Arc<File>,
        data_only: bool,
    },
    Open {
        path: CString,
        flags: i32,
        mode: u32,
        opened: Option<File>,
    },
    /// `None` once it has been closed.
    Close {
        file: Option<File>,
    },
}

/// How an operation has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) result: io::Result<usize>,
    pub(crate) work: Work,
}

/// Where the future and the driver meet.
#[derive(Debug)]
pub(crate) struct Slot(Mutex<Stage>);

#[derive(Debug)]
enum Stage {
    Queued(Work, Waker),
    Submitted(u64, Waker),
    Orphaned,
    Completed(Finished),
    Taken,
}

impl Slot {
    pub(crate) fn new(work: Work, waker: &Waker) -> Arc<Slot> {
        Arc::new(Slot(Mutex::new(Stage::Queued(work, waker.clone()))))
    }

    /// The operation is handed over under this key: takes what it stands on, if it is wanted.
    pub(crate) fn submit(&self, key: u64) -> Option<Work> {
        let mut stage = crate::lock(&self.0);
        match std::mem::replace(&mut *stage, Stage::Orphaned) {
            Stage::Queued(work, waker) => {
                *stage = Stage::Submitted(key, waker);
                Some(work)
            }
            other => {
                *stage = other;
                None
            }
        }
    }

    /// The operation is not handed over, because of this. Returns whom to wake.
    #[must_use]
    pub(crate) fn refuse(&self, error: io::Error) -> Option<Waker> {
        let mut stage = crate::lock(&self.0);
        match std::mem::replace(&mut *stage, Stage::Orphaned) {
            Stage::Queued(work, waker) => {
                let result = Err(error);
                *stage = Stage::Completed(Finished { result, work });
                Some(waker)
            }
            other => {
                *stage = other;
                None
            }
        }
    }

    /// The operation has ended. Returns whom to wake; of an orphan everything is dropped here.
    #[must_use]
    pub(crate) fn completed(&self, finished: Finished) -> Option<Waker> {
        let mut stage = crate::lock(&self.0);
        match std::mem::replace(&mut *stage, Stage::Orphaned) {
            Stage::Submitted(_, waker) => {
                *stage = Stage::Completed(finished);
                Some(waker)
            }
            _ => None,
        }
    }

    fn poll(&self, new: &Waker) -> Poll<Finished> {
        // Declared before the guard, so dropped after it.
        let _former;
        let mut stage = crate::lock(&self.0);
        match &mut *stage {
            Stage::Queued(_, waker) | Stage::Submitted(_, waker) => {
                if !waker.will_wake(new) {
                    _former = std::mem::replace(waker, new.clone());
                }
                Poll::Pending
            }
            Stage::Completed(_) => match std::mem::replace(&mut *stage, Stage::Taken) {
                Stage::Completed(finished) => Poll::Ready(finished),
                _ => unreachable!("it was matched under the same lock"),
            },
            Stage::Orphaned | Stage::Taken => panic!("an operation was polled after its end"),
        }
    }

    /// The future is gone. Returns the key of an operation that the kernel has.
    fn orphan(&self) -> Option<u64> {
        // Bound to a name, so dropped when the lock is released: a waker may run foreign code.
        let former = std::mem::replace(&mut *crate::lock(&self.0), Stage::Orphaned);
        match former {
            Stage::Submitted(key, _) => Some(key),
            _ => None,
        }
    }
}

/// Operations on files, carried out by the kernel while the loop runs: what io_uring has.
///
/// The kernel reads and writes memory that belongs to the operation, which is why buffers are
/// given and come back. There is none with drivers that only tell readiness.
///
/// # Examples
///
/// ```
/// use aioli_reactor::Operations;
/// use std::sync::Arc;
///
/// aioli_task::run(async {
///     let Some(operations) = Operations::current()? else {
///         return Ok(()); // the driver tells readiness only
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

impl Operations {
    /// The operations of this thread's loop, else of the background loop; none where its driver
    /// has none.
    ///
    /// # Errors
    ///
    /// The reactor could not be started: descriptors are used up, or `AIOLI_DRIVER` names no
    /// driver of this system.
    pub fn current() -> io::Result<Option<Operations>> {
        let reactor = Reactor::current()?;
        let has_some = reactor.driver.has_operations();
        let home = Home::current();
        Ok(has_some.then_some(Operations { reactor, home }))
    }

    fn start<T>(&self, work: Work, finish: fn(Finished) -> T) -> Operation<T> {
        Operation {
            reactor: self.reactor.clone(),
            state: State::New(work),
            finish,
            home: self.home.clone(),
            hold: None,
        }
    }

    /// Reads at `offset` as many bytes as the buffer has at most, into its beginning, and gives
    /// the buffer back. A file without positions (a pipe) is read at `u64::MAX`.
    ///
    /// # Errors
    ///
    /// What the system says; [`LoopEnded`](crate::LoopEnded), with an empty buffer when the kernel
    /// does not let go of it.
    ///
    /// # Cancel safety
    ///
    /// The position of the file is not used. What was read is lost with the buffer, which is
    /// freed when the kernel has let go of it.
    pub fn read_at(
        &self,
        file: Arc<File>,
        buffer: Vec<u8>,
        offset: u64,
    ) -> Operation<(io::Result<usize>, Vec<u8>)> {
        let work = Work::Read {
            file,
            buffer,
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
    pub fn write_at(
        &self,
        file: Arc<File>,
        buffer: Vec<u8>,
        offset: u64,
    ) -> Operation<(io::Result<usize>, Vec<u8>)> {
        let work = Work::Write {
            file,
            buffer,
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
    pub fn sync(&self, file: Arc<File>, data_only: bool) -> Operation<io::Result<()>> {
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
}

#[derive(Debug)]
enum State {
    New(Work),
    /// A path with a zero byte.
    Invalid,
    Started(Arc<Slot>),
    Ended,
}

impl<T> Future for Operation<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let finished = match std::mem::replace(&mut self.state, State::Ended) {
            State::New(work) => {
                let slot = Slot::new(work, cx.waker());
                self.state = State::Started(slot.clone());
                self.hold = Some(self.home.hold());
                self.reactor.driver.start(slot);
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
        let State::Started(slot) = &self.state else {
            return;
        };
        if let Some(key) = slot.orphan() {
            self.reactor.driver.cancel(key);
        }
    }
}
