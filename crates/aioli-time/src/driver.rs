//! One loop's timers, as the loop and the futures see them.
//!
//! The timers live in a typed slot of the loop and are its deadline source. They are guarded by a
//! lock, because a future may be polled and dropped on any thread; nothing is woken, called or
//! dropped while it is held. A thread that adds a timer which is now the earliest makes the loop
//! look at its deadlines again.
//!
//! A future names its clock by a number, which costs no count of references and fits beside its
//! key. Each thread remembers the clock that it used last, which is nearly always the one it uses
//! next; the others are found in a table of the process. A clock leaves the table when its loop
//! ends, or, if the loop ended before all timers had fired, when who waits for those has noticed:
//! so a clock that is not there any more has fired every timer that was not removed.
//!
//! Callbacks need not be `Send`, so they stay on the thread that made them, in a thread-local
//! table (`callbacks.rs`).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use aioli_sync::wake_all;
use aioli_task::driver::{DeadlineSource, ExactWaits, Home};

use self::open::Open;
use crate::callbacks;
use crate::moment::Moment;
use crate::timers::Key;

mod open;

/// Names a clock, for the lifetime of the process.
pub(crate) type ClockId = NonZeroU32;

thread_local! {
    /// The clock that this thread used last. A loop's own is forgotten when it ends.
    static LAST: RefCell<Option<Arc<Clock>>> = const { RefCell::new(None) };
    /// Held for each loop of this thread that has timers, of which one may run after the other.
    static EXACT: RefCell<BTreeMap<ClockId, ExactWaits>> = const { RefCell::new(BTreeMap::new()) };
}

/// The clocks whose timers somebody may still ask for.
static CLOCKS: Mutex<BTreeMap<ClockId, Arc<Clock>>> = Mutex::new(BTreeMap::new());

fn clocks() -> MutexGuard<'static, BTreeMap<ClockId, Arc<Clock>>> {
    CLOCKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A loop and its timers.
#[derive(Debug)]
pub(crate) struct Clock {
    id: ClockId,
    home: Home,
    driver: Arc<Driver>,
    /// Whether it has been made for a thread without a loop: it is the background loop's then.
    is_background: bool,
}

