//! The io_uring driver: what is watched, what other threads ask for, and the sleep of the loop.
//!
//! # A source
//!
//! ```text
//!            register            the next wait                 an end without `more`
//! (unknown) ─────────▶ Queued ───────────────────▶ Watched ─────────────────────────▶ Ended
//!                        ▲                                                              │
//!                        └────────────────────────── arm ───────────────────────────────┘
//! ```
//!
//! A poll ends by itself when completions did not fit, or when the file cannot tell of changes
//! (`/dev/null`). It is made again when somebody waits the next time, and not before: for the
//! second kind that would go on for ever. A new poll reports what is there, so nothing is missed.
//!
//! # The end of a registration
//!
//! A poll holds its file open: a socket whose descriptor is closed meanwhile would send no end
//! of stream, and keep its port. So `deregister` returns when the kernel has let the file go:
//!
//! - on the home thread the cancellation is handed over at once, by one system call;
//! - on another thread it is queued, the home thread is woken, and is waited for. It may be
//!   long in coming back, or blocked on the very thread that waits. So the waiting ends after
//!   [`HANDOVER_MAX`], and when that has happened there is none until the home thread has been
//!   here again. The file is then let go when it comes.
//! - a source that is still `Queued` is forgotten, and nobody has to be told.
//!
//! # Sleeping
//!
//! Under `sleep`, a notification writes the eventfd only when the home thread is asleep or
//! about to be. Every request of another thread is queued before its notification, and `wait`
//! looks at the queue after it has taken the notification or has not slept: none is left behind.
//!
//! # Beside another driver
//!
//! A ring may do without its own wait (`crate::beside`): `before_wait` and `after_wait` stand around
//! that of the other driver. It then has operations and no sources.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::task::Waker;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use super::raw::{self, Completion, Ring};
use crate::contract::EVENTS_MAX;
use crate::driver::Event;
use crate::ended::LoopEnded;
use crate::operation::{Finished, OperationStats, Slot, Work};
use crate::os::RawSource;
use crate::os::linux::{Notifier, ready};
use crate::ready::Ready;

#[cfg(test)]
mod tests;

/// What every source is watched for: both directions and the peer's half-close.
const WATCHED: u32 = (libc::POLLIN | libc::POLLPRI | libc::POLLOUT | libc::POLLRDHUP) as u32;
/// Longest wait of another thread for the home thread to let a file go.
const HANDOVER_MAX: Duration = Duration::from_millis(20);

/// Longest wait of a loop that ends for operations that do not.
const CLOSE_MAX: Duration = Duration::from_secs(5);

/// Values of `sleep`.
const AWAKE: u8 = 0;
const ASLEEP: u8 = 1;
const NOTIFIED: u8 = 2;

/// One ring with its eventfd.
#[derive(Debug)]
pub(crate) struct Driver {
    /// Locked by the home thread alone.
    ring: Mutex<Ring>,
    /// The thread that waits, from its first wait on.
    home: OnceLock<ThreadId>,
    /// Its own, or that of the driver that this ring stands beside.
    notifier: Arc<Notifier>,
    is_beside: bool,
    sleep: AtomicU8,
    shared: Mutex<Shared>,
    /// Whether `shared` holds something to carry out.
    is_asked: AtomicBool,
    /// Whether a poll has ever ended by itself: else arming need not look.
    has_ended: AtomicBool,
    /// A cancellation of another thread has been carried out.
    carried_out: Condvar,
    /// How many operations the kernel has, and had at most. Written by the home thread alone.
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

/// What the home thread and the others share.
#[derive(Debug, Default)]
struct Shared {
    sources: HashMap<usize, Entry>,
    /// Tokens of sources to poll. Those that are not `Queued` any more are passed over.
    polls: Vec<usize>,
    /// Tokens of polls and keys of operations to end.
    cancellations: Vec<u64>,
    /// Operations to hand over.
    operations: VecDeque<Arc<Slot>>,
    /// How many cancellations were ever asked for, and carried out, on behalf of other threads.
    asked: u64,
    done: u64,
    /// Somebody has waited for the home thread in vain.
    is_stalled: bool,
    is_closed: bool,
}

#[derive(Debug)]
struct Entry {
    raw: RawFd,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Queued,
    Watched,
    Ended,
}

impl Driver {
    pub(crate) fn new() -> io::Result<Driver> {
        Driver::with(Ring::new()?, None)
    }

