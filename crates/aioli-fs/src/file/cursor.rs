//! The operations that move a file's position: one at a time, none of them lost.
//!
//! At most one job works on the position. It belongs to the file and not to the future that
//! asked for it, so a dropped future loses nothing: the next operation first waits for the
//! job and takes over what it brought. Bytes that a job has read for a future that is gone
//! are given to the next read (`ahead`); a failed write is told to the next operation.
//!
//! ```text
//!          start              poll_job
//!   idle ---------> job runs -----------> finished --+--> the future that waits
//!     ^                                              |
//!     +---- absorb: bytes to `ahead`, failure kept --+    (nobody waits)
//! ```

use super::shared::{Held, Shared};
use crate::{
    error::Result,
    os::{self, Now},
};
use aioli_task::ToThread;
use std::{
    io::{self, IoSliceMut, Read, Seek, SeekFrom, Write},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// The most bytes that one poll moves, and that one `read` or `write` asks for.
///
/// A quarter of a mebibyte takes some 30 µs from the page cache: long enough to make the
/// call's own cost vanish, short enough not to hold up a loop.
pub(crate) const CHUNK: usize = 256 * 1024;

/// An open file's position and the job that works on it.
#[derive(Debug)]
pub(crate) struct Cursor {
    pub(crate) file: Arc<std::fs::File>,
    pub(crate) shared: Arc<Shared>,
    job: Option<ToThread<Told>>,
    /// Bytes that were read and not yet handed out, from `ahead_start` on. While there are
    /// any, the system's position is that many bytes further than ours.
    ahead: Vec<u8>,
    ahead_start: usize,
}

/// What a finished job brings back.
#[derive(Debug)]
enum Finished {
    /// Bytes read; none without an error means the end of the file.
    Read(Vec<u8>, io::Result<()>),
    /// What was to be written, how much of it was, and why not more.
    Wrote(Vec<u8>, usize, io::Result<()>),
    Sought(SeekFrom, io::Result<u64>),
    Other(&'static str, io::Result<()>),
}

impl Finished {
    /// Leaves a failure that nobody waits for to the file's next operation.
    fn record(self, shared: &Shared) {
        match self {
            Finished::Wrote(_, _, Err(error)) => shared.record(shared.error("write", error)),
            Finished::Other(name, Err(error)) => shared.record(shared.error(name, error)),
            // A failed read has changed nothing: the next one will meet the same error.
            Finished::Read(..) | Finished::Wrote(..) | Finished::Sought(..) => {}
            Finished::Other(..) => {}
        }
    }
}

/// What a job brings on its way to the file: if the file is gone, a failure is not.
#[derive(Debug)]
struct Told {
    shared: Arc<Shared>,
    /// What the job is to change, if anything: a job that never ran has failed to.
    effect: Option<&'static str>,
    finished: Option<Finished>,
}

impl Drop for Told {
    fn drop(&mut self) {
        match (self.finished.take(), self.effect) {
            (Some(finished), _) => finished.record(&self.shared),
            (None, Some(effect)) => {
                let reason = "the file was dropped before it was done";
                let reason = io::Error::new(io::ErrorKind::Interrupted, reason);
                self.shared.record(self.shared.error(effect, reason));
            }
            (None, None) => {}
        }
    }
}

impl Cursor {
    pub(crate) fn new(file: Arc<std::fs::File>, shared: Arc<Shared>) -> Self {
        Self {
            file,
            shared,
            job: None,
            ahead: Vec::new(),
            ahead_start: 0,
        }
    }

    /// Waits for the job that a dropped future has left behind, and keeps what it brought.
    pub(crate) fn poll_settle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(finished) = ready!(self.poll_job(cx)) {
            self.absorb(finished);
        }
        Poll::Ready(())
    }

    /// As [`poll_settle`](Self::poll_settle), and reports a failure that nobody has heard of.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.poll_settle(cx));
        Poll::Ready(self.shared.take_failure())
    }

    /// Reads into `buf`: from `ahead`, at once, or by a job.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<Result<usize>> {
        self.poll_read_vectored(cx, &mut [IoSliceMut::new(buf)])
    }

    /// As [`poll_read`](Self::poll_read), into several buffers, one after the other.
    pub(crate) fn poll_read_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<Result<usize>> {
        let wanted: usize = bufs.iter().map(|buf| buf.len()).sum();
        loop {
            if wanted == 0 || self.n_ahead() > 0 {
                return Poll::Ready(Ok(self.hand_out(bufs)));
            }
            match ready!(self.poll_job(cx)) {
                Some(Finished::Read(bytes, Ok(()))) if bytes.is_empty() => {
                    return Poll::Ready(Ok(0));
                }
                Some(Finished::Read(bytes, Err(error))) if bytes.is_empty() => {
                    return Poll::Ready(Err(self.shared.error("read", error)));
                }
                Some(finished) => {
                    self.absorb(finished);
                    continue;
                }
                None => self.shared.take_failure()?,
            }
            let now = self.shared.poll_now(cx, || read_now(&self.file, bufs));
            if let Some(n) = ready!(now) {
                return Poll::Ready(Ok(n));
            }
            let n = wanted.min(CHUNK);
            self.start(None, move |mut file| {
                let mut bytes = vec![0; n];
                let result = uninterrupted(|| file.read(&mut bytes));
                bytes.truncate(*result.as_ref().unwrap_or(&0));
                Finished::Read(bytes, result.map(drop))
            });
        }
    }

    /// Gives bytes back that were read before those that are read ahead.
    pub(crate) fn unread(&mut self, mut bytes: Vec<u8>) {
        bytes.extend_from_slice(&self.ahead[self.ahead_start..]);
        self.ahead = bytes;
        self.ahead_start = 0;
    }

    /// Starts reading what is left of the file; the bytes come out of `poll_read_to_end`.
    pub(crate) fn start_read_to_end(&mut self) {
        let start = std::mem::take(&mut self.ahead_start);
        let mut bytes = std::mem::take(&mut self.ahead);
        bytes.drain(..start);
        self.start(None, move |mut file| {
            let result = file.read_to_end(&mut bytes).map(drop);
            Finished::Read(bytes, result)
        });
    }

    /// Waits for the job of [`start_read_to_end`](Self::start_read_to_end).
    pub(crate) fn poll_read_to_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<u8>>> {
        match ready!(self.poll_job(cx)) {
            Some(Finished::Read(bytes, Ok(()))) => Poll::Ready(Ok(bytes)),
            Some(Finished::Read(bytes, Err(error))) => {
                self.put_back(bytes);
                Poll::Ready(Err(self.shared.error("read", error)))
            }
            _ => unreachable!("the job is a read: `&mut self` lets nobody start another"),
        }
    }

    /// Gives bytes back, to be read again.
    pub(crate) fn put_back(&mut self, bytes: Vec<u8>) {
        debug_assert_eq!(self.n_ahead(), 0, "bytes put back out of order");
        self.ahead = bytes;
        self.ahead_start = 0;
    }

    /// Starts to write `data`, all of it or as much as one call takes.
    pub(crate) fn start_write(&mut self, data: Vec<u8>, all: bool) {
        self.rewind_ahead();
        self.start(Some("write"), move |file| {
            let (n, result) = write_counted(file, &data, all);
            Finished::Wrote(data, n, result)
        });
    }

    /// Waits for the job of [`start_write`](Self::start_write): the data, how much of it was
    /// written, and why not more.
    pub(crate) fn poll_written(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<(Vec<u8>, usize, Result<()>)> {
        match ready!(self.poll_job(cx)) {
            Some(Finished::Wrote(data, n, result)) => Poll::Ready((
                data,
                n,
                result.map_err(|error| self.shared.error("write", error)),
            )),
            _ => unreachable!("the job is a write: `&mut self` lets nobody start another"),
        }
    }

    /// Writes for a caller that comes back with the same data until it is answered.
    ///
    /// A job in flight is taken for the caller's own when its data begins what the caller
    /// brings: that is the same request polled again.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<Result<usize>> {
        loop {
            match ready!(self.poll_job(cx)) {
                Some(Finished::Wrote(asked, n, result)) if data.starts_with(&asked) => {
                    let result = result.map_err(|error| self.shared.error("write", error));
                    return Poll::Ready(result.map(|()| n));
                }
                Some(finished) => self.absorb(finished),
                None => {
                    self.shared.take_failure()?;
                    if data.is_empty() {
                        return Poll::Ready(Ok(0));
                    }
                    self.start_write(data[..data.len().min(CHUNK)].to_vec(), false);
                }
            }
        }
    }

    /// Moves the position, counted from where the caller is, not from what was read ahead.
    pub(crate) fn poll_seek(&mut self, cx: &mut Context<'_>, to: SeekFrom) -> Poll<Result<u64>> {
        loop {
            match ready!(self.poll_job(cx)) {
                Some(Finished::Sought(sought, result)) if sought == to => {
                    return Poll::Ready(result.map_err(|e| self.shared.error("seek", e)));
                }
                Some(finished) => self.absorb(finished),
                None => {
                    self.shared.take_failure()?;
                    self.rewind_ahead();
                    // Only the end of a file has to be asked for; the rest is arithmetic on
                    // the open file and cannot wait for a disk.
                    if !matches!(to, SeekFrom::End(_)) {
                        let result = (&*self.file).seek(to);
                        return Poll::Ready(result.map_err(|e| self.shared.error("seek", e)));
                    }
                    self.start(None, move |mut file| Finished::Sought(to, file.seek(to)));
                }
            }
        }
    }

    /// Starts an effect that does not move the position but must not overtake what does.
    pub(crate) fn start_other(
        &mut self,
        name: &'static str,
        job: impl FnOnce(&std::fs::File) -> io::Result<()> + Send + 'static,
    ) {
        self.start(Some(name), move |file| Finished::Other(name, job(file)));
    }

    /// Waits for the job of [`start_other`](Self::start_other).
    pub(crate) fn poll_other(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        match ready!(self.poll_job(cx)) {
            Some(Finished::Other(name, result)) => {
                Poll::Ready(result.map_err(|error| self.shared.error(name, error)))
            }
            _ => unreachable!("the job is this one: `&mut self` lets nobody start another"),
        }
    }

    fn start(
        &mut self,
        effect: Option<&'static str>,
        job: impl FnOnce(&std::fs::File) -> Finished + Send + 'static,
    ) {
        debug_assert!(self.job.is_none(), "two jobs on one position");
        let held = Held::new(&self.file, &self.shared);
        let mut told = Told {
            shared: Arc::clone(&self.shared),
            effect,
            finished: None,
        };
        self.job = Some(aioli_task::to_thread(move || {
            told.finished = Some(job(held.file()));
            told
        }));
    }

    fn poll_job(&mut self, cx: &mut Context<'_>) -> Poll<Option<Finished>> {
        let Some(job) = &mut self.job else {
            return Poll::Ready(None);
        };
        let mut told = ready!(Pin::new(job).poll(cx));
        self.job = None;
        told.effect = None;
        Poll::Ready(told.finished.take())
    }

    /// Takes over what a job brought that nobody waits for any more.
    fn absorb(&mut self, finished: Finished) {
        match finished {
            Finished::Read(bytes, _) => self.put_back(bytes),
            effect => effect.record(&self.shared),
        }
    }

    fn n_ahead(&self) -> usize {
        self.ahead.len() - self.ahead_start
    }

    fn hand_out(&mut self, bufs: &mut [IoSliceMut<'_>]) -> usize {
        let mut ahead = &self.ahead[self.ahead_start..];
        let n = ahead.read_vectored(bufs).expect("memory can be read");
        self.ahead_start += n;
        if self.n_ahead() == 0 {
            self.ahead = Vec::new();
            self.ahead_start = 0;
        }
        n
    }

    /// Puts the system's position back to ours. What cannot seek has no position: a pipe's
    /// bytes stay ahead, and its writes go the other way.
    pub(crate) fn rewind_ahead(&mut self) {
        let n = i64::try_from(self.n_ahead()).expect("a buffer is smaller than 2^63 bytes");
        if n > 0 && (&*self.file).seek(SeekFrom::Current(-n)).is_ok() {
            self.ahead = Vec::new();
            self.ahead_start = 0;
        }
    }
}

