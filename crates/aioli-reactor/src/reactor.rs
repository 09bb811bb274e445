//! The reactor of one loop: its driver, its sources, and its place as the loop's parker.
//!
//! **Invariant**: the reactor is installed into a loop when that loop's first source is
//! registered, so a loop without I/O never opens a descriptor.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::task::Waker;
use std::time::Duration;

use aioli_sync::wake_all;
use aioli_task::driver::{Home, Park};

use crate::beside::Beside;
use crate::driver::{self, Driver, DriverKind, Event};
use crate::ended::LoopEnded;
use crate::operation::Slot;
use crate::order::Order;
use crate::os::RawSource;
use crate::source::Source;
use crate::table::Table;
use crate::uring;

/// The reactor of one loop.
#[derive(Debug)]
pub(crate) struct Reactor {
    pub(crate) driver: Driver,
    /// What carries out operations on files if the driver does not.
    pub(crate) beside: Beside,
    allows_operations: bool,
    /// `None` once the loop has ended.
    sources: Mutex<Option<Table>>,
    /// Scratch of `turn`. Locked by the home thread alone.
    scratch: Mutex<Scratch>,
    /// The sticky token of `unpark`. It lives here and not in the driver, because a `poll` uses
    /// up the driver's notification, while the token must last until the next `park`.
    unparked: AtomicBool,
    /// How many of the last wait's reports may still be in the loop's ready queue. Of the home
    /// thread alone.
    ahead: AtomicUsize,
    /// Makes this reactor the parker of its loop, once.
    installed: Once,
}

#[derive(Debug, Default)]
struct Scratch {
    events: Vec<Event>,
    woken: Vec<Waker>,
    order: Order,
}

impl Reactor {
    pub(crate) fn new(driver: Driver, allows_operations: bool) -> Reactor {
        Reactor {
            driver,
            beside: Beside::default(),
            allows_operations,
            sources: Mutex::new(Some(Table::default())),
            scratch: Mutex::default(),
            unparked: AtomicBool::new(false),
            ahead: AtomicUsize::new(0),
            installed: Once::new(),
        }
    }

    /// The reactor of this thread's loop, else of the background loop.
    pub(crate) fn current() -> io::Result<Arc<Reactor>> {
        let home = Home::current();
        let reactor = home.try_slot(|| {
            let allows_operations = driver::allows_operations()?;
            Driver::choose().map(|driver| Reactor::new(driver, allows_operations))
        })?;
        reactor
            .installed
            .call_once(|| home.set_parker(reactor.clone()));
        Ok(reactor)
    }

    pub(crate) fn kind(&self) -> DriverKind {
        self.driver.kind()
    }

    /// What carries out operations on files, if there is something and it may.
    pub(crate) fn ring(&self) -> Option<&uring::Driver> {
        if !self.allows_operations {
            return None;
        }
        let own = self.driver.as_ring();
        own.or_else(|| self.beside.get_or_make(|| self.driver.make_beside()))
    }

    /// Carries out an operation, and tells its slot.
    pub(crate) fn start(&self, slot: Arc<Slot>) {
        match self.ring() {
            Some(ring) => ring.start(slot),
            None => {
                let woken = slot.refuse(LoopEnded.into());
                woken.into_iter().for_each(Waker::wake);
            }
        }
    }

    /// Asks for the end of an operation that the kernel has.
    pub(crate) fn cancel(&self, key: u64) {
        if let Some(ring) = self.ring() {
            ring.cancel(key);
        }
    }

    /// How much the last look has found.
    #[cfg(test)]
    #[allow(dead_code, reason = "asked by a model of what not every system has")]
    pub(crate) fn reported(&self) -> usize {
        self.ahead.load(Ordering::Relaxed)
    }

    /// Registers a source, which must be deregistered before it closes.
    pub(crate) fn register(&self, raw: RawSource) -> io::Result<Arc<Source>> {
        self.add(raw, Driver::register)
    }

    /// The same for what is known to be no file that is always ready.
    pub(crate) fn register_pollable(&self, raw: RawSource) -> io::Result<Arc<Source>> {
        self.add(raw, Driver::register_pollable)
    }

    fn add(
        &self,
        raw: RawSource,
        register: fn(&Driver, RawSource, usize) -> io::Result<()>,
    ) -> io::Result<Arc<Source>> {
        // The lock is held over the driver's call, so that the first report finds the source.
        let mut sources = crate::lock(&self.sources);
        let table = sources.as_mut().ok_or(LoopEnded)?;
        let source = table.insert(|token| Arc::new(Source::new(raw, token)));
        if let Err(error) = register(&self.driver, raw, source.token) {
            table.remove(source.token);
            return Err(error);
        }
        Ok(source)
    }

