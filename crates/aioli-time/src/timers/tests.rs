//! The set of timers against the model, over random histories.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::model::{self, Model};
use super::{Action, Key, Timers};

#[derive(Debug, Clone)]
enum Op {
    /// Adds a timer so long after the present moment, or so long before it.
    Insert(Duration, bool),
    /// Adds one with the deadline of the timer that was added at this place, modulo their number.
    InsertEqual(usize),
    /// Removes the timer that was added at this place, modulo how many there have been.
    Remove(usize),
    /// Moves the clock on, and fires.
    Advance(Duration),
    /// Moves the clock to the next deadline, and fires.
    Jump,
}

/// Lengths of every order of magnitude up to a hundred years.
fn length() -> impl Strategy<Value = Duration> {
    (0..62u32, any::<u64>()).prop_map(|(bits, n)| Duration::from_nanos(n & ((1 << bits) - 1)))
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (length(), prop::bool::weighted(0.1)).prop_map(|(d, past)| Op::Insert(d, past)),
        2 => any::<usize>().prop_map(Op::InsertEqual),
        4 => any::<usize>().prop_map(Op::Remove),
        2 => length().prop_map(Op::Advance),
        2 => Just(Op::Jump),
    ]
}

fn id(action: Action) -> u64 {
    match action {
        Action::Call(id) => id,
        Action::Wake(_) => unreachable!("the tests add callbacks only"),
    }
}

fn ids(actions: Vec<Action>) -> Vec<u64> {
    actions.into_iter().map(id).collect()
}

/// The set and the model, side by side.
struct Pair {
    timers: Timers,
    model: Model,
    now: Instant,
    /// What has been added: the deadline, and the keys of both.
    added: Vec<(Instant, Key, model::Key)>,
}

impl Pair {
    fn new() -> Pair {
        let now = Instant::now();
        Pair {
            timers: Timers::new(now),
            model: Model::default(),
            now,
            added: Vec::new(),
        }
    }

    fn insert(&mut self, deadline: Instant) {
        let id = self.added.len() as u64;
        let may_be_first = self
            .model
            .next_deadline()
            .is_none_or(|first| deadline < first);
        let (key, is_first) = self.timers.insert(deadline, Action::Call(id));
        assert!(
            is_first || !may_be_first,
            "a new earliest deadline was not told"
        );
        let of_model = self.model.insert(deadline, id);
        self.added.push((deadline, key, of_model));
    }

    fn apply(&mut self, op: Op) {
        let count = self.added.len();
        match op {
            Op::Insert(length, false) => self.insert(self.now + length),
            Op::Insert(length, true) => {
                let moment = self.now.checked_sub(length).unwrap_or(self.now);
                self.insert(moment);
            }
            Op::InsertEqual(_) | Op::Remove(_) if count == 0 => {}
            Op::InsertEqual(n) => self.insert(self.added[n % count].0),
            Op::Remove(n) => {
                let (_, key, of_model) = self.added[n % count];
                assert_eq!(self.timers.remove(key).map(id), self.model.remove(of_model));
            }
            Op::Advance(length) => {
                self.now = self.now.checked_add(length).unwrap_or(self.now);
                self.fire();
            }
            Op::Jump => {
                self.now = self.model.next_deadline().unwrap_or(self.now).max(self.now);
                self.fire();
            }
        }
    }

    fn fire(&mut self) {
        assert_eq!(
            ids(self.timers.take_due(self.now)),
            self.model.take_due(self.now)
        );
    }

    fn check(&mut self) {
        assert_eq!(self.timers.len(), self.model.len());
        assert_eq!(self.timers.next_deadline(), self.model.next_deadline());
    }
}

proptest! {
    #[test]
    fn the_set_does_what_the_model_does(
        ops in prop::collection::vec((op(), any::<bool>()), 0..400),
    ) {
        let mut pair = Pair::new();
        for (op, is_checked) in ops {
            pair.apply(op);
            // Asking for the earliest deadline changes what is known of it.
            if is_checked {
                pair.check();
            }
        }
        pair.check();
        prop_assert_eq!(ids(pair.timers.take_all()), pair.model.take_all());
        prop_assert_eq!(pair.timers.len(), 0);
        prop_assert_eq!(pair.timers.next_deadline(), None);
    }
}

#[test]
fn a_key_of_a_timer_that_is_gone_names_no_later_one() {
    let now = Instant::now();
    let mut timers = Timers::new(now);
    let (old, _) = timers.insert(now, Action::Call(1));
    assert_eq!(ids(timers.take_due(now)), [1]);
    let (new, _) = timers.insert(now, Action::Call(2));
    assert!(timers.remove(old).is_none());
    assert!(timers.remove(new).is_some());
}

#[test]
fn memory_is_given_back_after_a_burst() {
    let now = Instant::now();
    let mut timers = Timers::new(now);
    let (_stays, _) = timers.insert(now + Duration::from_secs(1000), Action::Call(0));
    let burst: Vec<Key> = (1..20_000)
        .map(|n| {
            timers
                .insert(now + Duration::from_millis(n), Action::Call(n))
                .0
        })
        .collect();
    assert!(timers.slab.capacity() >= 20_000);
    for key in burst {
        assert!(timers.remove(key).is_some());
    }
    assert!(timers.slab.capacity() < 1000, "{}", timers.slab.capacity());
    assert_eq!(timers.len(), 1);
}

#[test]
fn near_timers_that_are_removed_leave_no_heap_behind() {
    let now = Instant::now();
    let mut timers = Timers::new(now);
    for n in 0..10_000 {
        let (key, _) = timers.insert(now, Action::Call(n));
        assert!(timers.remove(key).is_some());
    }
    assert!(timers.near.len() < 100, "{}", timers.near.len());
}

#[test]
fn a_year_of_timers_one_a_second_passes_in_order() {
    let begin = Instant::now();
    let mut timers = Timers::new(begin);
    let mut fired = 0;
    let hour = 60 * 60;
    for n in 1..=hour {
        // Hours of all days of a year, in a scattered order.
        let moment = begin + Duration::from_secs((n * 7919) % hour * 8760);
        timers.insert(moment, Action::Call(n));
    }
    while let Some(next) = timers.next_deadline() {
        fired += timers.take_due(next).len() as u64;
    }
    assert_eq!(fired, hour);
}
