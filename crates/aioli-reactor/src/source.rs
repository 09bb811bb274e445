//! A registered source: its readiness, its waiters, and how a report travels to them.

use std::io;
use std::sync::Mutex;
use std::task::{Poll, Waker};

use crate::driver::Driver;
use crate::ended::LoopEnded;
use crate::os::RawSource;
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
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) raw: RawSource,
    pub(crate) token: usize,
    pub(crate) readiness: Readiness,
    waiting: Mutex<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    waiters: Waiters,
    /// What a oneshot driver watches this source for.
    armed: Ready,
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
            waiting: Mutex::new(Waiting {
                waiters: Waiters::default(),
                armed: Ready::NONE,
            }),
        }
    }

    /// Waits until the direction `is_enough`: reported ready, or just worth trying.
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
        self.readiness.transition_to_ready(ready);
        let mut waiting = crate::lock(&self.waiting);
        waiting.armed = Ready::NONE;
        waiting.waiters.take(ready, woken);
        // A oneshot driver has disarmed the other direction too.
        if self.arm(driver, &mut waiting).is_err() {
            // Nobody would report it any more, so the waiters find out by trying.
            let others = waiting.waiters.interest();
            self.readiness.transition_to_ready(others);
            waiting.waiters.take(others, woken);
        }
    }

    /// The loop has ended: wakes everybody, to be told.
    pub(crate) fn end(&self) {
        self.readiness.transition_to_ended();
        let mut woken = Vec::new();
        let everybody = Ready::READABLE | Ready::WRITABLE;
        crate::lock(&self.waiting)
            .waiters
            .take(everybody, &mut woken);
        // With no lock held: a waker may poll inline, and come back to this source.
        woken.into_iter().for_each(Waker::wake);
    }

    /// Lets the driver watch for what is waited for.
    fn arm(&self, driver: &Driver, waiting: &mut Waiting) -> io::Result<()> {
        let wanted = waiting.waiters.interest();
        if !waiting.armed.contains(wanted) {
            driver.arm(self.raw, self.token, wanted)?;
            waiting.armed = wanted;
        }
        Ok(())
    }
}
