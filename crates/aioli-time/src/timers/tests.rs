//! The set of timers against the model, over random histories.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::model::{self, Model};
use super::{Key, Timers};
use crate::moment::Moment;

const YEAR: Duration = Duration::from_secs(365 * 86_400);

#[derive(Debug, Clone)]
enum Op {
    /// Adds a timer so long after the present moment, or so long before it.
    Insert(Duration, bool),
    /// Adds one with the deadline of the timer that was added at this place, modulo their number.
    InsertEqual(usize),
    /// Adds one, and removes it at once: a timeout that did not strike.
    Pass(Duration),
    /// Keeps a place for one.
    Reserve,
    /// Adds one to the place that is kept.
    InsertReserved(Duration),
    /// Removes the timer that was added at this place, modulo how many there have been.
    Remove(usize),
    /// Exchanges the waker of the timer that was added at this place.
    Exchange(usize),
    /// Moves the clock on, and fires. While the timers fire, one after the other, each does one of
    /// these.
    Advance(Duration, Vec<Op>),
    /// Moves the clock to the next deadline, and fires.
    Jump(Vec<Op>),
}

/// Lengths of every order of magnitude up to a hundred years.
fn length() -> impl Strategy<Value = Duration> {
    prop_oneof![
        10 => (0..62u32, any::<u64>()).prop_map(|(bits, n)| n & ((1 << bits) - 1)),
        // At the borders of ticks and levels.
        2 => (17..60u32, -2..3i64).prop_map(|(bits, n)| (1_u64 << bits).saturating_add_signed(n)),
        1 => Just(YEAR.as_nanos() as u64 * 100),
    ]
    .prop_map(|nanoseconds| Duration::from_nanos(nanoseconds).min(100 * YEAR))
}

/// What happens to single timers.
fn touch() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (length(), prop::bool::weighted(0.1)).prop_map(|(d, past)| Op::Insert(d, past)),
        2 => any::<usize>().prop_map(Op::InsertEqual),
        1 => length().prop_map(Op::Pass),
        1 => Just(Op::Reserve),
        1 => length().prop_map(Op::InsertReserved),
        4 => any::<usize>().prop_map(Op::Remove),
        1 => any::<usize>().prop_map(Op::Exchange),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let inside = || prop::collection::vec(touch(), 0..6);
    prop_oneof![
        7 => touch(),
        1 => (length(), inside()).prop_map(|(length, ops)| Op::Advance(length, ops)),
        1 => inside().prop_map(Op::Jump),
    ]
}

/// Notes its number when it is woken.
struct Bell {
    number: AtomicU64,
    rung: Arc<Mutex<Vec<u64>>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung
            .lock()
            .unwrap()
            .push(self.number.load(Ordering::Relaxed));
    }
}

/// Makes wakers, and knows which of them have been woken.
#[derive(Default)]
struct Bells(Arc<Mutex<Vec<u64>>>);

impl Bells {
    fn waker(&self, number: u64) -> Waker {
        Waker::from(Arc::new(Bell {
            number: AtomicU64::new(number),
            rung: self.0.clone(),
        }))
    }

