//! In which order those are served who are reported by one wait.
//!
//! Sources that are watched by edge are reported in the order in which they became ready. One that is
//! watched by level stays in the kernel's list after a report, for the next wait to look at again, and
//! so has a place ahead of others that were not in the list: what comes to it a moment later overtakes
//! what has waited for long. Where all peers wait for answers before they send again, who was late once
//! stays behind, and waits two rounds for one.
//!
//! So where a source is watched by level, who was reported longest ago goes first. Among such peers
//! that is the order in which they were answered.

use crate::driver::Event;
use crate::table::Table;

/// What is kept for it between two waits. Of the home thread alone.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// Counts reports. It may wrap: then who has not been reported for so long counts as new.
    turn: u32,
    /// Scratch: a number for each event that is the lower the older it is, over its place.
    keys: Vec<u64>,
    /// Scratch: the events in order.
    sorted: Vec<Event>,
}

impl Order {
    /// Puts the events of one wait into their order.
    pub(crate) fn arrange(&mut self, table: &Table, events: &mut Vec<Event>) {
        let (turn, mut by_level) = (self.turn, false);
        self.keys.clear();
        self.keys
            .extend(events.iter().zip(0_u64..).map(|(event, place)| {
                // An event whose source is gone may be anywhere.
                let age = table.get(event.token).map_or(0, |source| {
                    by_level |= source.readiness.observe().is_by_level();
                    turn.wrapping_sub(source.turn())
                });
                u64::from(!age) << 32 | place
            }));
        if by_level && !self.keys.is_sorted() {
            self.sort(events);
        }
    }

    fn sort(&mut self, events: &mut Vec<Event>) {
        // PERF: `tcp_echo_50`: there are few runs, which this sort finds and merges.
        self.keys.sort();
        self.sorted.clear();
        let places = self.keys.iter().map(|key| *key as u32 as usize);
        self.sorted.extend(places.map(|place| events[place]));
        std::mem::swap(&mut self.sorted, events);
    }

    /// The number of a report that is about to be made.
    pub(crate) fn next_turn(&mut self) -> u32 {
        self.turn = self.turn.wrapping_add(1);
        self.turn
    }
}

#[cfg(test)]
mod tests;
