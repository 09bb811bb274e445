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

use super::shared::{Held, Shared, Way};
use crate::{
    error::Result,
    os::{self, Now},
    part::Part,
    ring,
};
use aioli_reactor::Operations;
use aioli_task::ToThread;
use std::{
    fmt,
    io::{self, IoSliceMut, Read, Seek, SeekFrom, Write},
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// The most bytes that one poll moves, and that one `read` or `write` asks for.
///
/// A quarter of a mebibyte takes some 30 µs from the page cache: long enough to make the
/// call's own cost vanish, short enough not to hold up a loop.
pub(crate) const CHUNK: usize = 256 * 1024;

/// The most bytes that are read on the spot in one poll. It is more, as each call costs the kernel
/// half a microsecond where it copies from the cache for twenty.
pub(crate) const CHUNK_NOW: usize = 2 * CHUNK;

/// An open file's position and the job that works on it.
#[derive(Debug)]
pub(crate) struct Cursor {
    pub(crate) file: Arc<std::fs::File>,
    pub(crate) shared: Arc<Shared>,
    job: Option<Job>,
    /// Bytes that were read and not yet handed out, from `ahead_start` on. While there are
    /// any, the system's position is that many bytes further than ours.
    ahead: Vec<u8>,
    ahead_start: usize,
}

/// Where a job is done.
enum Job {
    Thread(ToThread<Told>),
    /// It goes to a thread by itself if the ring does not do it. If it is dropped, a read is given
    /// up, and an effect is carried out.
    Ring(AssertUnwindSafe<Pin<Box<dyn Future<Output = Told> + Send + Sync>>>),
}

impl Job {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Told> {
        match self {
            Job::Thread(job) => Pin::new(job).poll(cx),
            Job::Ring(AssertUnwindSafe(job)) => job.as_mut().poll(cx),
        }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Job::Thread(_) => "Thread",
            Job::Ring(_) => "Ring",
        })
    }
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
        if self.job.is_some()
            && let Some(finished) = ready!(self.poll_job(cx))
        {
            self.absorb(finished);
        }
        Poll::Ready(())
    }

    /// As [`poll_settle`](Self::poll_settle), and reports a failure that nobody has heard of.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.poll_settle(cx));
        Poll::Ready(self.shared.take_failure())
    }

    /// Whether nothing is in flight, so that there is nothing to settle.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.job.is_none()
    }

    /// Reads into `buf`: from `ahead`, at once, or by a job.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<Result<usize>> {
        // What nearly every read of a cached file is, and as little as it can be: the system's own
        // part takes no more than a few microseconds.
        if self.is_at_rest() && self.n_ahead() == 0 && !buf.is_empty() {
            self.shared.take_failure()?;
            let wanted = buf.len();
            let first = &mut buf[..wanted.min(CHUNK_NOW)];
            let read = |file: &_| os::read_now(file, &mut [IoSliceMut::new(first)]);
            if let Some(n) = ready!(self.poll_read_now(cx, wanted, read)) {
                return Poll::Ready(Ok(n));
            }
        }
        self.poll_read_vectored(cx, &mut [IoSliceMut::new(buf)])
    }

    /// Does `read` if it needs no waiting, else starts a job.
    fn poll_read_now(
        &mut self,
        cx: &mut Context<'_>,
        wanted: usize,
        read: impl FnOnce(&std::fs::File) -> Now,
    ) -> Poll<Option<usize>> {
        let way = ready!(self.shared.poll_now(cx, &self.file, || read(&self.file)));
        if let Way::Done(n) = way {
            return Poll::Ready(Some(n));
        }
        self.start_read(wanted.min(CHUNK), way);
        Poll::Ready(None)
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
            if let Some(n) = ready!(self.poll_read_now(cx, wanted, |file| read_now(file, bufs))) {
                return Poll::Ready(Ok(n));
            }
        }
    }

    fn start_read(&mut self, n: usize, way: Way) {
        let is_direct = self.shared.is_direct(&self.file);
        let by_thread = move |file: &std::fs::File| read(file, Part::new(n, is_direct));
        let ring = match way {
            Way::Ring => ring::operations(),
            Way::Thread | Way::Done(_) => None,
        };
        let Some(ring) = ring else {
            return self.start(None, by_thread);
        };
        let held = Held::new(&self.file, &self.shared);
        let (file, shared) = (Arc::clone(&self.file), Arc::clone(&self.shared));
        // The ring does not move the position of a file in all cases, so it is never told to.
        let position = (&*self.file).stream_position().ok();
        self.start_in_ring(async move {
            let part = Part::new(n, is_direct);
            let offset = position.unwrap_or(ring::NO_OFFSET);
            let (Ok(n), part) = ring::read(&ring, held, part, offset).await else {
                return on_thread(&file, &shared, None, by_thread).await;
            };
            let moved = position.map(|at| (&*file).seek(SeekFrom::Start(at + n as u64)));
            let result = moved.transpose().map(drop);
            Told {
                shared,
                effect: None,
                finished: Some(Finished::Read(part.into_first(n), result)),
            }
        });
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

    /// Starts to bring the file to the disk; [`poll_other`](Self::poll_other) is the other half.
    pub(crate) fn start_sync(&mut self, data_only: bool) {
        let by_thread = move |file: &std::fs::File| match data_only {
            true => file.sync_data(),
            false => file.sync_all(),
        };
        match ring::operations() {
            Some(ring) => self.start_sync_in_ring(&ring, data_only, by_thread),
            None => self.start_other("sync", by_thread),
        }
    }

    fn start_sync_in_ring(
        &mut self,
        ring: &Operations,
        data_only: bool,
        by_thread: impl FnOnce(&std::fs::File) -> io::Result<()> + Send + Sync + 'static,
    ) {
        let held = Arc::new(Held::new(&self.file, &self.shared));
        let heir = Arc::clone(&held);
        let sync = ring.sync(held, data_only).detach_on_drop(move |result| {
            Finished::Other("sync", result).record(heir.shared());
        });
        let (file, shared) = (Arc::clone(&self.file), Arc::clone(&self.shared));
        self.start_in_ring(async move {
            let result = match sync.await {
                // What a device says about lost writes it says once, so only a refusal is no answer.
                Err(error) if ring::has_refused(&error) => {
                    let by_thread = |file: &_| Finished::Other("sync", by_thread(file));
                    return on_thread(&file, &shared, Some("sync"), by_thread).await;
                }
                result => result,
            };
            Told {
                shared,
                effect: None,
                finished: Some(Finished::Other("sync", result)),
            }
        });
    }

    fn start_in_ring(&mut self, job: impl Future<Output = Told> + Send + Sync + 'static) {
        debug_assert!(self.job.is_none(), "two jobs on one position");
        self.job = Some(Job::Ring(AssertUnwindSafe(Box::pin(job))));
    }

    fn start(
        &mut self,
        effect: Option<&'static str>,
        job: impl FnOnce(&std::fs::File) -> Finished + Send + 'static,
    ) {
        debug_assert!(self.job.is_none(), "two jobs on one position");
        self.job = Some(Job::Thread(on_thread(
            &self.file,
            &self.shared,
            effect,
            job,
        )));
    }

    fn poll_job(&mut self, cx: &mut Context<'_>) -> Poll<Option<Finished>> {
        let Some(job) = &mut self.job else {
            return Poll::Ready(None);
        };
        let mut told = ready!(job.poll(cx));
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

fn on_thread(
    file: &Arc<std::fs::File>,
    shared: &Arc<Shared>,
    effect: Option<&'static str>,
    job: impl FnOnce(&std::fs::File) -> Finished + Send + 'static,
) -> ToThread<Told> {
    let held = Held::new(file, shared);
    let mut told = Told {
        shared: Arc::clone(shared),
        effect,
        finished: None,
    };
    aioli_task::to_thread(move || {
        told.finished = Some(job(held.file()));
        told
    })
}

fn read(mut file: &std::fs::File, mut part: Part) -> Finished {
    let result = uninterrupted(|| file.read(part.bytes_mut()));
    let bytes = part.into_first(*result.as_ref().unwrap_or(&0));
    Finished::Read(bytes, result.map(drop))
}

/// Reads a chunk at most on the spot.
fn read_now(file: &std::fs::File, bufs: &mut [IoSliceMut<'_>]) -> Now {
    let n_empty = bufs.iter().take_while(|buf| buf.is_empty()).count();
    let bufs = &mut bufs[n_empty..];
    let mut n = 0;
    let fits = bufs.iter().take_while(|buf| {
        n += buf.len();
        n <= CHUNK_NOW
    });
    let n_fit = fits.count();
    match bufs.split_at_mut(n_fit) {
        ([], [large, ..]) => os::read_now(file, &mut [IoSliceMut::new(&mut large[..CHUNK_NOW])]),
        (fit, _) => os::read_now(file, fit),
    }
}

/// Writes all of `data`, or as much as one call takes; tells how much, and why not more.
pub(crate) fn write_counted(
    mut file: &std::fs::File,
    data: &[u8],
    all: bool,
) -> (usize, io::Result<()>) {
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
