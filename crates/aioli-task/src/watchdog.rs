//! The watchdog: tells which task keeps a loop from turning, while nobody reads a clock.
//!
//! A loop that is watched publishes what it is about to run, and a number that is odd while it
//! runs and even in between. One thread of the process looks at the numbers of all watched loops
//! now and then; what it sees twice, with a threshold of time between, has lasted at least that
//! long. It reads numbers and addresses of `'static` facts only, and never the task itself, which
//! may be gone by then.
//!
//! ```text
//!   even ──(begin: the facts, then +1)──▶ odd ──(end: +1)──▶ even
//! ```
//!
//! The facts belong to an odd number if it is the same before and after they are read.
#![expect(unsafe_code, reason = "publishes the addresses of what lives for ever")]

use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::event_loop::{Remote, Shared};
use crate::report::Report;

/// Looks a threshold: what lasts a little longer than one is noticed within one and a quarter.
const LOOKS: u32 = 4;
/// What lasts so many thresholds is written to the standard error stream while it lasts: the
/// loop's error handler may never have its turn again.
const STUCK: u32 = 10;

/// What is known for ever of what a loop runs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts {
    /// The number of a task; zero is a callback.
    pub(crate) serial: u64,
    pub(crate) location: Option<&'static Location<'static>>,
    pub(crate) type_name: Option<&'static fn() -> &'static str>,
}

/// What a loop publishes for the watchdog.
///
/// # Invariants
///
/// `location` and `type_name` are null or the addresses of what lives for ever.
#[derive(Debug)]
pub(crate) struct Watch {
    threshold: Duration,
    number: AtomicU64,
    serial: AtomicU64,
    location: AtomicPtr<Location<'static>>,
    type_name: AtomicPtr<fn() -> &'static str>,
}

fn address<T>(of: Option<&'static T>) -> *mut T {
    of.map_or(ptr::null_mut(), |of| ptr::from_ref(of).cast_mut())
}

impl Watch {
    /// Tells of what lasts longer than `threshold`.
    pub(crate) fn new(threshold: Duration) -> Watch {
        Watch {
            // With none at all the watchdog would never sleep.
            threshold: threshold.max(Duration::from_millis(1)),
            number: AtomicU64::new(0),
            serial: AtomicU64::new(0),
            location: AtomicPtr::new(ptr::null_mut()),
            type_name: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// The loop is about to run what `facts` are of. Home only.
    pub(crate) fn begin(&self, facts: Facts) {
        // ORDERING: Release, so that who reads a fact of this run sees that the one before has
        // ended, and finds the number changed.
        self.serial.store(facts.serial, Ordering::Release);
        let location = address(facts.location);
        self.location.store(location, Ordering::Release);
        let type_name = address(facts.type_name);
        self.type_name.store(type_name, Ordering::Release);
        self.step();
    }

    /// It has run. Home only.
    pub(crate) fn end(&self) {
        self.step();
    }

    fn step(&self) {
        let number = self.number.load(Ordering::Relaxed);
        // ORDERING: Release, so that who sees the number sees the facts of the one before.
        self.number.store(number + 1, Ordering::Release);
    }

    fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// The facts of the run with this number, if it is still the one.
    fn facts(&self, number: u64) -> Option<Facts> {
        let serial = self.serial.load(Ordering::Acquire);
        let location = self.location.load(Ordering::Acquire);
        let type_name = self.type_name.load(Ordering::Acquire);
        // ORDERING: the number is read after the facts.
        fence(Ordering::Acquire);
        if self.number.load(Ordering::Relaxed) != number {
            return None;
        }
        Some(Facts {
            serial,
            // SAFETY: null, or what lives for ever (invariant).
            location: unsafe { location.as_ref() },
            // SAFETY: as above.
            type_name: unsafe { type_name.as_ref() },
        })
    }
}

/// A watched loop, as the watchdog has seen it last.
struct Watched {
    home: Weak<Shared>,
    number: u64,
    since: Instant,
    /// What was running when it had lasted for a threshold.
    slow: Option<Facts>,
    is_stuck: bool,
}

#[derive(Default)]
struct Watchdog {
    loops: Vec<Watched>,
    is_running: bool,
}

static WATCHDOG: Mutex<Option<Watchdog>> = Mutex::new(None);
static LOOP_ADDED: Condvar = Condvar::new();

fn lock() -> MutexGuard<'static, Option<Watchdog>> {
    WATCHDOG.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Watches a loop from now on, until it ends.
pub(crate) fn watch(home: &Arc<Shared>) {
    let mut guard = lock();
    let watchdog = guard.get_or_insert_default();
    watchdog.loops.push(Watched {
        home: Arc::downgrade(home),
        number: 0,
        since: Instant::now(),
        slow: None,
        is_stuck: false,
    });
    LOOP_ADDED.notify_one();
    if !watchdog.is_running {
        let thread = thread::Builder::new().name("aioli-watchdog".to_owned());
        // Where there is no thread to be had, nobody watches.
        watchdog.is_running = thread.spawn(look_around).is_ok();
    }
}

/// What the watchdog's thread does until no watched loop is left.
fn look_around() {
    let mut guard = lock();
    loop {
        let watchdog = guard.get_or_insert_default();
        let mut pause = Duration::MAX;
        watchdog.loops.retain_mut(|watched| {
            let Some(interval) = watched.look() else {
                return false;
            };
            pause = pause.min(interval);
            true
        });
        if watchdog.loops.is_empty() {
            watchdog.is_running = false;
            return;
        }
        let waited = LOOP_ADDED.wait_timeout(guard, pause);
        guard = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
}

impl Watched {
    /// Looks once; returns when to look again, or nothing if the loop has ended.
    fn look(&mut self) -> Option<Duration> {
        let home = self.home.upgrade()?;
        let watch = home.watch.as_ref()?;
        if home.mailbox.is_closed() {
            return None;
        }
        let (number, lasted) = (watch.number(), self.since.elapsed());
        if number != self.number {
            if let Some(facts) = self.slow.take() {
                tell(&home, facts, lasted);
            }
            *self = Watched {
                home: Arc::downgrade(&home),
                number,
                since: Instant::now(),
                slow: None,
                is_stuck: false,
            };
        } else if number % 2 == 1 && lasted >= watch.threshold {
            self.slow = self.slow.or_else(|| watch.facts(number));
            if lasted >= watch.threshold * STUCK && !self.is_stuck {
                self.is_stuck = true;
                if let Some(facts) = self.slow {
                    eprintln!("{}", report(facts, lasted, "runs without a pause for"));
                }
            }
        }
        Some(watch.threshold / LOOKS)
    }
}

/// Tells the loop's error handler, which has its turn again.
fn tell(home: &Shared, facts: Facts, lasted: Duration) {
    let report = report(facts, lasted, "has run without a pause for");
    let call = Box::new(move || report.send());
    // A loop that has ended wants no news.
    let _ = home.mailbox.send(Remote::Call(call));
}

fn report(facts: Facts, lasted: Duration, what: &str) -> Report {
    let seconds = lasted.as_secs_f64();
    let Some(location) = facts.location else {
        return Report::new(format!("a callback {what} {seconds:.3} s or longer"));
    };
    let name = facts.type_name.map_or("unknown", |name| name());
    Report::new(format!(
        "a task {what} about {seconds:.3} s; its future is {name}"
    ))
    .task(format!("Task-{}", facts.serial), location)
}
