//! Small files that are written whole, many at a time, into one folder.
//!
//! The kernel makes one name at a time in a folder. Threads that make names side by side wait for each
//! other with their cores busy, and a file costs half as much again as on one thread. So the files of
//! a folder are opened by one job, its *opener*, in groups; what goes into the files of a group, and
//! closing them, is another job, which runs while the next group is opened. The awaiters of a group are
//! woken together, which saves the loop from being woken for each of them.
//!
//! # States
//!
//! A folder has a *line* while its opener is in the pool:
//!
//! * no line: the first request makes it, with itself in it, and the opener;
//! * a line: requests queue up in it, and the opener takes them out, group by group;
//! * the opener finds the line empty: the line is gone, and so is the opener.
//!
//! A request in a line can be dropped, and does nothing then; one that was taken out is carried out.
//!
//! # When a call blocks
//!
//! That may be a slow disk or a network. Nothing waits for it but what was in the line already: when a
//! group took long, the rest of the line goes to the pool, each file as a job of its own, and so do the
//! next files of all folders; and a request that finds the opener stuck takes the line with itself to
//! the pool. Files are opened without waiting for the other side of a pipe or for who holds a lease:
//! these, too, are jobs of their own.

use super::{
    Name,
    whole::{WHOLE_MAX, parent_and_name, wait_again},
};
use crate::{
    error::Result,
    file::write_counted,
    os,
    whole::{write_and_close, write_error},
};
use aioli_sync::oneshot;
use aioli_task::driver::{Hold, Home, run_detached};
use std::{
    collections::{BTreeMap, VecDeque},
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The most files of a group: what the first of them waits for the last is some 200 µs.
const GROUP_MAX: usize = 16;

/// Which part of a line is a group, so that as many are at work as there are steps.
const GROUP_PART: usize = 2;

/// From how many files on a group is written by another job than its opener: below, to wake a thread
/// takes longer than to write.
const HAND_OVER: usize = 4;

/// The most groups that other jobs than their openers may be writing, so that no more files are open at
/// a time than this bounds.
const HANDED_OVER_MAX: usize = 4;

/// How many files an opener opens before it queues up again behind what else the pool has to do.
const TURN: usize = 256;

/// From which time for one file on its folder is a slow one.
const SLOW: Duration = Duration::from_millis(1);

/// From which time for a group on its opener is stuck.
const STUCK: Duration = Duration::from_millis(20);

/// How many files go to the pool one by one after a slow one.
const ALONE: usize = 256;

static LINES: Mutex<Lines> = Mutex::new(Lines {
    of: BTreeMap::new(),
    n_alone: 0,
    n_handed_over: 0,
});

struct Lines {
    /// By the folder's path, as it was given.
    of: BTreeMap<Vec<u8>, Line>,
    /// How many more files go to the pool one by one.
    n_alone: usize,
    /// How many groups are being written, or wait for it, by other jobs than their openers.
    n_handed_over: usize,
}

/// The line of a folder's requests.
struct Line {
    waiting: VecDeque<Request>,
    /// When the group was taken out whose files are being opened.
    since: Instant,
}

fn lines() -> MutexGuard<'static, Lines> {
    // Nothing that can panic runs under the lock, so its data is whole even then.
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file that is to be written.
struct Request {
    name: Name,
    data: Vec<u8>,
    answer: oneshot::Sender<Result<()>>,
    /// The loop of who waits.
    hold: Option<Hold>,
}

/// What a file can be written in: the files that go into one folder.
pub(crate) struct Burst {
    /// The folder's path, as it was given.
    folder: Vec<u8>,
}

impl Burst {
    /// `None`: a file that is no small one.
    pub(crate) fn of(name: &Name, data: &[u8]) -> Option<Self> {
        if data.len() > WHOLE_MAX {
            return None;
        }
        let path = name.as_path().as_os_str().as_encoded_bytes();
        let folder = parent_and_name(path)?.0.to_vec();
        Some(Self { folder })
    }

    /// Has a whole file written together with others of its folder.
    pub(crate) fn write(
        self,
        name: Name,
        data: Vec<u8>,
    ) -> impl Future<Output = Result<()>> + Send + 'static {
        let (answer, answered) = oneshot::channel();
        let hold = Home::try_current().map(|home| home.hold());
        self.add(Request {
            name,
            data,
            answer,
            hold,
        });
        async { answered.await.expect("whoever takes a request answers it") }
    }

    fn add(self, request: Request) {
        let mut lines = lines();
        let to = lines.add(&self.folder, request, Instant::now());
        drop(lines);
        match to {
            To::Line => {}
            To::Opener => run_detached(|| open_in_turn(self.folder)),
            To::Pool(requests) => disperse(requests),
        }
    }
}

/// Where a request goes.
enum To {
    Line,
    /// The new line, whose opener there is not yet.
    Opener,
    /// The pool, with those that have been waiting.
    Pool(VecDeque<Request>),
}

impl Lines {
    fn add(&mut self, folder: &[u8], request: Request, now: Instant) -> To {
        if self.n_alone > 0 {
            self.n_alone -= 1;
            return To::Pool(VecDeque::from([request]));
        }
        match self.of.get_mut(folder) {
            None => {
                let line = Line {
                    waiting: VecDeque::from([request]),
                    since: now,
                };
                self.of.insert(folder.to_vec(), line);
                To::Opener
            }
            Some(line) if now.duration_since(line.since) >= STUCK => {
                let mut all = std::mem::take(&mut line.waiting);
                all.push_back(request);
                To::Pool(all)
            }
            Some(line) => {
                line.waiting.push_back(request);
                To::Line
            }
        }
    }

