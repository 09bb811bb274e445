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
//! What the loop's own thread adds may be gone before the loop has looked at it: it waits aside, on
//! the *stage* (`driver/stage.rs`), and touches the lock only if it stays.
//!
//! Callbacks need not be `Send`, so they stay on the thread that made them, in a thread-local
//! table (`callbacks.rs`).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use aioli_sync::wake_all;
use aioli_task::driver::{DeadlineSource, ExactWaits, Home};

use self::open::Open;
use self::stage::{Stage, Wish};
use crate::callbacks;
use crate::moment::Moment;
use crate::timers::Key;

mod open;
mod stage;

/// Names a clock, for the lifetime of the process.
pub(crate) type ClockId = NonZeroU32;

thread_local! {
    /// The clock that this thread used last. A loop's own is forgotten when it ends.
    static LAST: RefCell<Option<Rc<Known>>> = const { RefCell::new(None) };
    /// Held for each loop of this thread that has timers, of which one may run after the other.
    static EXACT: RefCell<BTreeMap<ClockId, ExactWaits>> = const { RefCell::new(BTreeMap::new()) };
}

/// The clocks whose timers somebody may still ask for.
static CLOCKS: Mutex<BTreeMap<ClockId, Arc<Clock>>> = Mutex::new(BTreeMap::new());

fn clocks() -> MutexGuard<'static, BTreeMap<ClockId, Arc<Clock>>> {
    CLOCKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A clock as one thread knows it. Only the loop's own has a place on the stage.
pub(crate) struct Known {
    clock: Arc<Clock>,
    stage: Stage,
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
    /// Whether a timer was added past the stage since the place there was reserved. Written under the
    /// lock.
    is_overtaken: AtomicBool,
    /// Whether there is a wish about the timer on the stage. Written under the lock.
    is_wished: AtomicBool,
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

/// The clock of this thread's loop, else that of the background loop.
// PERF: `timeout_yield`, here and below: a count of references costs less than to call a function
// in the middle of a borrow.
#[inline(always)]
pub(crate) fn current() -> Rc<Known> {
    match last(|clock| clock.is_for_this_thread()) {
        Some(known) => known,
        None => find_current(),
    }
}

#[cold]
fn find_current() -> Rc<Known> {
    let clock = Clock::of(Home::current());
    // No clock is remembered while the thread ends.
    last(|last| Arc::ptr_eq(last, &clock)).unwrap_or_else(|| Rc::new(Known::new(clock.clone())))
}

/// The clock that is so named, unless it has fired all its timers and is gone.
#[inline(always)]
fn named(id: ClockId) -> Option<Rc<Known>> {
    match last(|clock| clock.id == id) {
        Some(known) => Some(known),
        None => find_named(id),
    }
}

#[cold]
fn find_named(id: ClockId) -> Option<Rc<Known>> {
    let found = clocks().get(&id).cloned();
    found.map(|clock| Rc::new(Known::new(clock)))
}

/// The clock used last, if it is the right one.
#[inline(always)]
fn last(is_it: impl FnOnce(&Arc<Clock>) -> bool) -> Option<Rc<Known>> {
    let known = LAST.try_with(|last| match &*last.borrow() {
        Some(known) if is_it(&known.clock) => Some(known.clone()),
        _ => None,
    });
    known.ok().flatten()
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
    let known = current();
    let deadline = match deadline(known.clock.now()) {
        Ok(deadline) => deadline,
        Err(added) => return added,
    };
    match known.add(deadline, waker.clone()) {
        Ok(key) => Added::Waiting(known.clock.id, key, deadline),
        // A loop that has just ended, while it drops what it has: it does not turn any more.
        Err(_unwanted) => Added::Never,
    }
}

/// Removes a timer that has not fired.
pub(crate) fn remove(id: ClockId, key: Key) {
    let Some(known) = named(id) else { return };
    match known.remove(key) {
        Some(Removed::Waker(waker)) => drop(waker),
        Some(Removed::Last) => forget_clock(id),
        None => {}
    }
}

/// Looks whether a timer has fired; if not, it will wake `waker`.
pub(crate) fn poll(id: ClockId, key: Key, waker: &Waker) -> Poll {
    let Some(known) = named(id) else {
        return Poll::Fired;
    };
    if known.stage.has(key) {
        // What others wish is not looked at on the stage.
        drop(known.settle());
    }
    let driver = &known.clock.driver;
    if let Some(polled) = driver.poll(key, waker) {
        return polled;
    }
    // The waker has changed, or the loop has ended.
    let mut new = Some(waker.clone());
    let polled = driver.exchange(key, &mut new);
    // `new` may be the old one by now.
    drop(new);
    polled.unwrap_or_else(|| {
        remove(id, key);
        Poll::Lost(known.clock.now())
    })
}

/// Takes a clock out of the table.
fn forget_clock(id: ClockId) {
    let forgotten = clocks().remove(&id);
    // The last reference to a loop that has ended drops its mailbox, and what is in there.
    drop(forgotten);
}

impl Known {
    fn new(clock: Arc<Clock>) -> Known {
        Known {
            clock,
            stage: Stage::new(),
        }
    }