    /// A ring that waits for nobody: another driver does, whose notifier is told of completions.
    pub(crate) fn beside(notifier: Arc<Notifier>) -> io::Result<Driver> {
        Driver::telling(Ring::new()?, notifier)
    }

    fn telling(ring: Ring, notifier: Arc<Notifier>) -> io::Result<Driver> {
        ring.tell(&notifier)?;
        Driver::with(ring, Some(notifier))
    }

    /// A driver as each kernel would have it that this one can play.
    #[cfg(test)]
    pub(crate) fn each() -> Vec<io::Result<Driver>> {
        Ring::each().map(|ring| Driver::with(ring?, None)).collect()
    }

    /// As [`each`](Driver::each), beside another driver.
    #[cfg(test)]
    pub(crate) fn each_beside(notifier: &Arc<Notifier>) -> Vec<io::Result<Driver>> {
        let beside = |ring: io::Result<Ring>| Driver::telling(ring?, notifier.clone());
        Ring::each().map(beside).collect()
    }

    fn with(ring: Ring, told: Option<Arc<Notifier>>) -> io::Result<Driver> {
        let is_beside = told.is_some();
        let notifier = match told {
            Some(notifier) => notifier,
            None => Arc::new(Notifier::new()?),
        };
        Ok(Driver {
            ring: Mutex::new(ring),
            home: OnceLock::new(),
            notifier,
            is_beside,
            sleep: AtomicU8::new(AWAKE),
            shared: Mutex::default(),
            is_asked: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            carried_out: Condvar::new(),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
        })
    }

    pub(crate) fn register(&self, source: RawSource, token: usize) -> io::Result<()> {
        raw::check_pollable(source)?;
        self.register_pollable(source, token)
    }

    /// Without the look whether it can be polled, which a ring does to whatever it is given.
    pub(crate) fn register_pollable(&self, source: RawSource, token: usize) -> io::Result<()> {
        let mut shared = crate::lock(&self.shared);
        let entry = Entry {
            raw: source,
            state: State::Queued,
        };
        shared.sources.insert(token, entry);
        shared.polls.push(token);
        drop(shared);
        self.ask().inspect_err(|_| {
            // Nobody will, as nobody gets a registration. It may have been polled meanwhile.
            let _also_fails = self.deregister(source, token);
        })
    }

    /// Whether some poll has ended by itself, and may have to be made again.
    pub(crate) fn needs_arming(&self) -> bool {
        // Who waits after the report of such an end has taken the source's lock after it.
        self.has_ended.load(Ordering::Relaxed)
    }

    /// Nothing to do, but for a poll that has ended by itself.
    pub(crate) fn arm(&self, _source: RawSource, token: usize, _: Ready) -> io::Result<()> {
        let mut shared = crate::lock(&self.shared);
        let Some(entry) = shared.sources.get_mut(&token) else {
            return Ok(());
        };
        if entry.state != State::Ended {
            return Ok(());
        }
        entry.state = State::Queued;
        shared.polls.push(token);
        drop(shared);
        self.ask()
    }

