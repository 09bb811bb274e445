//! The ring and the system calls of the io_uring driver, each behind a safe function.
#![expect(
    unsafe_code,
    reason = "entries of a ring are unchecked, and fstat has no safe interface in std"
)]

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use io_uring::squeue::{Entry, Flags};
use io_uring::types::{Fd, FsyncFlags, SubmitArgs, Timespec};
use io_uring::{EnterFlags, IoUring, cqueue, opcode};

use crate::operation::{Finished, SharedFile, Slot, Work};
use crate::os::linux::Notifier;

/// Room for what is handed over in one system call. More go in several.
const SUBMISSIONS: u32 = 256;
/// Room for what has happened. What does not fit the kernel keeps, at a price.
const COMPLETIONS: u32 = 1024;
/// The user data of a cancellation itself. No source has it.
const CANCELLATION: u64 = u64::MAX - 1;
/// The bit that keys of operations have, and tokens of sources have not.
const OPERATION: u64 = 1 << 62;
/// Most bytes one operation moves: what the kernel takes at once is less than this.
const TRANSFER_MAX: usize = i32::MAX as usize;
/// `IORING_ENTER_GETEVENTS`: run what has been deferred, and fetch what did not fit.
const GETEVENTS: u32 = 1;

/// One completion.
#[derive(Debug)]
pub(super) enum Completion {
    Poll {
        token: u64,
        /// The poll's flags, or a negated error number.
        result: i32,
        /// The poll is still armed.
        more: bool,
    },
    Operation(Arc<Slot>, Finished),
}

/// A ring that is used by one thread: the first one that calls [`enable`](Ring::enable).
///
/// **Invariant**: the kernel has pointers into what is `in_flight`, and into nothing else. It is
/// moved as a value only (buffers and paths are on the heap), and leaves with its completion.
pub(super) struct Ring {
    ring: IoUring,
    in_flight: HashMap<u64, (Work, Arc<Slot>)>,
    /// The key of the last operation.
    last: u64,
    /// How the kernel is entered to wait.
    enter: EnterFlags,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").finish_non_exhaustive()
    }
}

/// What newer kernels do better, from the newest on.
const FLAVOURS: [fn(&mut io_uring::Builder); 3] = [
    // Linux 6.1: nothing interrupts the thread, work is done when it asks for it.
    |builder| {
        builder
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .setup_submit_all();
    },
    // Linux 5.19: work is done at the thread's next system call.
    |builder| {
        builder
            .setup_coop_taskrun()
            .setup_taskrun_flag()
            .setup_submit_all();
    },
    |_| {},
];

impl Ring {
    /// A ring that takes nothing yet, so that another thread may make it than the one that
    /// will use it.
    pub(super) fn new() -> io::Result<Ring> {
        Ring::of(&FLAVOURS)
    }

    fn of(flavours: &[fn(&mut io_uring::Builder)]) -> io::Result<Ring> {
        for flavour in flavours {
            let mut builder = IoUring::builder();
            builder
                .dontfork()
                .setup_r_disabled()
                .setup_cqsize(COMPLETIONS);
            flavour(&mut builder);
            match builder.build(SUBMISSIONS) {
                Ok(ring) => return Ring::with(ring),
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
                Err(error) => return Err(error),
            }
        }
        Err(too_old())
    }

    /// A ring of each flavour that this kernel has.
    #[cfg(test)]
    pub(super) fn each() -> impl Iterator<Item = io::Result<Ring>> {
        FLAVOURS.iter().map(|flavour| Ring::of(&[*flavour]))
    }

    fn with(ring: IoUring) -> io::Result<Ring> {
        let params = ring.params();
        // The youngest of what is needed (Linux 5.17); multishot polls, waits with a timeout and
        // completions that are never dropped are older.
        if !params.is_feature_skip_cqe_on_success() {
            return Err(too_old());
        }
        let enter = if params.is_feature_no_iowait() {
            EnterFlags::NO_IOWAIT
        } else {
            EnterFlags::empty()
        };
        Ok(Ring {
            ring,
            in_flight: HashMap::new(),
            last: OPERATION,
            enter,
        })
    }

    /// Makes the ring usable, by this thread alone.
    pub(super) fn enable(&mut self) -> io::Result<()> {
        let submitter = self.ring.submitter();
        submitter.register_enable_rings()?;
        Ok(())
    }

    /// Has the kernel write to the notifier when there is something to take.
    pub(super) fn tell(&self, notifier: &Notifier) -> io::Result<()> {
        self.ring.submitter().register_eventfd(notifier.as_raw_fd())
    }

    /// Queues a poll of `fd` that stays armed, edge-triggered.
    pub(super) fn poll(&mut self, fd: RawFd, events: u32, token: u64) -> io::Result<()> {
        let edge = libc::EPOLLET as u32;
        let entry = opcode::PollAdd::new(Fd(fd), events | edge)
            .multi(true)
            .build()
            .user_data(token);
        self.push(&entry)
    }

