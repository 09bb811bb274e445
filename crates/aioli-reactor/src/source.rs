//! A registered source: its readiness, its waiters, and how a report travels to them.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker};

use aioli_sync::wake_all;

use crate::driver::{Driver, Trigger};
use crate::ended::LoopEnded;
use crate::os::RawSource;
use crate::probing::{Next, Probing};
use crate::readiness::{Readiness, Snapshot};
use crate::ready::{Interest, Ready};
use crate::waiters::{WaiterKey, Waiters};

/// One registered source, shared by its registration and the reactor.
///
/// # Invariants
///
/// 1. A report sets `readiness` before it takes the lock of `waiting`; a waiter looks at
///    `readiness` again under that lock before it goes to sleep. So either the waiter sees the
///    report, or the report sees the waiter.
/// 2. Under the lock, `armed` is what the driver watches for next.
/// 3. Under the lock, the driver reports by level if `readiness` says so. Then the source is ready
///    for writing, or somebody is about to take the lock and watch it by edge again.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) raw: RawSource,
    pub(crate) token: usize,
    pub(crate) readiness: Readiness,
    probing: Probing,
    /// The number of its last report; see [`order`](crate::order).
    ///
    /// ORDERING: relaxed, as the home thread alone reads and writes it.
    turn: AtomicU32,
    waiting: Mutex<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    waiters: Waiters,
    /// What a oneshot driver watches this source for.
    armed: Ready,
}

impl Wake for Source {
    /// Wakes everybody who waits, though nothing was reported: they wait again, as after a report
    /// that somebody else has used up.
    fn wake(self: Arc<Self>) {
        let mut woken = Vec::new();
        self.take_all(&mut woken);
        wake_all(woken);
    }
}

/// What a successful attempt tells about the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Nothing.
    Unknown,
    /// It moved less than it could have: the next one would block.
    Short,
    /// It moved all it could.
    Full,
}

/// Where a waiter leaves its waker.
pub(crate) enum Place<'a> {
    /// The poll slot of the direction.
    Slot,
    /// The list, under this key.
    List(&'a mut Option<WaiterKey>),
}

impl Source {
    pub(crate) fn new(raw: RawSource, token: usize) -> Source {
        Source {
            raw,
            token,
            readiness: Readiness::new(),
            probing: Probing::default(),
            turn: AtomicU32::new(0),
            waiting: Mutex::new(Waiting {
                waiters: Waiters::default(),
                armed: Ready::NONE,
            }),
        }
    }

    pub(crate) fn turn(&self) -> u32 {
        self.turn.load(Ordering::Relaxed)
    }

    pub(crate) fn set_turn(&self, turn: u32) {
        self.turn.store(turn, Ordering::Relaxed);
    }

    /// Waits until the direction `is_enough`: reported ready, or just worth trying.
    #[inline]
    pub(crate) fn poll_ready(
        &self,
        driver: &Driver,
        interest: Interest,
        waker: &Waker,
        place: Place<'_>,
        is_enough: impl Fn(Snapshot) -> bool,
    ) -> Poll<io::Result<Snapshot>> {
        let seen = self.readiness.observe();
        if is_enough(seen) {
            return Poll::Ready(Ok(seen));
        }
        self.wait(driver, interest, waker, place, is_enough)
    }

    /// Leaves the waker, unless there was a report since.
    // PERF: `tcp_echo_50`: each request waits once, and a call of its own is 50 instructions of 1,000.
    #[inline(always)]
    fn wait(
        &self,
        driver: &Driver,
        interest: Interest,
        waker: &Waker,
        place: Place<'_>,
        is_enough: impl Fn(Snapshot) -> bool,
    ) -> Poll<io::Result<Snapshot>> {
        // Declared before the guard, so dropped after it.
        let _former;
        let mut waiting = crate::lock(&self.waiting);
        let seen = self.readiness.observe();
        if is_enough(seen) {
            return Poll::Ready(Ok(seen));
        }
        if seen.is_ended() {
            return Poll::Ready(Err(LoopEnded.into()));
        }
        _former = match place {
            Place::Slot => waiting.waiters.set_slot(interest, waker),
            Place::List(key) => waiting.waiters.set_listed(key, interest, waker),
        };
        self.arm(driver, &mut waiting)?;
        Poll::Pending
    }

    /// Takes a future off the list. What the driver still watches for is reported to nobody.
    pub(crate) fn forget(&self, key: WaiterKey) {
        let former = crate::lock(&self.waiting).waiters.remove(key);
        drop(former);
    }