    pub(crate) fn deregister(&self, _source: RawSource, token: usize) -> io::Result<()> {
        let mut shared = crate::lock(&self.shared);
        if shared.is_closed {
            return Ok(()); // every poll has been ended
        }
        let Some(entry) = shared.sources.remove(&token) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        if entry.state != State::Watched {
            return Ok(());
        }
        if self.is_home() {
            drop(shared);
            let mut ring = crate::lock(&self.ring);
            ring.cancel(token as u64)?;
            return ring.settle();
        }
        shared.cancellations.push(token as u64);
        shared.asked += 1;
        let turn = shared.asked;
        if shared.is_stalled {
            drop(shared);
            return self.ask();
        }
        // The notification under the lock is short: an atomic operation, at most a write.
        self.ask()?;
        let is_pending = |shared: &mut Shared| shared.done < turn && !shared.is_stalled;
        let (mut shared, waited) = self
            .carried_out
            .wait_timeout_while(shared, HANDOVER_MAX, is_pending)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            shared.is_stalled = true;
        }
        Ok(())
    }

    /// Waits, and also takes whose operation has ended, for the caller to wake with no lock held: a
    /// waker may poll inline, and come back to this driver.
    pub(crate) fn turn(
        &self,
        timeout: Option<Duration>,
        events: &mut Vec<Event>,
        woken: &mut Vec<Waker>,
    ) -> io::Result<()> {
        let mut ring = crate::lock(&self.ring);
        if self.home.get().is_none() {
            self.begin(&mut ring)?;
        }
        self.carry_out(&mut ring)?;
        let may_sleep = timeout != Some(Duration::ZERO) && ring.is_quiet();
        // ORDERING: acquire and release pair with `notify`: what was queued before it is seen
        // by the second `carry_out`.
        let slept = may_sleep
            && self
                .sleep
                .compare_exchange(AWAKE, ASLEEP, Ordering::AcqRel, Ordering::Acquire)
                .is_ok();
        let waited = if slept {
            ring.wait(timeout)
        } else if ring.is_pending() {
            ring.enter()
        } else {
            Ok(())
        };
        if self.sleep.load(Ordering::Relaxed) != AWAKE {
            self.sleep.swap(AWAKE, Ordering::AcqRel);
        }
        waited?;
        self.collect(&mut ring, events, woken)?;
        self.carry_out(&mut ring)
    }

    /// Hands over what was asked for, before another driver waits. Whether that one may sleep.
    pub(crate) fn before_wait(&self) -> io::Result<bool> {
        if !self.is_busy() {
            return Ok(true); // who asks from here on writes to the notifier
        }
        let mut ring = crate::lock(&self.ring);
        if self.home.get().is_none() {
            self.begin(&mut ring)?;
        }
        self.carry_out(&mut ring)?;
        if ring.is_pending() {
            ring.enter()?;
        }
        // What the kernel did not take for want of memory nobody would hand over in a sleep.
        Ok(ring.is_quiet() && !ring.is_pending())
    }

    /// Takes what has ended while another driver waited, and whom to wake, as [`turn`](Self::turn).
    pub(crate) fn after_wait(&self, woken: &mut Vec<Waker>) -> io::Result<()> {
        if self.in_flight.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        let mut ring = crate::lock(&self.ring);
        let entered = if ring.is_pending() {
            ring.enter()
        } else {
            Ok(())
        };
        let collected = self.collect(&mut ring, &mut Vec::new(), woken);
        entered.and(collected)
    }

