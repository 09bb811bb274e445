//! Where an operation's future and the ring meet, and what the kernel touches meanwhile.

use std::ffi::CString;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use crate::os::AsFile;

/// A file that stays open while an operation has a share of it.
#[derive(Clone)]
pub(crate) struct SharedFile(pub(crate) Arc<dyn AsFile + Send + Sync>);

impl fmt::Debug for SharedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedFile").finish_non_exhaustive()
    }
}

/// What an operation does, with all that the kernel touches for it.
#[derive(Debug)]
pub(crate) enum Work {
    Read {
        file: SharedFile,
        buffer: Vec<u8>,
        /// What of the buffer is read into.
        range: Range<usize>,
        offset: u64,
    },
    Write {
        file: SharedFile,
        buffer: Vec<u8>,
        /// What of the buffer is written.
        range: Range<usize>,
        offset: u64,
    },
    Sync {
        file: SharedFile,
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

    pub(super) fn poll(&self, new: &Waker) -> Poll<Finished> {
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
    pub(super) fn orphan(&self) -> Option<u64> {
        // Bound to a name, so dropped when the lock is released: a waker may run foreign code.
        let former = std::mem::replace(&mut *crate::lock(&self.0), Stage::Orphaned);
        match former {
            Stage::Submitted(key, _) => Some(key),
            _ => None,
        }
    }
}