    /// The driver has reported `ready`: remembers it, and adds who waits for it to `woken`, for the
    /// caller to wake with no lock held: a waker may poll inline, and come back to this source.
    pub(crate) fn report(&self, driver: &Driver, ready: Ready, woken: &mut Vec<Waker>) {
        let word = self.readiness.transition_to_ready(ready);
        let mut waiting = crate::lock(&self.waiting);
        waiting.armed = Ready::NONE;
        if word.is_by_level() && !waiting.waiters.has_reader() {
            // It would be reported by each wait, and no wait would ever be one.
            self.probing.was_mistaken();
            self.leave_level(driver);
        }
        waiting.waiters.take(ready, woken);
        // A oneshot driver has disarmed the other direction too.
        if self.arm(driver, &mut waiting).is_err() {
            // Nobody would report it any more, so the waiters find out by trying.
            let others = waiting.waiters.interest();
            self.readiness.transition_to_ready(others);
            waiting.waiters.take(others, woken);
        }
    }

    /// An attempt that began at `seen` has succeeded.
    #[inline]
    pub(crate) fn moved(&self, driver: &Driver, seen: Snapshot, interest: Interest, it: Extent) {
        match (it, interest) {
            (Extent::Unknown, _) | (Extent::Full, Interest::Writable) => {}
            (Extent::Short, Interest::Writable) => {
                let word = self.readiness.transition_to_drained(seen, interest);
                self.look_at_writing(driver, word, interest);
            }
            (Extent::Short, Interest::Readable) => {
                self.readiness.transition_to_drained(seen, interest);
                self.learn(driver, seen, false);
            }
            (Extent::Full, Interest::Readable) => self.learn(driver, seen, true),
        }
    }

    /// A read that began at `seen` has filled its buffer, or not.
    #[inline]
    fn learn(&self, driver: &Driver, seen: Snapshot, is_full: bool) {
        match self.probing.moved(seen.is_by_level(), is_full) {
            Next::Probe => {}
            Next::Assume => self.readiness.transition_to_assumed(seen),
            Next::Leave => {
                let _waiting = crate::lock(&self.waiting);
                self.leave_level(driver);
            }
        }
    }

    /// An attempt that began at `seen` has said `WouldBlock`.
    #[inline]
    pub(crate) fn blocked(&self, driver: &Driver, seen: Snapshot, interest: Interest) {
        let word = self.readiness.transition_to_waiting(seen, interest);
        if interest == Interest::Readable && self.probing.blocked(word.is_by_level()) {
            self.enter_level(driver);
        }
        self.look_at_writing(driver, word, interest);
    }

    /// A direction has been cleared, and this is the word after it: by level nobody would report
    /// that writing is possible again.
    #[inline]
    fn look_at_writing(&self, driver: &Driver, word: Snapshot, cleared: Interest) {
        if cleared == Interest::Writable && word.is_by_level() {
            let _waiting = crate::lock(&self.waiting);
            self.probing.was_mistaken();
            self.leave_level(driver);
        }
    }

    /// Watches reading by level, if the driver can.
    #[cold]
    fn enter_level(&self, driver: &Driver) {
        let _waiting = crate::lock(&self.waiting);
        let word = self.readiness.observe();
        if word.is_by_level() || word.is_ended() || !word.is_ready(Interest::Writable) {
            return;
        }
        // An error: the source was closed, and nothing is watched any more.
        if !matches!(driver.watch(self.raw, self.token, Trigger::Level), Ok(true)) {
            self.probing.was_mistaken();
            return;
        }
        let word = self.readiness.transition_to_level();
        if !word.is_ready(Interest::Writable) {
            self.leave_level(driver);
        }
    }

    /// Watches by edge again. Under the lock of `waiting`.
    #[cold]
    fn leave_level(&self, driver: &Driver) {
        if !self.readiness.observe().is_by_level() {
            return;
        }
        self.readiness.transition_to_edge();
        self.probing.left();
        if let Err(error) = driver.watch(self.raw, self.token, Trigger::Edge) {
            tracing::debug!(source = ?self.raw, %error, "a source was closed before it was deregistered");
        }
    }

    /// The loop has ended: adds everybody to `woken`, to be told, for the caller to wake as in
    /// [`report`](Source::report).
    pub(crate) fn end(&self, woken: &mut Vec<Waker>) {
        self.readiness.transition_to_ended();
        self.take_all(woken);
    }

    /// Its registration is gone: nobody waits any more, and what remains of it, for a waker that is
    /// kept, keeps no task.
    pub(crate) fn forget_all(&self) {
        let mut gone = Vec::new();
        self.take_all(&mut gone);
    }

    fn take_all(&self, woken: &mut Vec<Waker>) {
        let everybody = Ready::READABLE | Ready::WRITABLE;
        crate::lock(&self.waiting).waiters.take(everybody, woken);
    }

    /// Lets the driver watch for what is waited for.
    #[inline]
    fn arm(&self, driver: &Driver, waiting: &mut Waiting) -> io::Result<()> {
        if !driver.needs_arming() {
            return Ok(());
        }
        let wanted = waiting.waiters.interest();
        if !waiting.armed.contains(wanted) {
            driver.arm(self.raw, self.token, wanted)?;
            waiting.armed = wanted;
        }
        Ok(())
    }
}