    /// Queues the end of the poll with this token. Unlike a removal of the poll this also ends
    /// one that is about to report.
    pub(super) fn cancel(&mut self, token: u64) -> io::Result<()> {
        let entry = opcode::AsyncCancel::new(token)
            .build()
            .user_data(CANCELLATION)
            .flags(Flags::SKIP_SUCCESS);
        self.push(&entry)
    }

    /// Makes room for one more entry, which cannot fail then.
    pub(super) fn make_room(&mut self) -> io::Result<()> {
        if self.ring.submission().is_full() {
            self.enter()?;
        }
        if self.ring.submission().is_full() {
            return Err(io::Error::from_raw_os_error(libc::EBUSY));
        }
        Ok(())
    }

    /// Queues the operation of this slot, if it is still wanted. Room has been made for it.
    pub(super) fn start(&mut self, slot: &Arc<Slot>) {
        self.last = OPERATION | self.last.wrapping_add(1);
        let key = self.last;
        let Some(mut work) = slot.submit(key) else {
            return;
        };
        let entry = entry_of(&mut work).user_data(key);
        self.in_flight.insert(key, (work, slot.clone()));
        // SAFETY: the parameters of an entry must stay valid until its completion: they lie on
        // the heap and in files that `work` owns, and it stays in `in_flight` until then.
        let pushed = unsafe { self.ring.submission().push(&entry) };
        pushed.expect("room was made for the entry");
    }

    /// How many operations the kernel has.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// The keys of the operations that the kernel has.
    pub(super) fn keys(&self) -> Vec<u64> {
        self.in_flight.keys().copied().collect()
    }

    /// Where the operations that the kernel has are waited for.
    pub(super) fn left(&self) -> Vec<Arc<Slot>> {
        let slots = self.in_flight.values().map(|(_, slot)| slot.clone());
        slots.collect()
    }

    fn push(&mut self, entry: &Entry) -> io::Result<()> {
        self.make_room()?;
        // SAFETY: the parameters of an entry must stay valid while it is carried out: polls and
        // cancellations point to no memory, and a number that is no open descriptor is answered
        // by an error.
        let pushed = unsafe { self.ring.submission().push(entry) };
        pushed.map_err(|_| io::Error::from_raw_os_error(libc::EBUSY))
    }

    /// Hands over what is queued, and does what the kernel has deferred, without waiting.
    pub(super) fn enter(&mut self) -> io::Result<()> {
        let queued = self.ring.submission().len() as u32;
        // SAFETY: what the entries point to must stay valid until they complete: `push` and
        // `start`, the only ones who queue some, have seen to that. No argument is passed.
        let entered = unsafe {
            self.ring
                .submitter()
                .enter::<libc::sigset_t>(queued, 0, GETEVENTS, None)
        };
        quiet(entered)
    }

    /// Carries out what is queued to its end: a bounded number of entries, because others keep
    /// adding to what is deferred.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        const ENTRIES_MAX: usize = 256;
        for _ in 0..ENTRIES_MAX {
            self.enter()?;
            let queue = self.ring.submission();
            if queue.is_empty() && !queue.taskrun() {
                break;
            }
        }
        Ok(())
    }

    /// Whether entering without waiting would do something.
    pub(super) fn is_pending(&mut self) -> bool {
        let queue = self.ring.submission();
        !queue.is_empty() || queue.taskrun() || queue.cq_overflow()
    }

    /// Whether nothing has completed that is not taken yet.
    pub(super) fn is_quiet(&mut self) -> bool {
        self.ring.completion().is_empty()
    }

    /// Hands over what is queued and waits for a completion, a signal or the timeout.
    pub(super) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        // The kernel takes what is beyond for a time that has passed.
        let longest = Duration::from_secs(i64::MAX as u64);
        let limit = timeout.map(|timeout| Timespec::from(timeout.min(longest)));
        let mut arguments = SubmitArgs::new();
        if let Some(limit) = &limit {
            arguments = arguments.timespec(limit);
        }
        let submitter = self.ring.submitter();
        quiet(submitter.submit_with_args_and_flags(1, &arguments, self.enter))
    }

    /// Takes up to `max` completions.
    pub(super) fn completions(&mut self, max: usize) -> impl Iterator<Item = Completion> + '_ {
        let in_flight = &mut self.in_flight;
        let taken = self.ring.completion().take(max);
        taken.filter_map(move |entry| {
            let (token, result) = (entry.user_data(), entry.result());
            if token == CANCELLATION {
                return None;
            }
            if token & OPERATION == 0 || token == Notifier::TOKEN {
                let more = cqueue::more(entry.flags());
                return Some(Completion::Poll {
                    token,
                    result,
                    more,
                });
            }
            let (work, slot) = in_flight.remove(&token)?;
            Some(Completion::Operation(slot, finished(work, result)))
        })
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // The kernel ends what is in flight some time after the ring has been closed, and until
        // then it may write to the buffers. Only a loop that was not closed gets here with any, and
        // one whose operations did not end in time.
        std::mem::forget(std::mem::take(&mut self.in_flight));
    }
}

