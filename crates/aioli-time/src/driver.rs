//! One loop's timers, as the loop and the futures see them.
//!
//! The timers live in a typed slot of the loop and are its deadline source. They are guarded by a
//! lock, because a future may be polled and dropped on any thread; nothing is woken, called or
//! dropped while it is held. A thread that adds a timer which is now the earliest makes the loop
//! look at its deadlines again.
//!
//! A future names its clock by a number, which costs no count of references and fits beside its
//! key. A loop's thread finds the loop's own clock with the loop, and other threads remember the
//! background loop's; any other is found in a table of the process. A clock leaves the table when its
//! loop ends, or, if the loop ended before all timers had fired, when who waits for those has noticed:
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
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use aioli_sync::wake_all;
use aioli_task::driver::{DeadlineSource, ExactWaits, Home, set_local, with_local};

use self::open::Open;
use self::stage::{Stage, Wish};
use crate::callbacks;
use crate::moment::Moment;
use crate::ruler::{Machine, Ruler};
use crate::timers::{Due, Key};

mod open;
mod stage;

/// Names a clock, for the lifetime of the process.
pub(crate) type ClockId = NonZeroU32;

thread_local! {
    /// The background loop's clock, on a thread that asked for timers where no loop runs.
    static BACKGROUND: RefCell<Option<Arc<Clock>>> = const { RefCell::new(None) };
    /// Held for each loop of this thread that has timers, of which one may run after the other.
    static EXACT: RefCell<BTreeMap<ClockId, ExactWaits>> = const { RefCell::new(BTreeMap::new()) };
}

/// The clocks whose timers somebody may still ask for.
static CLOCKS: Mutex<BTreeMap<ClockId, Arc<Clock>>> = Mutex::new(BTreeMap::new());

fn clocks() -> MutexGuard<'static, BTreeMap<ClockId, Arc<Clock>>> {
    CLOCKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The clock of a loop, as the loop's own thread has it.
struct Local {
    clock: Arc<Clock>,
    stage: Stage,
    /// None where the clock has to be looked at each time.
    ruler: Option<Ruler<Machine>>,
}