    /// Whether a ring beside another driver has something to do.
    fn is_busy(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) > 0 || self.is_asked.load(Ordering::Acquire)
    }

    pub(crate) fn stats(&self) -> OperationStats {
        OperationStats {
            in_flight: self.in_flight.load(Ordering::Relaxed),
            most_in_flight: self.most_in_flight.load(Ordering::Relaxed),
        }
    }

    fn count(&self, ring: &Ring) {
        let count = ring.in_flight();
        self.in_flight.store(count, Ordering::Relaxed);
        if count > self.most_in_flight.load(Ordering::Relaxed) {
            self.most_in_flight.store(count, Ordering::Relaxed);
        }
    }

    pub(crate) fn notify(&self) -> io::Result<()> {
        // ORDERING: release pairs with the acquire in `wait`.
        if self.sleep.swap(NOTIFIED, Ordering::AcqRel) != ASLEEP {
            return Ok(()); // the next wait sees it in memory
        }
        self.notifier.notify()
    }

    /// Queues an operation.
    pub(crate) fn start(&self, slot: Arc<Slot>) {
        let mut shared = crate::lock(&self.shared);
        if shared.is_closed {
            drop(shared);
            let woken = slot.refuse(LoopEnded.into());
            woken.into_iter().for_each(Waker::wake);
            return;
        }
        shared.operations.push_back(slot);
        drop(shared);
        self.ask_quietly();
    }

    /// Asks for the end of an operation, whose completion says when that is.
    pub(crate) fn cancel(&self, key: u64) {
        let mut shared = crate::lock(&self.shared);
        if !shared.is_closed {
            shared.cancellations.push(key);
            drop(shared);
            self.ask_quietly();
        }
    }

    fn ask_quietly(&self) {
        if let Err(error) = self.ask() {
            tracing::error!(%error, "waking the loop failed");
        }
    }

    /// Ends every poll, so that no file is held any more, and every operation. Dropping the ring
    /// alone would do so some time later.
    pub(crate) fn close(&self, woken: &mut Vec<Waker>) {
        let mut shared = crate::lock(&self.shared);
        shared.is_closed = true;
        let sources = std::mem::take(&mut shared.sources);
        let operations = std::mem::take(&mut shared.operations);
        shared.polls.clear();
        drop(shared);
        let refused = |slot: Arc<Slot>| slot.refuse(LoopEnded.into());
        woken.extend(operations.into_iter().filter_map(refused));
        if self.is_home() {
            let watched = sources.iter().filter(|(_, e)| e.state == State::Watched);
            let tokens = watched.map(|(&token, _)| token as u64);
            if let Err(error) = self.end(tokens, woken) {
                tracing::debug!(%error, "ending what a ring does failed");
            }
        }
        let ring = crate::lock(&self.ring);
        self.count(&ring);
        // What the kernel keeps stays with the ring, but nobody waits for it in vain.
        for slot in ring.left() {
            let result = Err(LoopEnded.into());
            let work = Work::Close { file: None };
            woken.extend(slot.completed(Finished { result, work }));
        }
    }

    /// Ends the polls and all operations, and waits for these: they end at once or, what the
    /// kernel does not interrupt, when it is done.
    fn end(&self, polls: impl Iterator<Item = u64>, woken: &mut Vec<Waker>) -> io::Result<()> {
        let mut ring = crate::lock(&self.ring);
        let operations = ring.keys();
        for token in polls.chain([Notifier::TOKEN]).chain(operations) {
            ring.cancel(token)?;
        }
        self.carry_out(&mut ring)?;
        ring.settle()?;
        let end = Instant::now() + CLOSE_MAX;
        loop {
            for completion in ring.completions(EVENTS_MAX) {
                let Completion::Operation(slot, mut finished) = completion else {
                    continue;
                };
                if finished.result.as_ref().is_err_and(is_cancellation) {
                    finished.result = Err(LoopEnded.into());
                }
                woken.extend(slot.completed(finished));
            }
            let count = ring.in_flight();
            let left = end.saturating_duration_since(Instant::now());
            if count == 0 {
                return Ok(());
            }
            if left.is_zero() {
                tracing::warn!(count, "operations do not end; their memory is left to them");
                return Ok(());
            }
            ring.wait(Some(left))?;
        }
    }

    /// The first wait: this thread is the home thread.
    fn begin(&self, ring: &mut Ring) -> io::Result<()> {
        ring.enable()?;
        if !self.is_beside {
            self.watch_notifier(ring)?;
        }
        // A second call cannot be: `wait` is for one thread at a time.
        self.home.get_or_init(|| thread::current().id());
        Ok(())
    }

    fn is_home(&self) -> bool {
        self.home.get() == Some(&thread::current().id())
    }

    /// Lets the home thread see what was queued: it looks before it waits, and others wake it.
    fn ask(&self) -> io::Result<()> {
        // ORDERING: release pairs with the acquire in `carry_out`.
        let was_asked = self.is_asked.swap(true, Ordering::AcqRel);
        if self.is_home() {
            return Ok(());
        }
        if !self.is_beside {
            return self.notify();
        }
        // Nobody says here whether the home thread sleeps. Who asked before it has looked has
        // written, or is about to.
        if was_asked {
            return Ok(());
        }
        self.notifier.notify()
    }

    /// Queues in the ring what was asked for. Cancellations are carried out to their end.
    fn carry_out(&self, ring: &mut Ring) -> io::Result<()> {
        // ORDERING: acquire pairs with the release in `ask`.
        if !self.is_asked.load(Ordering::Acquire) {
            return Ok(());
        }
        // A request that comes from here on is seen under the lock, or sets this again.
        self.is_asked.swap(false, Ordering::AcqRel);
        let mut shared = crate::lock(&self.shared);
        let handed_over = shared.hand_over(ring);
        if handed_over.is_err() {
            // What is left over is tried again by the next wait.
            self.is_asked.store(true, Ordering::Release);
        }
        self.count(ring);
        let has_waited = shared.done != shared.asked;
        if has_waited && handed_over.is_ok() {
            shared.done = shared.asked;
            shared.is_stalled = false;
            self.carried_out.notify_all();
        }
        handed_over
    }

    /// Takes what has completed.
    fn collect(
        &self,
        ring: &mut Ring,
        events: &mut Vec<Event>,
        woken: &mut Vec<Waker>,
    ) -> io::Result<()> {
        let mut has_notifier = true;
        for completion in ring.completions(EVENTS_MAX) {
            let (token, result, more) = match completion {
                Completion::Poll {
                    token,
                    result,
                    more,
                } => (token, result, more),
                Completion::Operation(slot, finished) => {
                    woken.extend(slot.completed(finished));
                    continue;
                }
            };
            if token == Notifier::TOKEN {
                has_notifier &= more;
                continue;
            }
            let token = token as usize;
            if !more {
                self.ended(token);
            }
            if result != -libc::ECANCELED {
                let ready = report(result);
                events.push(Event { token, ready });
            }
        }
        self.count(ring);
        if has_notifier {
            return Ok(());
        }
        self.watch_notifier(ring)
    }

    fn watch_notifier(&self, ring: &mut Ring) -> io::Result<()> {
        let (fd, readable) = (self.notifier.as_raw_fd(), libc::POLLIN as u32);
        ring.poll(fd, readable, Notifier::TOKEN)
    }

    /// The poll of this source has ended. Unless it was cancelled, this is reported too.
    #[cold]
    fn ended(&self, token: usize) {
        if let Some(entry) = crate::lock(&self.shared).sources.get_mut(&token) {
            entry.state = State::Ended;
            self.has_ended.store(true, Ordering::Relaxed);
        }
    }
}

impl Shared {
    /// Queues in the ring what was asked for. Cancellations are carried out to their end.
    fn hand_over(&mut self, ring: &mut Ring) -> io::Result<()> {
        while let Some(token) = self.polls.last() {
            if let Some(entry) = self.sources.get_mut(token)
                && entry.state == State::Queued
            {
                ring.poll(entry.raw, WATCHED, *token as u64)?;
                entry.state = State::Watched;
            }
            self.polls.pop();
        }
        while let Some(slot) = self.operations.front() {
            ring.make_room()?;
            ring.start(slot);
            self.operations.pop_front();
        }
        if self.cancellations.is_empty() {
            return Ok(());
        }
        while let Some(token) = self.cancellations.last() {
            ring.cancel(*token)?;
            self.cancellations.pop();
        }
        ring.settle()
    }
}

/// What the kernel says of an operation that was asked to end, and did.
fn is_cancellation(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ECANCELED | libc::EINTR))
}

/// What a poll's result says. A poll that could not be made is readable and writable: who waits
/// tries, and makes it again.
fn report(result: i32) -> Ready {
    u32::try_from(result).map_or(Ready::READABLE | Ready::WRITABLE, ready)
}
