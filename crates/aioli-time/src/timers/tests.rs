//! The set of timers against an obvious model: a list that is sorted when it is asked.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Action, Key, Timers};

#[derive(Debug, Clone)]
enum Op {
    /// Adds a timer so many units after the start.
    Insert(u8),
    /// Removes the timer that was added at this place, modulo how many there have been.
    Remove(u8),
    /// Moves the clock so many units on, and fires.
    Advance(u8),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0..40u8).prop_map(Op::Insert),
        2 => any::<u8>().prop_map(Op::Remove),
        2 => (0..12u8).prop_map(Op::Advance),
    ]
}

/// The model: what was added and has neither fired nor been removed, in order of arrival.
#[derive(Default)]
struct Model(Vec<(Instant, u64)>);

impl Model {
    fn due(&mut self, now: Instant) -> Vec<u64> {
        let mut due: Vec<_> = self
            .0
            .iter()
            .copied()
            .filter(|(at, _)| *at <= now)
            .collect();
        self.0.retain(|(at, _)| *at > now);
        due.sort_by_key(|(at, _)| *at); // a stable sort: arrival order among equals
        due.into_iter().map(|(_, id)| id).collect()
    }
}

fn ids(actions: Vec<Action>) -> Vec<u64> {
    actions
        .into_iter()
        .map(|action| match action {
            Action::Call(id) => id,
            Action::Wake(_) => unreachable!("the test adds callbacks only"),
        })
        .collect()
}

fn unit(n: u8) -> Duration {
    Duration::from_millis(u64::from(n))
}

proptest! {
    #[test]
    fn the_set_does_what_a_sorted_list_does(ops in prop::collection::vec(op(), 0..120)) {
        let start = Instant::now();
        let (mut timers, mut model) = (Timers::default(), Model::default());
        let mut keys: Vec<(Key, u64)> = Vec::new();
        let mut now = start;
        for op in ops {
            match op {
                Op::Insert(n) => {
                    let id = keys.len() as u64;
                    keys.push((timers.insert(start + unit(n), Action::Call(id)), id));
                    model.0.push((start + unit(n), id));
                }
                Op::Remove(_) if keys.is_empty() => {}
                Op::Remove(n) => {
                    let (key, id) = keys[usize::from(n) % keys.len()];
                    let before = model.0.len();
                    model.0.retain(|(_, other)| *other != id);
                    prop_assert_eq!(timers.remove(key).is_some(), model.0.len() < before);
                }
                Op::Advance(n) => {
                    now += unit(n);
                    prop_assert_eq!(ids(timers.take_due(now)), model.due(now));
                }
            }
            prop_assert_eq!(timers.len(), model.0.len());
            prop_assert_eq!(timers.next_deadline(), model.0.iter().map(|(at, _)| *at).min());
        }
        let all = ids(timers.take_all());
        prop_assert_eq!(all, model.due(start + unit(u8::MAX)));
        prop_assert_eq!(timers.len(), 0);
    }
}
