//! The reactor of one loop: its driver, its sources, and its place as the loop's parker.
//!
//! **Invariant**: the reactor is installed into a loop when that loop's first source is
//! registered, so a loop without I/O never opens a descriptor.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::task::Waker;
use std::time::Duration;

use aioli_task::driver::{Home, Park};

use crate::driver::{Driver, DriverKind, Event};
use crate::ended::LoopEnded;
use crate::os::RawSource;
use crate::source::Source;
use crate::table::Table;

/// The reactor of one loop.
#[derive(Debug)]
pub(crate) struct Reactor {
    pub(crate) driver: Driver,
    /// `None` once the loop has ended.
    sources: Mutex<Option<Table>>,
    /// Scratch of `turn`. Locked by the home thread alone.
    scratch: Mutex<Scratch>,
    /// The sticky token of `unpark`. It lives here and not in the driver, because a `poll` uses
    /// up the driver's notification, while the token must last until the next `park`.
    unparked: AtomicBool,
    /// Makes this reactor the parker of its loop, once.
    installed: Once,
}

#[derive(Debug, Default)]
struct Scratch {
    events: Vec<Event>,
    reports: Vec<(Arc<Source>, Event)>,
    woken: Vec<Waker>,
}

impl Reactor {
    pub(crate) fn new(driver: Driver) -> Reactor {
        Reactor {
            driver,
            sources: Mutex::new(Some(Table::default())),
            scratch: Mutex::default(),
            unparked: AtomicBool::new(false),
            installed: Once::new(),
        }
    }

    /// The reactor of this thread's loop, else of the background loop.
    pub(crate) fn current() -> io::Result<Arc<Reactor>> {
        let home = Home::current();
        let reactor = home.try_slot(|| Driver::choose().map(Reactor::new))?;
        reactor
            .installed
            .call_once(|| home.set_parker(reactor.clone()));
        Ok(reactor)
    }

    pub(crate) fn kind(&self) -> DriverKind {
        self.driver.kind()
    }

    /// Registers a source, which must be deregistered before it closes.
    pub(crate) fn register(&self, raw: RawSource) -> io::Result<Arc<Source>> {
        // The lock is held over the driver's call, so that the first report finds the source.
        let mut sources = crate::lock(&self.sources);
        let table = sources.as_mut().ok_or(LoopEnded)?;
        let source = table.insert(|token| Arc::new(Source::new(raw, token)));
        if let Err(error) = self.driver.register(raw, source.token) {
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
    }

    /// Waits, and reports to the sources what came.
    fn turn(&self, timeout: Option<Duration>) {
        let mut scratch = crate::lock(&self.scratch);
        let Scratch {
            events,
            reports,
            woken,
        } = &mut *scratch;
        events.clear();
        if let Err(error) = self.driver.wait(timeout, events) {
            // The loop must not spin silently, nor end because of it.
            tracing::error!(%error, driver = %self.kind(), "waiting for readiness failed");
            std::thread::sleep(timeout.unwrap_or(FAILURE_PAUSE).min(FAILURE_PAUSE));
        }
        if let Some(table) = crate::lock(&self.sources).as_ref() {
            let found = |event: Event| Some((table.get(event.token)?.clone(), event));
            reports.extend(events.iter().copied().filter_map(found));
        }
        for (source, event) in reports.drain(..) {
            source.report(&self.driver, event.ready, woken);
        }
        woken.drain(..).for_each(Waker::wake);
    }
}

/// Longest pause after a driver has failed to wait, which only a defect makes it do.
const FAILURE_PAUSE: Duration = Duration::from_millis(10);

impl Park for Reactor {
    fn poll(&self) {
        self.turn(Some(Duration::ZERO));
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
        for source in table.into_sources() {
            source.end();
        }
        self.driver.close();
    }
}
