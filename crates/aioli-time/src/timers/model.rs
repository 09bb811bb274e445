//! What the set of timers has to do, on an ordered map.

use std::collections::BTreeMap;

use crate::moment::Moment;

/// Names one timer: its deadline, then its place among equal deadlines.
pub(super) type Key = (Moment, u64);

/// The timers, by the numbers that their actions have.
#[derive(Debug, Default)]
pub(super) struct Model {
    by_deadline: BTreeMap<Key, u64>,
    arrivals: u64,
}

impl Model {
    pub(super) fn insert(&mut self, deadline: Moment, id: u64) -> Key {
        let arrival = self.reserve();
        self.insert_reserved(deadline, arrival, id)
    }

    pub(super) fn reserve(&mut self) -> u64 {
        self.arrivals += 1;
        self.arrivals
    }

    pub(super) fn insert_reserved(&mut self, deadline: Moment, arrival: u64, id: u64) -> Key {
        let key = (deadline, arrival);
        self.by_deadline.insert(key, id);
        key
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<u64> {
        self.by_deadline.remove(&key)
    }

    pub(super) fn has(&self, key: Key) -> bool {
        self.by_deadline.contains_key(&key)
    }

    pub(super) fn next_deadline(&self) -> Option<Moment> {
        self.by_deadline
            .keys()
            .next()
            .map(|(deadline, _)| *deadline)
    }

    pub(super) fn take_due(&mut self, now: Moment) -> Vec<u64> {
        let mut due = Vec::new();
        while let Some(first) = self.by_deadline.first_entry() {
            if first.key().0 > now {
                break;
            }
            due.push(first.remove());
        }
        due
    }

    pub(super) fn take_all(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.by_deadline)
            .into_values()
            .collect()
    }

    pub(super) fn len(&self) -> usize {
        self.by_deadline.len()
    }
}