/// The entry that carries out `work`, which must stay where it points to.
fn entry_of(work: &mut Work) -> Entry {
    let length = |part: &[u8]| part.len().min(TRANSFER_MAX) as u32;
    let fd = |file: &SharedFile| Fd(file.0.as_fd().as_raw_fd());
    match work {
        Work::Read {
            file,
            buffer,
            range,
            offset,
        } => {
            let part = &mut buffer[range.clone()];
            let length = length(part);
            opcode::Read::new(fd(file), part.as_mut_ptr(), length)
                .offset(*offset)
                .build()
        }
        Work::Write {
            file,
            buffer,
            range,
            offset,
        } => {
            let part = &buffer[range.clone()];
            opcode::Write::new(fd(file), part.as_ptr(), length(part))
                .offset(*offset)
                .build()
        }
        Work::Sync { file, data_only } => {
            let flags = if *data_only {
                FsyncFlags::DATASYNC
            } else {
                FsyncFlags::empty()
            };
            opcode::Fsync::new(fd(file)).flags(flags).build()
        }
        Work::Open {
            path, flags, mode, ..
        } => opcode::OpenAt::new(Fd(libc::AT_FDCWD), path.as_ptr())
            .flags(*flags | libc::O_CLOEXEC)
            .mode(*mode)
            .build(),
        Work::Close { file: Some(file) } => opcode::Close::new(Fd(file.as_raw_fd())).build(),
        Work::Close { file: None } => opcode::Nop::new().build(),
    }
}

/// What the kernel says of `work`, which is ours again. A descriptor that it has opened belongs
/// to it from here on, and one that it has closed does not.
fn finished(mut work: Work, result: i32) -> Finished {
    match &mut work {
        Work::Open { opened, .. } if result >= 0 => {
            // SAFETY: the kernel has just opened this number for us, so it is open, and nobody
            // else has seen it.
            *opened = Some(File::from(unsafe { OwnedFd::from_raw_fd(result) }));
        }
        // An error says that it was closed too, but for a cancellation.
        Work::Close { file } if result != -libc::ECANCELED => {
            let _closed = file.take().map(IntoRawFd::into_raw_fd);
        }
        _ => {}
    }
    let result = if result < 0 {
        Err(io::Error::from_raw_os_error(-result))
    } else {
        Ok(result as usize)
    };
    Finished { result, work }
}

/// The kernel knows none of the [`FLAVOURS`], or not all that each of them needs.
fn too_old() -> io::Error {
    let error = "this kernel's io_uring is older than Linux 5.17's, or lacks part of it";
    io::Error::new(io::ErrorKind::Unsupported, error)
}

/// What a wait may end with besides completions: its timeout, a signal, and completions that
/// must be taken first.
fn quiet(entered: io::Result<usize>) -> io::Result<()> {
    match entered {
        Err(error) => match error.raw_os_error() {
            Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN) => Ok(()),
            _ => Err(error),
        },
        Ok(_) => Ok(()),
    }
}

/// Refuses what is always ready, regular files and folders, as epoll does, and what is no open
/// descriptor.
pub(super) fn check_pollable(fd: RawFd) -> io::Result<()> {
    let mut status = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `status` has room for a `stat`, and the kernel writes it during the call only.
    if unsafe { libc::fstat(fd, status.as_mut_ptr()) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so the kernel has filled it in.
    let status = unsafe { status.assume_init() };
    match status.st_mode & libc::S_IFMT {
        libc::S_IFREG | libc::S_IFDIR => Err(io::Error::from_raw_os_error(libc::EPERM)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::task::Waker;

    use super::*;

    #[test]
    fn a_ring_that_is_dropped_leaves_to_the_kernel_what_it_has() {
        let Ok(mut ring) = Ring::new() else {
            return; // this kernel allows no ring
        };
        let (silent, _other) = UnixStream::pair().unwrap();
        let file = Arc::new(File::from(OwnedFd::from(silent)));
        let work = Work::Read {
            file: SharedFile(file.clone()),
            buffer: vec![0; 8],
            range: 0..8,
            offset: u64::MAX,
        };
        ring.enable().unwrap();
        ring.start(&Slot::new(work, Waker::noop()));
        ring.enter().unwrap();
        assert_eq!(ring.completions(1).count(), 0);
        drop(ring);
        // The buffer goes the way of the file: nobody frees it.
        assert_eq!(Arc::strong_count(&file), 2);
    }

    #[test]
    fn a_flavour_that_the_kernel_does_not_know_is_passed_over() {
        let [.., plain] = FLAVOURS;
        // Refused by every kernel: the one flag asks for the other.
        let unknown: fn(&mut io_uring::Builder) = |builder| {
            builder.setup_defer_taskrun();
        };
        if Ring::of(&[plain]).is_err() {
            return; // this kernel allows no ring
        }
        let error = Ring::of(&[unknown]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        Ring::of(&[unknown, plain]).unwrap();
    }
}