/// A loop and its timers.
#[derive(Debug)]
pub(crate) struct Clock {
    id: ClockId,
    home: Home,
    driver: Arc<Driver>,
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
#[cold]
fn current() -> Arc<Clock> {
    let remembered = match Home::try_current() {
        Some(home) => return Clock::of(home),
        // No clock is remembered while the thread ends.
        None => BACKGROUND.try_with(|clock| clock.borrow().clone()),
    };
    remembered.ok().flatten().unwrap_or_else(|| {
        let clock = Clock::of(Home::current());
        let _ended = BACKGROUND.try_with(|known| known.replace(Some(clock.clone())));
        clock
    })
}

/// The clock that is so named, unless it has fired all its timers and is gone.
#[cold]
fn named(id: ClockId) -> Option<Arc<Clock>> {
    let remembered = BACKGROUND.try_with(|clock| clock.borrow().clone());
    let is_it = |clock: &Arc<Clock>| clock.id == id;
    let remembered = remembered.ok().flatten().filter(is_it);
    remembered.or_else(|| clocks().get(&id).cloned())
}

/// Calls `f` with the clock of this thread's loop, if it is the one that is so named.
#[inline]
fn if_local<R>(id: ClockId, f: impl FnOnce(&Local) -> R) -> Option<R> {
    with_local(|local: &Local| (local.clock.id == id).then(|| f(local))).flatten()
}

/// Whether it is this thread's clock that is so named: that of its loop, else the background loop's.
#[inline]
pub(crate) fn is_here(id: ClockId) -> bool {
    if_local(id, |_| ()).is_some() || is_background(id)
}

#[cold]
fn is_background(id: ClockId) -> bool {
    let is_it = |clock: &Arc<Clock>| clock.id == id;
    let known = || BACKGROUND.try_with(|known| known.borrow().as_ref().is_some_and(is_it));
    Home::try_current().is_none() && known().unwrap_or(false)
}

/// Whether this thread's clock is a virtual one.
pub(crate) fn is_virtual() -> bool {
    with_local(|local: &Local| local.clock.home.has_virtual_clock())
        .unwrap_or_else(|| current().home.has_virtual_clock())
}

/// How many timers of the current clock have neither fired nor been removed.
pub(crate) fn count() -> usize {
    let here = with_local(|local: &Local| local.clock.driver.count(Some(&local.stage)));
    here.unwrap_or_else(|| current().driver.count(None))
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
    add(waker, |clock| {
        clock.begin().plus(length).ok_or(Added::Never)
    })
}

/// Adds a timer that wakes `waker` at a moment.
pub(crate) fn add_at(moment: Moment, waker: &Waker) -> Added {
    add(waker, |clock| match clock.now() < moment {
        true => Ok(moment),
        false => Err(Added::Past),
    })
}

/// As [`add_at`], of a moment that is to come: the clock is not read.
pub(crate) fn add_upcoming(moment: Moment, waker: &Waker) -> Added {
    add(waker, |_| Ok(moment))
}

fn add(waker: &Waker, deadline: impl Fn(&Clock) -> Result<Moment, Added>) -> Added {
    let add = |clock: &Clock, local: Option<&Local>| {
        let deadline = match deadline(clock) {
            Ok(deadline) => deadline,
            Err(added) => return added,
        };
        let waker = waker.clone();
        let key = match local {
            Some(local) => local.insert(deadline, waker),
            None => clock.insert(deadline, waker),
        };
        match key {
            Ok(key) => Added::Waiting(clock.id, key, deadline),
            // A loop that has just ended, while it drops what it has: it does not turn any more.
            Err(_unwanted) => Added::Never,
        }
    };
    let here = with_local(|local: &Local| add(&local.clock, Some(local)));
    here.unwrap_or_else(|| add(&current(), None))
}

/// Adds a timer as [`add_after`] does, on a loop's thread that has added one before, and tells
/// `added` of it.
// PERF: `timeout_yield`: nothing is returned that would have to be moved.
#[inline(always)]
pub(crate) fn add_here_after(
    length: i64,
    waker: &Waker,
    added: impl FnOnce(ClockId, Key, Moment),
) -> AddedHere {
    let is_added = with_local(|local: &Local| {
        let deadline = local.begin().plus(length)?;
        let key = local.insert(deadline, waker.clone()).ok()?;
        added(local.clock.id, key, deadline);
        Some(())
    });
    match is_added {
        Some(Some(())) => AddedHere::Waiting,
        Some(None) => AddedHere::Never,
        None => AddedHere::NoLoop,
    }
}

/// What came of adding a timer to this thread's loop.
pub(crate) enum AddedHere {
    Waiting,
    /// The clock does not get there, or not any more.
    Never,
    /// There is no loop, or it has no timers yet.
    NoLoop,
}

/// Removes a timer that has not fired.
#[inline]
pub(crate) fn remove(id: ClockId, key: Key) {
    match if_local(id, |local| local.unstage(key)).flatten() {
        Some(waker) => drop(waker),
        None => remove_settled(id, key),
    }
}

/// Removes a timer that is not on the stage, or that is wished for there.
#[inline(never)]
fn remove_settled(id: ClockId, key: Key) {
    let here = if_local(id, |local| local.remove(key));
    let removed = here.unwrap_or_else(|| named(id).and_then(|clock| clock.driver.remove(key)));
    match removed {
        Some(Removed::Waker(waker)) => drop(waker),
        Some(Removed::Last) => forget_clock(id),
        None => {}
    }
}

/// Looks whether a timer has fired; if not, it will wake `waker`.
pub(crate) fn poll(id: ClockId, key: Key, waker: &Waker) -> Poll {
    if let Some(polled) = if_local(id, |local| local.poll(key, waker)).flatten() {
        return polled;
    }
    let Some(clock) = named(id) else {
        return Poll::Fired;
    };
    if let Some(polled) = clock.driver.poll(key, waker) {
        return polled;
    }
    // The waker has changed, or the loop has ended.
    let mut new = Some(waker.clone());
    let polled = clock.driver.exchange(key, &mut new);
    // `new` may be the old one by now.
    drop(new);
    polled.unwrap_or_else(|| {
        remove(id, key);
        Poll::Lost(clock.now())
    })
}

/// Takes a clock out of the table.
fn forget_clock(id: ClockId) {
    let forgotten = clocks().remove(&id);
    // The last reference to a loop that has ended drops its mailbox, and what is in there.
    drop(forgotten);
}

impl Local {
    /// When a length begins that begins now.
    #[inline(always)]
    fn begin(&self) -> Moment {
        match &self.ruler {
            Some(ruler) => ruler.begin(),
            None => self.clock.now(),
        }
    }

