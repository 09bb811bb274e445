//! Who waits for a slot: one line a route, and one of the session behind them.
//!
//! ```text
//!   line of the route ──▶ a place of the route ──▶ line of the session ──▶ slot
//! ```
//!
//! Who is next is given what has become free at once, under the lock of the pool; so nobody who
//! comes later can overtake. Who leaves in the middle stays in the line as a gap until it is
//! their turn, or until the gaps are most of the line.

use std::collections::VecDeque;
use std::task::Waker;

use super::slab::Slab;

/// Gaps that are not worth removing.
const FEW_GAPS: usize = 16;

/// A request that waits.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) host: usize,
    pub(super) stage: Stage,
    pub(super) waker: Option<Waker>,
}

/// How far a waiting request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// In the line of its route.
    Route,
    /// With a place of its route, in the line of the session.
    Session,
    /// With a slot.
    Granted,
    /// Gone, but still in the line.
    Gap,
}

/// Keys of tickets, the first one first.
#[derive(Debug, Default)]
pub(super) struct Line {
    keys: VecDeque<usize>,
    gaps: usize,
}

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.len() == self.gaps
    }

    pub(super) fn push(&mut self, key: usize) {
        self.keys.push_back(key);
    }

    /// Takes out the first one who still waits.
    pub(super) fn pop(&mut self, tickets: &mut Slab<Ticket>) -> Option<usize> {
        while let Some(key) = self.keys.pop_front() {
            if tickets[key].stage != Stage::Gap {
                return Some(key);
            }
            tickets.remove(key);
            self.gaps -= 1;
        }
        None
    }

    /// Makes a gap where `key` was.
    pub(super) fn leave(&mut self, key: usize, tickets: &mut Slab<Ticket>) {
        tickets[key].stage = Stage::Gap;
        self.gaps += 1;
        if self.gaps > FEW_GAPS && self.gaps > self.keys.len() / 2 {
            self.keys.retain(|key| {
                let stays = tickets[*key].stage != Stage::Gap;
                if !stays {
                    tickets.remove(*key);
                }
                stays
            });
            self.gaps = 0;
        }
    }

    /// Whether nothing is left of the line, gaps included.
    pub(super) fn is_gone(&self) -> bool {
        self.keys.is_empty()
    }

    /// Forgets the gaps of a line in which nobody waits any more.
    pub(super) fn clear(&mut self, tickets: &mut Slab<Ticket>) {
        debug_assert!(self.is_empty(), "whoever waits is not forgotten");
        for key in self.keys.drain(..) {
            tickets.remove(key);
        }
        self.gaps = 0;
    }
}