    /// How many timers have neither fired nor been removed.
    pub(crate) fn len(&self) -> usize {
        match &*self.clock.driver.lock() {
            State::Open(open) => {
                let is_wanted = !matches!(open.wish, Some(Wish::Remove));
                let is_staged = self.stage.is_taken() && is_wanted;
                open.timers.len() + usize::from(is_staged)
            }
            State::Closed(_) => 0,
        }
    }

    /// Adds a timer; gives its waker back when the loop has ended.
    #[inline(always)]
    fn add(&self, deadline: Moment, waker: Waker) -> Result<Key, Waker> {
        // ORDERING: none needed: who has added a timer before this one, in any order that can be
        // told, comes before this look as well.
        if self.stage.is_free() && !self.clock.driver.is_overtaken.load(Ordering::Relaxed) {
            return Ok(self.stage.add(deadline, waker));
        }
        self.clock.insert(deadline, waker)
    }

    #[inline]
    fn remove(&self, key: Key) -> Option<Removed> {
        let driver = &self.clock.driver;
        if !self.stage.has(key) {
            return driver.remove(key);
        }
        // ORDERING: none needed: it is the owner of this key who has left a wish, if there is one.
        if !driver.is_wished.load(Ordering::Relaxed) {
            return self.stage.remove().map(Removed::Waker);
        }
        let _overruled = self.settle();
        driver.remove(key)
    }

    /// Settles the stage; what it returns is to be dropped where nothing is borrowed.
    #[cold]
    fn settle(&self) -> Option<Waker> {
        let driver = &self.clock.driver;
        match &mut *driver.lock() {
            State::Open(open) => driver.settle(&self.stage, open),
            State::Closed(_) => self.stage.clear().map(|staged| staged.waker),
        }
    }
}

impl Drop for Known {
    /// What is on the stage goes to where others find it.
    fn drop(&mut self) {
        if self.stage.is_taken() {
            drop(self.settle());
        }
    }
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
        let replaced = LAST.try_with(|last| {
            let mut last = last.borrow_mut();
            let is_other = |known: &Rc<Known>| !Arc::ptr_eq(&known.clock, &clock);
            let is_new = last.as_ref().is_none_or(is_other);
            is_new.then(|| last.replace(Rc::new(Known::new(clock.clone()))))
        });
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

    /// Adds a timer, but to the stage; gives its waker back when the loop has ended.
    #[inline(never)]
    pub(crate) fn insert(&self, deadline: Moment, waker: Waker) -> Result<Key, Waker> {
        let (key, is_earliest) = match &mut *self.driver.lock() {
            State::Open(open) => {
                // ORDERING: none needed, as where it is read.
                self.driver.is_overtaken.store(true, Ordering::Relaxed);
                open.timers.insert(deadline, waker)
            }
            State::Closed(_) => return Err(waker),
        };
        if is_earliest && !self.is_current() {
            self.home.unpark();
        }
        Ok(key)
    }