    pub(crate) fn deregister(&self, source: &Source) {
        if let Some(table) = crate::lock(&self.sources).as_mut() {
            table.remove(source.token);
        }
        if let Err(error) = self.driver.deregister(source.raw, source.token) {
            tracing::debug!(source = ?source.raw, %error, "a source was closed before it was deregistered");
        }
        source.forget_all();
    }

    /// Lets the driver wait, and the ring beside it do its part.
    fn wait(
        &self,
        mut timeout: Option<Duration>,
        events: &mut Vec<Event>,
        woken: &mut Vec<Waker>,
    ) -> io::Result<()> {
        let may_sleep = self
            .beside
            .get()
            .map_or(Ok(true), |ring| ring.before_wait());
        if !matches!(may_sleep, Ok(true)) {
            timeout = Some(Duration::ZERO);
        }
        let waited = self.driver.wait(timeout, events, woken);
        // It may have been made meanwhile.
        let ring = self.beside.get();
        let taken = ring.map_or(Ok(()), |ring| ring.after_wait(woken));
        waited.and(may_sleep.map(drop)).and(taken)
    }

    /// Waits, and reports to the sources what came.
    fn turn(&self, timeout: Option<Duration>) {
        let mut scratch = crate::lock(&self.scratch);
        let Scratch {
            events,
            woken,
            order,
        } = &mut *scratch;
        events.clear();
        if let Err(error) = self.wait(timeout, events, woken) {
            // The loop must not spin silently, nor end because of it.
            tracing::error!(%error, driver = %self.kind(), "waiting for readiness failed");
            std::thread::sleep(timeout.unwrap_or(FAILURE_PAUSE).min(FAILURE_PAUSE));
        }
        self.ahead.store(events.len(), Ordering::Relaxed);
        // The lock is held over the reports, so that the driver is asked about no source that has
        // been deregistered meanwhile, whose number may be another's by then.
        if let Some(table) = crate::lock(&self.sources).as_ref() {
            if events.len() > 1 && self.driver.watches_by_level() {
                order.arrange(table, events);
            }
            for event in &*events {
                if let Some(source) = table.get(event.token) {
                    source.set_turn(order.next_turn());
                    source.report(&self.driver, event.ready, woken);
                }
            }
        }
        // With no lock held that a waker could need: it may poll inline, and come back to a source.
        wake_all(woken.drain(..));
    }
}

/// Longest pause after a driver has failed to wait, which only a defect makes it do.
const FAILURE_PAUSE: Duration = Duration::from_millis(10);

impl Park for Reactor {
    fn poll(&self) {
        self.turn(Some(Duration::ZERO));
    }

    /// Who has been reported is served first. A look before that would find no more than what has
    /// come meanwhile, and once more all who are watched by level and have not read yet. One wait
    /// reports [`EVENTS_MAX`](crate::contract::EVENTS_MAX) at most, which bounds the delay.
    fn glance(&self, entries: usize) {
        match self.ahead.load(Ordering::Relaxed).checked_sub(entries) {
            Some(left) if left > 0 => self.ahead.store(left, Ordering::Relaxed),
            _ => self.poll(),
        }
    }

    fn park(&self, timeout: Option<Duration>) {
        // ORDERING: acquire pairs with the release in `unpark`: what was handed over before the
        // token is seen after it.
        let unparked = self.unparked.swap(false, Ordering::AcqRel);
        self.turn(if unparked {
            Some(Duration::ZERO)
        } else {
            timeout
        });
        // A token that comes from here on stays for the next park, and its notification with it.
        self.unparked.swap(false, Ordering::AcqRel);
    }

    fn unpark(&self) {
        // ORDERING: see `park`. A token that is already there has its notification on the way.
        if self.unparked.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Err(error) = self.driver.notify() {
            tracing::error!(%error, driver = %self.kind(), "waking the loop failed");
        }
    }

    fn close(&self) {
        let Some(table) = crate::lock(&self.sources).take() else {
            return;
        };
        let mut woken = Vec::new();
        for source in table.into_sources() {
            source.end(&mut woken);
        }
        self.beside.close(&mut woken);
        self.driver.close(&mut woken);
        // With no lock held, and last: a waker may poll inline, or panic.
        wake_all(woken);
    }
}