/// What a loop has in its slot.
#[derive(Debug)]
struct Driver {
    id: ClockId,
    timers: Mutex<State>,
    /// Whether the loop knows this driver as its deadline source.
    is_installed: AtomicBool,
    /// Whether the loop's thread has been told to wait exactly.
    is_exact: AtomicBool,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a loop has one, and it is open")]
enum State {
    Open(Open),
    /// The loop has ended. What had not fired by then is to be told so, once.
    Closed(BTreeSet<Key>),
}

/// What became of a timer that is polled.
#[derive(Debug)]
pub(crate) enum Poll {
    /// It fired.
    Fired,
    /// It is still waiting, and will wake the waker it was polled with.
    Waiting,
    /// Its loop ended at this moment, before it had fired.
    Lost(Moment),
}

/// Calls `f` with the clock of this thread's loop, else with that of the background loop.
#[inline]
pub(crate) fn with_current<R>(f: impl FnOnce(&Clock) -> R) -> R {
    let find = || Some(Clock::of(Home::current()));
    with(Clock::is_for_this_thread, find, f).expect("there is always one")
}

/// Calls `f` with the clock that is so named, unless it has fired all its timers and is gone.
#[inline]
fn with_named<R>(id: ClockId, f: impl FnOnce(&Clock) -> R) -> Option<R> {
    let find = || clocks().get(&id).cloned();
    with(|clock| clock.id == id, find, f)
}

/// Calls `f` with the clock used last, if it is the right one, else with the one that is found.
#[inline]
fn with<R>(
    is_it: impl Fn(&Clock) -> bool,
    find: impl FnOnce() -> Option<Arc<Clock>>,
    f: impl FnOnce(&Clock) -> R,
) -> Option<R> {
    let mut f = Some(f);
    let called = LAST.try_with(|last| {
        let last = last.borrow();
        let clock = last.as_deref().filter(|clock| is_it(clock))?;
        f.take().map(|f| f(clock))
    });
    match (called, f) {
        (Ok(Some(result)), _) => Some(result),
        // No clock is remembered while the thread ends.
        (_, Some(f)) => find().map(|clock| f(&clock)),
        (_, None) => None,
    }
}

/// The clock of this thread's loop, if one runs here.
pub(crate) fn try_current() -> Option<Arc<Clock>> {
    Home::try_current().map(Clock::of)
}

/// What came of adding a timer.
#[derive(Debug)]
pub(crate) enum Added {
    Waiting(ClockId, Key, Moment),
    /// The moment is past.
    Past,
    /// No clock gets there, or not any more.
    Never,
}

/// Adds a timer that wakes `waker` so many nanoseconds from now.
pub(crate) fn add_after(length: i64, waker: &Waker) -> Added {
    add(waker, |now| now.plus(length).ok_or(Added::Never))
}

/// Adds a timer that wakes `waker` at a moment.
pub(crate) fn add_at(moment: Moment, waker: &Waker) -> Added {
    add(waker, |now| match now < moment {
        true => Ok(moment),
        false => Err(Added::Past),
    })
}

#[inline]
fn add(waker: &Waker, deadline: impl FnOnce(Moment) -> Result<Moment, Added>) -> Added {
    // Cloned first, and dropped last if it is not wanted: both may run anything.
    let mut waker = Some(waker.clone());
    with_current(|clock| {
        let deadline = match deadline(clock.now()) {
            Ok(deadline) => deadline,
            Err(added) => return added,
        };
        match clock.insert(deadline, &mut waker) {
            Some(key) => Added::Waiting(clock.id, key, deadline),
            // A loop that has just ended, while it drops what it has: it does not turn any more.
            None => Added::Never,
        }
    })
}

/// Removes a timer that has not fired.
pub(crate) fn remove(id: ClockId, key: Key) {
    let removed = with_named(id, |clock| clock.driver.remove(key));
    match removed.flatten() {
        Some(Removed::Waker(waker)) => drop(waker),
        Some(Removed::Last) => forget_clock(id),
        None => {}
    }
}

/// Looks whether a timer has fired; if not, it will wake `waker`.
pub(crate) fn poll(id: ClockId, key: Key, waker: &Waker) -> Poll {
    if let Some(polled) = with_named(id, |clock| clock.driver.poll(key, waker)).flatten() {
        return polled;
    }
    // The waker has changed, or the loop has ended.
    let mut new = Some(waker.clone());
    let polled = with_named(id, |clock| {
        let polled = clock.driver.exchange(key, &mut new);
        polled.unwrap_or_else(|| Poll::Lost(clock.now()))
    });
    if let Some(Poll::Lost(_)) = polled {
        remove(id, key);
    }
    // `new` may be the old one by now.
    drop(new);
    polled.unwrap_or(Poll::Fired)
}

/// Takes a clock out of the table.
fn forget_clock(id: ClockId) {
    let forgotten = clocks().remove(&id);
    // The last reference to a loop that has ended drops its mailbox, and what is in there.
    drop(forgotten);
}

impl Clock {
    fn of(home: Home) -> Arc<Clock> {
        let driver = home.slot(|| Driver::new(&home));
        let clock = Clock::of_driver(home, &driver);
        if !driver.is_installed.swap(true, Ordering::AcqRel) {
            clock.home.set_deadline_source(driver.clone());
            // Another thread may have added a timer before the loop knew whom to ask.
            clock.home.unpark();
        }
        let replaced = LAST.try_with(|last| last.replace(Some(clock.clone())));
        // The last reference to a loop that has ended drops its mailbox, and what is in there.
        drop(replaced);
        clock
    }

    fn of_driver(home: Home, driver: &Arc<Driver>) -> Arc<Clock> {
        let id = driver.id;
        let new = || {
            Arc::new(Clock {
                id,
                is_background: !home.is_current(),
                home,
                driver: driver.clone(),
            })
        };
        let mut clocks = clocks();
        match clocks.get(&id) {
            Some(clock) => clock.clone(),
            // Nobody finds the clock of a loop that has ended.
            None if driver.is_closed() => new(),
            None => clocks.entry(id).or_insert_with(new).clone(),
        }
    }

    #[inline]
    pub(crate) fn now(&self) -> Moment {
        Moment::of(self.home.now())
    }

    #[inline]
    pub(crate) fn id(&self) -> ClockId {
        self.id
    }

    /// Adds a timer, and takes its waker; neither when the loop has ended.
    #[inline]
    pub(crate) fn insert(&self, deadline: Moment, waker: &mut Option<Waker>) -> Option<Key> {
        let (key, is_earliest) = match &mut *self.driver.lock() {
            State::Open(open) => open.timers.insert(deadline, waker.take()?),
            State::Closed(_) => return None,
        };
        if is_earliest && !self.is_current() {
            self.home.unpark();
        }
        Some(key)
    }

    /// Something is due already: it is not put off.
    pub(crate) fn hurry(&self) {
        if let State::Open(open) = &mut *self.driver.lock() {
            open.hurry();
        }
    }