    /// Something is due already: it is not put off.
    pub(crate) fn hurry(&self) {
        if let State::Open(open) = &mut *self.driver.lock() {
            open.hurry();
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
            is_overtaken: AtomicBool::new(false),
            is_wished: AtomicBool::new(false),
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
            State::Open(open) => match open.timers.remove(key) {
                Some(waker) => Some(Removed::Waker(waker)),
                None => self.wish(open, key, Wish::Remove).map(Removed::Waker),
            },
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
                Some(old) => old.will_wake(waker).then_some(Poll::Waiting),
                // The waker on the stage is not to be seen from here.
                None => (!open.timers.is_reserved(key)).then_some(Poll::Fired),
            },
            State::Closed(lost) => (!lost.contains(&key)).then_some(Poll::Fired),
        }
    }

    /// Puts `new` in the place of the timer's waker. `None`: the loop has ended before it fired.
    fn exchange(&self, key: Key, new: &mut Option<Waker>) -> Option<Poll> {
        match &mut *self.lock() {
            State::Open(open) => Some(if let Some(old) = open.timers.waker_mut(key) {
                if let Some(waker) = new.take() {
                    *new = Some(std::mem::replace(old, waker));
                }
                Poll::Waiting
            } else if open.timers.is_reserved(key) {
                if let Some(waker) = new.take() {
                    *new = self.wish(open, key, Wish::Wake(waker));
                }
                Poll::Waiting
            } else {
                Poll::Fired
            }),
            State::Closed(lost) => (!lost.contains(&key)).then_some(Poll::Fired),
        }
    }

    /// Leaves a wish, if the key is that of the timer on the stage. Returns a waker that is not
    /// wanted any more.
    #[cold]
    fn wish(&self, open: &mut Open, key: Key, wish: Wish) -> Option<Waker> {
        if !open.timers.is_reserved(key) {
            return None;
        }
        // ORDERING: none needed: it is for the owner of the key, which the caller is.
        self.is_wished.store(true, Ordering::Relaxed);
        match open.wish.replace(wish) {
            Some(Wish::Wake(waker)) => Some(waker),
            Some(Wish::Remove) | None => None,
        }
    }

    /// Puts what is on the stage among the others, and reserves the place of the next one. Returns
    /// a waker to drop with no lock held.
    fn settle(&self, stage: &Stage, open: &mut Open) -> Option<Waker> {
        let (key, left) = open.settle(stage.clear());
        // ORDERING: as where they are set, under the same lock.
        self.is_overtaken.store(false, Ordering::Relaxed);
        self.is_wished.store(false, Ordering::Relaxed);
        stage.open(key);
        left
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
        let look = |stage: Option<&Stage>| match &mut *self.lock() {
            State::Open(open) => {
                // ORDERING: none needed: it is written under this lock.
                let is_overtaken = self.is_overtaken.load(Ordering::Relaxed);
                let stage = stage.filter(|stage| is_overtaken || !stage.is_free());
                let left = stage.and_then(|stage| self.settle(stage, open));
                (open.next_deadline(), left)
            }
            State::Closed(_) => (None, None),
        };
        let looked = LAST.try_with(|last| {
            let last = last.borrow();
            let mine = last.as_ref().filter(|known| known.clock.id == self.id);
            look(mine.map(|known| &known.stage))
        });
        let (next, left) = looked.unwrap_or_else(|_| look(None));
        drop(left);
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
        let last = LAST.try_with(|last| {
            let mut last = last.borrow_mut();
            last.take_if(|known| known.clock.id == self.id)
        });
        // What is on the stage is put among the others.
        let last = last.ok().flatten();
        let left = last.as_ref().and_then(|known| known.settle());
        drop(left);
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