    /// Adds a timer; gives its waker back when the loop has ended.
    #[inline(always)]
    fn insert(&self, deadline: Moment, waker: Waker) -> Result<Key, Waker> {
        // ORDERING: none needed: who has added a timer before this one, in any order that can be
        // told, comes before this look as well.
        if self.stage.is_free() && !self.clock.driver.is_overtaken.load(Ordering::Relaxed) {
            return Ok(self.stage.add(deadline, waker));
        }
        self.clock.insert(deadline, waker)
    }

    /// Removes a timer that is on the stage, unless there is a wish about it.
    #[inline]
    fn unstage(&self, key: Key) -> Option<Waker> {
        match self.has_unwished(key) {
            true => self.stage.remove(),
            false => None,
        }
    }

    /// Whether the key is that of the timer on the stage, which is all that is to be known of it.
    #[inline]
    fn has_unwished(&self, key: Key) -> bool {
        // ORDERING: none needed: it is the owner of this key who has left a wish, if there is one.
        self.stage.has(key) && !self.clock.driver.is_wished.load(Ordering::Relaxed)
    }

    fn remove(&self, key: Key) -> Option<Removed> {
        if self.stage.has(key) {
            // What others wish is overruled.
            drop(self.settle());
        }
        self.clock.driver.remove(key)
    }

    /// `None`: the waker is another one than before, or the loop has ended.
    fn poll(&self, key: Key, waker: &Waker) -> Option<Poll> {
        if self.has_unwished(key) && self.stage.will_wake(waker) {
            return Some(Poll::Waiting);
        }
        if self.stage.has(key) {
            // What others wish is not looked at on the stage.
            drop(self.settle());
        }
        self.clock.driver.poll(key, waker)
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

impl Clock {
    fn of(home: Home) -> Arc<Clock> {
        let driver = home.slot(|| Driver::new(&home));
        let clock = Clock::of_driver(home, &driver);
        if !driver.is_installed.swap(true, Ordering::AcqRel) {
            clock.home.set_deadline_source(driver.clone());
            // Another thread may have added a timer before the loop knew whom to ask.
            clock.home.unpark();
        }
        if clock.is_current() {
            set_local(Local {
                clock: clock.clone(),
                stage: Stage::new(),
                ruler: Machine::of(&clock.home).map(Ruler::new),
            });
        }
        clock
    }

    fn of_driver(home: Home, driver: &Arc<Driver>) -> Arc<Clock> {
        let id = driver.id;
        let new = || {
            Arc::new(Clock {
                id,
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

    /// When a length begins that begins now: in order with all others of this thread.
    pub(crate) fn begin(&self) -> Moment {
        if_local(self.id, Local::begin).unwrap_or_else(|| self.now())
    }

    #[inline]
    pub(crate) fn id(&self) -> ClockId {
        self.id
    }

    /// Adds a timer, but not to the stage; gives its waker back when the loop has ended.
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

    /// How many timers there are, with what is on the stage.
    fn count(&self, stage: Option<&Stage>) -> usize {
        match &*self.lock() {
            State::Open(open) => {
                let is_staged = stage.is_some_and(Stage::is_taken);
                let is_wanted = !matches!(open.wish, Some(Wish::Remove));
                open.timers.len() + usize::from(is_staged && is_wanted)
            }
            State::Closed(_) => 0,
        }
    }

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
        let looked = if_local(self.id, |local| look(Some(&local.stage)));
        let (next, left) = looked.unwrap_or_else(|| look(None));
        drop(left);
        next.map(Moment::instant)
    }

    fn expire(&self, now: Instant) {
        let now = Moment::of(now);
        let due = match &mut *self.lock() {
            State::Open(open) => open.take_due(now),
            State::Closed(_) => Due::default(),
        };
        wake_all(due);
    }

    fn close(&self) {
        // What is on the stage is put among the others.
        let left = if_local(self.id, Local::settle).flatten();
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