/// Reads a chunk at most on the spot.
fn read_now(file: &std::fs::File, bufs: &mut [IoSliceMut<'_>]) -> Now {
    let n_empty = bufs.iter().take_while(|buf| buf.is_empty()).count();
    let bufs = &mut bufs[n_empty..];
    let mut n = 0;
    let fits = bufs.iter().take_while(|buf| {
        n += buf.len();
        n <= CHUNK
    });
    let n_fit = fits.count();
    match bufs.split_at_mut(n_fit) {
        ([], [large, ..]) => os::read_now(file, &mut [IoSliceMut::new(&mut large[..CHUNK])]),
        (fit, _) => os::read_now(file, fit),
    }
}

/// Writes all of `data`, or as much as one call takes; tells how much, and why not more.
fn write_counted(mut file: &std::fs::File, data: &[u8], all: bool) -> (usize, io::Result<()>) {
    let mut n = 0;
    while n < data.len() {
        match uninterrupted(|| file.write(&data[n..])) {
            Ok(0) => return (n, Err(io::ErrorKind::WriteZero.into())),
            Ok(more) => n += more,
            Err(error) => return (n, Err(error)),
        }
        if !all {
            break;
        }
    }
    (n, Ok(()))
}

/// Repeats a call that a signal has interrupted before it did anything.
pub(super) fn uninterrupted(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