    /// The next ones of a folder; `None`: there are none, and the line has ended.
    fn take_group(&mut self, folder: &[u8], now: Instant) -> Option<Vec<Request>> {
        let line = self.of.get_mut(folder)?;
        let n = line.waiting.len().div_ceil(GROUP_PART).min(GROUP_MAX);
        if n == 0 {
            self.of.remove(folder);
            return None;
        }
        line.since = now;
        Some(line.waiting.drain(..n).collect())
    }

    /// Takes out all of a folder, for it is a slow one.
    fn give_up(&mut self, folder: &[u8]) -> VecDeque<Request> {
        self.n_alone = ALONE;
        let line = self.of.get_mut(folder);
        line.map(|line| std::mem::take(&mut line.waiting))
            .unwrap_or_default()
    }
}

/// Opens the files of a folder until no more wait, or its turn is over.
fn open_in_turn(folder: Vec<u8>) {
    let mut left = TURN;
    while left > 0 {
        let begin = Instant::now();
        let Some(group) = lines().take_group(&folder, begin) else {
            return;
        };
        let n = group.len();
        left = left.saturating_sub(n);
        let opened: Vec<_> = group.into_iter().filter_map(Request::open).collect();
        match HandedOver::new(opened.len()) {
            Some(handed_over) => run_detached(|| {
                let _handed_over = handed_over;
                write_group(opened);
            }),
            None => write_group(opened),
        }
        let length = begin.elapsed();
        if length >= SLOW * u32::try_from(n).unwrap_or(u32::MAX) {
            let waiting = lines().give_up(&folder);
            disperse(waiting);
        }
    }
    run_detached(|| open_in_turn(folder));
}

/// One of the groups that are counted as handed over.
struct HandedOver;

impl HandedOver {
    /// `None`: a group of `n` files is better written by its opener.
    fn new(n: usize) -> Option<Self> {
        let mut lines = lines();
        if n < HAND_OVER || lines.n_handed_over == HANDED_OVER_MAX {
            return None;
        }
        lines.n_handed_over += 1;
        Some(Self)
    }
}

impl Drop for HandedOver {
    fn drop(&mut self) {
        lines().n_handed_over -= 1;
    }
}

/// Gives each file to the pool as a job of its own.
fn disperse(requests: VecDeque<Request>) {
    for request in requests {
        run_detached(|| request.write_alone());
    }
}

impl Request {
    /// Opens the file, if that is still wanted and needs no waiting for anybody else.
    fn open(self) -> Option<Opened> {
        if self.answer.is_closed() {
            return None;
        }
        let opened = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(self.name.as_path());
        match opened {
            Ok(file) => {
                let request = self;
                return Some(Opened { request, file });
            }
            // A pipe that nobody reads, a file under a lease; or an error that comes again.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENXIO | libc::EWOULDBLOCK)) => {
                disperse(VecDeque::from([self]));
            }
            Err(error) => self.answer(Err(error)),
        }
        None
    }

    /// Writes the file from its opening to its closing, however long it takes.
    fn write_alone(self) {
        if self.answer.is_closed() {
            return;
        }
        let result = write_and_close(self.name.as_path(), &self.data);
        self.answer(result);
    }

    fn answer(self, result: io::Result<()>) {
        let path = self.name.as_path();
        let result = result.map_err(|source| write_error(path, source));
        // Nobody may wait any more.
        let _ = self.answer.send(result);
        // After the wake: a virtual clock must not jump before the awaiter is ready.
        drop(self.hold);
    }
}

/// A file that was opened without waiting, and what is to be written to it.
struct Opened {
    request: Request,
    file: File,
}

/// What came of writing to it.
enum Written {
    Done(Request, io::Result<()>),
    /// It has taken as many bytes, and would keep the thread waiting for the rest.
    Blocks(Opened, usize),
}

/// Writes to the files of a group and closes them, and then tells whoever waits.
fn write_group(group: Vec<Opened>) {
    let mut done = Vec::with_capacity(group.len());
    let mut begin = Instant::now();
    for opened in group {
        match opened.write() {
            Written::Done(request, result) => done.push((request, result)),
            Written::Blocks(opened, written) => run_detached(move || opened.write_rest(written)),
        }
        if begin.elapsed() >= SLOW {
            tell(done.drain(..));
            begin = Instant::now();
        }
    }
    tell(done);
}

fn tell(done: impl IntoIterator<Item = (Request, io::Result<()>)>) {
    for (request, result) in done {
        request.answer(result);
    }
}

impl Opened {
    fn write(self) -> Written {
        match write_counted(&self.file, &self.request.data, true) {
            (written, Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                Written::Blocks(self, written)
            }
            (_, result) => Written::Done(self.request, result.and_then(|()| os::close(self.file))),
        }
    }

    /// Writes what is left, waiting for who takes it.
    fn write_rest(self, written: usize) {
        let Self { request, mut file } = self;
        let result = wait_again(&file)
            .and_then(|()| file.write_all(&request.data[written..]))
            .and_then(|()| os::close(file));
        request.answer(result);
    }
}

#[cfg(test)]
mod tests;