    /// Wakes all, and returns their numbers.
    fn numbers(&self, wakers: impl IntoIterator<Item = Waker>) -> Vec<u64> {
        wakers.into_iter().for_each(Waker::wake);
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// The set and the model, side by side.
struct Pair {
    timers: Timers,
    model: Model,
    bells: Bells,
    now: Moment,
    /// What has been added: the deadline, and the keys of both.
    added: Vec<(Moment, Key, model::Key)>,
    /// The place that is kept, and its number in the model.
    reserved: Option<(Key, u64)>,
}

impl Pair {
    fn new() -> Pair {
        let now = Moment::of(Instant::now());
        Pair {
            timers: Timers::new(now),
            model: Model::default(),
            bells: Bells::default(),
            now,
            added: Vec::new(),
            reserved: None,
        }
    }

    fn after(&self, length: Duration) -> Moment {
        // A clock that has gone for three hundred years stays where it is.
        self.now.after(length).unwrap_or(self.now)
    }

    fn insert(&mut self, deadline: Moment) {
        let id = self.added.len() as u64;
        let may_be_first = self
            .model
            .next_deadline()
            .is_none_or(|first| deadline < first);
        let (key, is_first) = self.timers.insert(deadline, self.bells.waker(id));
        assert!(
            is_first || !may_be_first,
            "a new earliest deadline was not told"
        );
        let of_model = self.model.insert(deadline, id);
        self.added.push((deadline, key, of_model));
    }

    fn remove(&mut self, at: usize) {
        let (_, key, of_model) = self.added[at];
        let removed = self.bells.numbers(self.timers.remove(key));
        assert_eq!(removed.first().copied(), self.model.remove(of_model));
    }

    fn apply(&mut self, op: &Op) {
        let count = self.added.len();
        match op {
            Op::Insert(length, false) => self.insert(self.after(*length)),
            Op::Insert(length, true) => {
                let past = self
                    .now
                    .number()
                    .saturating_sub_unsigned(length.as_nanos() as u64);
                self.insert(Moment::from_number(past));
            }
            Op::Pass(length) => {
                self.insert(self.after(*length));
                self.remove(count);
            }
            Op::Reserve => self.reserved = Some((self.timers.reserve(), self.model.reserve())),
            Op::InsertReserved(length) => {
                if let Some((key, arrival)) = self.reserved.take() {
                    assert!(self.timers.is_reserved(key) && self.timers.remove(key).is_none());
                    let (deadline, id) = (self.after(*length), count as u64);
                    self.timers.insert_reserved(deadline, self.bells.waker(id));
                    assert!(!self.timers.is_reserved(key));
                    let of_model = self.model.insert_reserved(deadline, arrival, id);
                    self.added.push((deadline, key, of_model));
                }
            }
            Op::InsertEqual(_) | Op::Remove(_) | Op::Exchange(_) if count == 0 => {}
            Op::InsertEqual(n) => self.insert(self.added[n % count].0),
            Op::Remove(n) => self.remove(n % count),
            Op::Exchange(n) => {
                let (_, key, of_model) = self.added[n % count];
                let same = self.bells.waker((n % count) as u64);
                let old = self
                    .timers
                    .waker_mut(key)
                    .map(|old| std::mem::replace(old, same));
                assert_eq!(old.is_some(), self.model.has(of_model));
            }
            Op::Advance(length, inside) => {
                self.now = self.after(*length);
                self.fire(inside);
            }
            Op::Jump(inside) => {
                self.now = self.model.next_deadline().unwrap_or(self.now).max(self.now);
                self.fire(inside);
            }
        }
    }

    /// Fires what is due; meanwhile, callbacks and wakers do what is `inside`: what they add waits
    /// for the next time, also when it is due, and what they remove may have been taken out.
    fn fire(&mut self, inside: &[Op]) {
        let due = self.timers.take_due(self.now);
        let expected = self.model.take_due(self.now);
        let mut inside = inside.iter();
        let mut fired = Vec::new();
        for waker in due {
            fired.extend(self.bells.numbers([waker]));
            if let Some(op) = inside.next() {
                self.apply(op);
            }
        }
        assert_eq!(fired, expected);
    }

    fn check(&mut self) {
        assert_eq!(self.timers.len(), self.model.len());
        assert_eq!(self.timers.next_deadline(), self.model.next_deadline());
    }
}

fn check_history(ops: &[(Op, bool)]) {
    let mut pair = Pair::new();
    for (op, is_checked) in ops {
        pair.apply(op);
        // Asking for the earliest deadline changes what is known of it.
        if *is_checked {
            pair.check();
        }
    }
    pair.check();
    let rest = pair.timers.take_all();
    let rest = pair.bells.numbers(rest.into_iter().map(|(_, waker)| waker));
    assert_eq!(rest, pair.model.take_all());
    assert_eq!(pair.timers.len(), 0);
    assert_eq!(pair.timers.next_deadline(), None);
}

proptest! {
    #[test]
    fn the_set_does_what_the_model_does(
        ops in prop::collection::vec((op(), any::<bool>()), 0..400),
    ) {
        check_history(&ops);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 4 }))]

    #[test]
    fn long_histories_too(
        ops in prop::collection::vec((op(), prop::bool::weighted(0.1)), 3_000..6_000),
    ) {
        check_history(&ops);
    }
}

/// A set whose timers have numbers, at the moment it begins.
fn begin() -> (Moment, Timers, Bells) {
    let now = Moment::of(Instant::now());
    (now, Timers::new(now), Bells::default())
}

fn later(now: Moment, length: Duration) -> Moment {
    now.after(length).expect("no test goes on for so long")
}

#[test]
fn a_key_of_a_timer_that_is_gone_names_no_later_one() {
    let (now, mut timers, bells) = begin();
    let (old, _) = timers.insert(now, bells.waker(1));
    assert_eq!(bells.numbers(timers.take_due(now)), [1]);
    let (new, _) = timers.insert(now, bells.waker(2));
    assert!(timers.remove(old).is_none());
    assert!(timers.waker_mut(old).is_none());
    assert!(timers.remove(new).is_some());
}

#[test]
fn memory_is_given_back_after_a_burst() {
    let (now, mut timers, bells) = begin();
    let (_stays, _) = timers.insert(later(now, Duration::from_secs(1000)), bells.waker(0));
    let place = timers.reserve();
    let burst: Vec<Key> = (1..20_000)
        .map(|n| {
            let deadline = later(now, Duration::from_millis(n));
            timers.insert(deadline, bells.waker(n)).0
        })
        .collect();
    assert!(timers.slab.capacity() >= 20_000);
    for key in burst {
        assert!(timers.remove(key).is_some());
    }
    assert!(timers.slab.capacity() < 1000, "{}", timers.slab.capacity());
    assert_eq!(timers.len(), 1);
    timers.insert_reserved(now, bells.waker(20_000));
    assert!(timers.remove(place).is_some(), "its place has been kept");
}

#[test]
fn what_puts_a_burst_in_order_is_given_back() {
    let (now, mut timers, bells) = begin();
    let soon = later(now, Duration::from_secs(1));
    for n in 0..10_000 {
        timers.insert(soon, bells.waker(n));
        timers.insert(now, bells.waker(n));
    }
    assert_eq!(timers.take_due(soon).len(), 20_000);
    assert!(timers.near.capacity() < 5000, "{}", timers.near.capacity());
}

#[test]
fn near_timers_that_are_removed_leave_no_heap_behind() {
    let (now, mut timers, bells) = begin();
    for n in 0..10_000 {
        let (key, _) = timers.insert(now, bells.waker(n));
        assert!(timers.remove(key).is_some());
    }
    assert!(timers.near.len() < 100, "{}", timers.near.len());
}

#[test]
fn a_year_of_timers_one_a_second_passes_in_order() {
    let (now, mut timers, bells) = begin();
    let mut fired = 0;
    let hour = 60 * 60;
    for n in 1..=hour {
        // Hours of all days of a year, in a scattered order.
        let length = Duration::from_secs((n * 7919) % hour * 8760);
        timers.insert(later(now, length), bells.waker(n));
    }
    while let Some(next) = timers.next_deadline() {
        fired += timers.take_due(next).len() as u64;
    }
    assert_eq!(fired, hour);
}