    /// How many timers have neither fired nor been removed.
    pub(crate) fn len(&self) -> usize {
        match &*self.driver.lock() {
            State::Open(open) => open.timers.len(),
            State::Closed(_) => 0,
        }
    }

    /// Whether this is what new timers of the calling thread belong to.
    #[inline]
    fn is_for_this_thread(&self) -> bool {
        self.is_current() || (self.is_background && Home::try_current().is_none())
    }

    /// Whether this is the clock of the calling thread's loop.
    #[inline]
    pub(crate) fn is_current(&self) -> bool {
        self.home.is_current()
    }
}

/// What [`Driver::remove`] leaves to its caller.
enum Removed {
    /// To drop the waker.
    Waker(Waker),
    /// To forget the clock, whose last timer this was.
    Last,
}

impl Driver {
    fn new(home: &Home) -> Driver {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let state = match home.is_closed() {
            true => State::Closed(BTreeSet::new()),
            false => State::Open(Open::new(Moment::of(home.now()), !home.has_virtual_clock())),
        };
        Driver {
            id: ClockId::new(id).expect("fewer than four billion loops have timers in a process"),
            timers: Mutex::new(state),
            is_installed: AtomicBool::new(false),
            is_exact: AtomicBool::new(false),
        }
    }

    #[inline]
    fn lock(&self) -> MutexGuard<'_, State> {
        self.timers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_closed(&self) -> bool {
        matches!(&*self.lock(), State::Closed(_))
    }

    #[inline]
    fn remove(&self, key: Key) -> Option<Removed> {
        match &mut *self.lock() {
            State::Open(open) => open.timers.remove(key).map(Removed::Waker),
            State::Closed(lost) => {
                let was_last = lost.remove(&key) && lost.is_empty();
                was_last.then_some(Removed::Last)
            }
        }
    }

    /// `None`: the waker is another one than before, or the loop has ended.
    #[inline]
    fn poll(&self, key: Key, waker: &Waker) -> Option<Poll> {
        match &mut *self.lock() {
            State::Open(open) => match open.timers.waker_mut(key) {
                None => Some(Poll::Fired),
                Some(old) => old.will_wake(waker).then_some(Poll::Waiting),
            },
            State::Closed(lost) => (!lost.contains(&key)).then_some(Poll::Fired),
        }
    }

    /// Puts `new` in the place of the timer's waker. `None`: the loop has ended before it fired.
    fn exchange(&self, key: Key, new: &mut Option<Waker>) -> Option<Poll> {
        match &mut *self.lock() {
            State::Open(open) => Some(match open.timers.waker_mut(key) {
                None => Poll::Fired,
                Some(old) => {
                    if let Some(waker) = new.take() {
                        *new = Some(std::mem::replace(old, waker));
                    }
                    Poll::Waiting
                }
            }),
            State::Closed(lost) => (!lost.contains(&key)).then_some(Poll::Fired),
        }
    }

    /// The loop's thread looks at its deadlines for the first time.
    #[cold]
    fn begin_exact_waits(&self) {
        self.is_exact.store(true, Ordering::Relaxed);
        let _ended = EXACT.try_with(|exact| {
            exact.borrow_mut().insert(self.id, ExactWaits::begin());
        });
    }
}

impl DeadlineSource for Driver {
    fn next_deadline(&self) -> Option<Instant> {
        if !self.is_exact.load(Ordering::Relaxed) {
            self.begin_exact_waits();
        }
        let next = match &mut *self.lock() {
            State::Open(open) => open.next_deadline(),
            State::Closed(_) => None,
        };
        next.map(Moment::instant)
    }

    fn expire(&self, now: Instant) {
        let now = Moment::of(now);
        let due = match &mut *self.lock() {
            State::Open(open) => open.take_due(now),
            State::Closed(_) => Vec::new(),
        };
        wake_all(due);
    }

    fn close(&self) {
        let _last = LAST.try_with(|last| last.borrow_mut().take_if(|clock| clock.id == self.id));
        let _exact = EXACT.try_with(|exact| exact.borrow_mut().remove(&self.id));
        callbacks::forget_all(self.id);
        let rest = {
            let mut state = self.lock();
            let rest = match &mut *state {
                State::Open(open) => open.timers.take_all(),
                State::Closed(_) => Vec::new(),
            };
            let (keys, wakers): (BTreeSet<_>, Vec<_>) = rest.into_iter().unzip();
            *state = State::Closed(keys);
            wakers
        };
        if rest.is_empty() {
            forget_clock(self.id);
        }
        // Whoever waits on another thread is told, and turns to the loop it finds there.
        wake_all(rest);
    }
}
