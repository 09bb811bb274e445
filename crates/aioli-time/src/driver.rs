//! One loop's timers, as the loop and the futures see them.
//!
//! The timers live in a typed slot of the loop and are its deadline source. They are guarded by a
//! lock, because a future may be polled and dropped on any thread; nothing is woken, called or
//! dropped while it is held. A thread that adds a timer which is now the earliest makes the loop
//! look at its deadlines again. Each thread remembers the clock that it used last, so that a timer
//! of its own loop costs no look into the loop's slots.
//!
//! Callbacks need not be `Send`, so they stay on the thread that made them, in a thread-local
//! table, and the timer holds their number.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use aioli_task::call_soon;
use aioli_task::driver::{DeadlineSource, Home};

use crate::timers::{Action, Key, Timers};

type Callback = Box<dyn FnOnce()>;

thread_local! {
    /// The callbacks of this thread's loop that have not run, by number.
    static CALLBACKS: RefCell<HashMap<u64, Callback>> = RefCell::default();
}

/// Numbers callbacks, in the whole process: one thread may run one loop after another.
static NEXT_CALLBACK: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The clock that this thread used last, which is nearly always the one it uses next. A loop's
    /// own is forgotten when it ends.
    static LAST: RefCell<Option<Arc<Clock>>> = const { RefCell::new(None) };
}

/// A loop and its timers.
#[derive(Debug)]
pub(crate) struct Clock {
    home: Home,
    driver: Arc<Driver>,
}

#[derive(Debug)]
struct Driver {
    timers: Mutex<Timers>,
    /// Whether the loop knows this driver as its deadline source.
    is_installed: AtomicBool,
}

/// What became of a timer that is polled.
pub(crate) enum Poll {
    /// It fired.
    Fired,
    /// It is still waiting, and will wake the waker it was polled with.
    Waiting,
    /// Its loop has ended before it fired.
    Lost,
}

impl Clock {
    /// The clock of this thread's loop, else of the background loop.
    pub(crate) fn current() -> Arc<Clock> {
        Clock::last().unwrap_or_else(|| Clock::of(Home::current()))
    }

    /// The clock of this thread's loop, if one runs here.
    pub(crate) fn try_current() -> Option<Arc<Clock>> {
        Clock::last().or_else(|| Home::try_current().map(Clock::of))
    }

    /// The clock used last, if it is that of the loop that runs here.
    fn last() -> Option<Arc<Clock>> {
        // No cache is left while the thread ends; the loop is asked then.
        let last = LAST.try_with(|last| {
            let last = last.borrow();
            last.as_ref().filter(|clock| clock.is_current()).cloned()
        });
        last.ok().flatten()
    }

    fn of(home: Home) -> Arc<Clock> {
        let driver = home.slot(|| Driver::new(home.now()));
        if !driver.is_installed.swap(true, Ordering::AcqRel) {
            home.set_deadline_source(driver.clone());
            // Another thread may have added a timer before the loop knew whom to ask.
            home.unpark();
        }
        let clock = Arc::new(Clock { home, driver });
        if clock.is_current() {
            let replaced = LAST.try_with(|last| last.replace(Some(clock.clone())));
            // The last reference to a loop that has ended drops its mailbox, and what is in there.
            drop(replaced);
        }
        clock
    }

    pub(crate) fn now(&self) -> Instant {
        self.home.now()
    }

    /// Adds a timer that wakes `waker`.
    pub(crate) fn add(&self, deadline: Instant, waker: &Waker) -> Key {
        let key = self.insert(deadline, Action::Wake(waker.clone()));
        if self.is_foreign() && self.home.is_closed() {
            // The loop may have cleared its timers before this one came: look again.
            waker.wake_by_ref();
        }
        key
    }

    /// Adds a timer that runs `callback` on this thread, which must be the loop's own.
    pub(crate) fn add_callback(&self, deadline: Instant, callback: Callback) -> (Key, u64) {
        debug_assert!(
            self.home.is_current(),
            "a callback stays on the thread of its loop"
        );
        let number = NEXT_CALLBACK.fetch_add(1, Ordering::Relaxed);
        CALLBACKS.with_borrow_mut(|callbacks| callbacks.insert(number, callback));
        (self.insert(deadline, Action::Call(number)), number)
    }

    fn insert(&self, deadline: Instant, action: Action) -> Key {
        let (key, is_earliest) = self.driver.lock().insert(deadline, action);
        if is_earliest && self.is_foreign() {
            self.home.unpark();
        }
        key
    }

    /// Removes a timer that has not fired. Returns whether it was there.
    pub(crate) fn remove(&self, key: Key) -> bool {
        let action = self.driver.lock().remove(key);
        action.is_some()
    }

    /// Looks whether a timer has fired; if not, it will wake `waker`.
    pub(crate) fn poll(&self, key: Key, deadline: Instant, waker: &Waker) -> Poll {
        let mut timers = self.driver.lock();
        let Some(current) = timers.waker_mut(key) else {
            drop(timers);
            return self.look_back(deadline);
        };
        if !current.will_wake(waker) {
            let old = std::mem::replace(current, waker.clone());
            drop(timers);
            drop(old);
        } else {
            drop(timers);
        }
        if self.is_foreign() && self.home.is_closed() {
            // Added after the loop had cleared its timers.
            self.remove(key);
            return Poll::Lost;
        }
        Poll::Waiting
    }

    /// What became of a timer that is gone. The loop clears the timers when it ends, and some of
    /// them were not due; while it runs here, they go by firing only.
    fn look_back(&self, deadline: Instant) -> Poll {
        if !self.home.is_closed() || deadline <= self.now() {
            Poll::Fired
        } else {
            Poll::Lost
        }
    }

    /// How many timers have neither fired nor been removed.
    pub(crate) fn len(&self) -> usize {
        self.driver.lock().len()
    }

    /// Whether this is the clock of the calling thread's loop.
    pub(crate) fn is_current(&self) -> bool {
        self.home.is_current()
    }

    fn is_foreign(&self) -> bool {
        !self.is_current()
    }
}

impl Driver {
    fn new(origin: Instant) -> Driver {
        Driver {
            timers: Mutex::new(Timers::new(origin)),
            is_installed: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Timers> {
        self.timers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DeadlineSource for Driver {
    fn next_deadline(&self) -> Option<Instant> {
        self.lock().next_deadline()
    }

    fn expire(&self, now: Instant) {
        let due = self.lock().take_due(now);
        for action in due {
            match action {
                Action::Wake(waker) => waker.wake(),
                Action::Call(number) => {
                    call_soon(move || run_callback(number));
                }
            }
        }
    }

    fn close(&self) {
        let _last = LAST.try_with(|last| {
            let is_own = |clock: &mut Arc<Clock>| std::ptr::eq(&*clock.driver, self);
            last.borrow_mut().take_if(is_own)
        });
        let rest = self.lock().take_all();
        for action in rest {
            match action {
                // Whoever waits on another thread is told, and turns to the loop it finds there.
                Action::Wake(waker) => waker.wake(),
                Action::Call(number) => {
                    forget_callback(number);
                }
            }
        }
    }
}

fn take_callback(number: u64) -> Option<Callback> {
    // The table is gone while the thread ends; so are the callbacks then.
    let taken = CALLBACKS.try_with(|callbacks| callbacks.borrow_mut().remove(&number));
    taken.ok().flatten()
}

fn run_callback(number: u64) {
    if let Some(callback) = take_callback(number) {
        callback();
    }
}

/// Drops a callback of this thread. Returns whether it had still to run.
pub(crate) fn forget_callback(number: u64) -> bool {
    take_callback(number).is_some()
}
