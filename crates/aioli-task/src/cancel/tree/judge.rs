//! Which asked handlers nobody polls any more, judged when the root has come to rest.

use super::entries::Entries;
use super::entry::State;
use super::slab::{Found, Index, Key};
use crate::cancel::after::After;

/// How many polls running a root may wake itself before an asked handler that was not polled
/// counts as aside. Combinators that poll a bounded number of children and wake themselves
/// need more than one poll to reach every child.
const PATIENCE: u32 = 8;

/// A list of those asked is cleaned of those who have answered when it is longer than this, and
/// twice as long as need be.
const UNTIDY: usize = 16;

impl Entries {
    /// Takes those who have answered off the list, when they are many.
    fn tidy_asked(&mut self) {
        if self.asked.len() > UNTIDY && self.asked.len() > 2 * self.n_asked {
            let mut asked = std::mem::take(&mut self.asked);
            asked.retain(|&key| self.is_asked(key));
            self.asked = asked;
        }
    }

    /// Puts a handler that has just been asked on the list.
    pub(super) fn note_asked(&mut self, at: Index) {
        self.tidy_asked();
        let serial = self.entry(at).serial;
        self.asked.push(Key { index: at, serial });
    }

    fn is_asked(&mut self, key: Key) -> bool {
        matches!(self.slab.find(key), Found::Live(entry) if entry.state == State::Asked)
    }

    /// The root's body is pending. Withdraws what was asked of handlers that nobody polls, and
    /// returns whether the root must be polled again to judge the others.
    ///
    /// `is_queued` says whether the root has been woken meanwhile.
    pub(super) fn rest(&mut self, is_queued: bool, after: &mut After) -> bool {
        if self.n_pending == 0 {
            self.patience = 0;
            return false;
        }
        self.tidy_asked();
        if is_queued {
            self.patience += 1;
        }
        if !is_queued || self.patience >= PATIENCE {
            self.patience = 0;
            self.withdraw_unreached(after);
        }
        self.is_one_asked_now()
    }

    fn is_one_asked_now(&mut self) -> bool {
        let (slab, pass) = (&mut self.slab, self.pass);
        // The youngest are at the end.
        let mut others = self.asked.iter().rev().filter(|&&key| key != Key::ROOT);
        others.any(|&key| {
            matches!(slab.find(key),
                Found::Live(entry) if entry.state == State::Asked && entry.asked_at == pass)
        })
    }

    /// Transition 4: asks that were made in an earlier pass and not polled since go back.
    fn withdraw_unreached(&mut self, after: &mut After) {
        let asked = std::mem::take(&mut self.asked);
        let mut parents = Vec::new();
        for key in asked {
            if !self.is_asked(key) {
                continue;
            }
            let at = key.index;
            match self.waiting_parent(at).filter(|_| self.is_unreached(at)) {
                None => self.asked.push(key),
                Some(parent) => {
                    self.change(at, |entry| {
                        entry.state = State::Idle;
                        entry.request = None;
                        entry.from_above = false;
                    });
                    if parents.last() != Some(&parent) {
                        parents.push(parent);
                    }
                }
            }
        }
        // Those farther in have mostly been linked, and asked, later.
        for parent in parents.into_iter().rev() {
            self.settle(parent, after);
        }
    }

    fn is_unreached(&mut self, at: Index) -> bool {
        let pass = self.pass;
        let entry = self.entry(at);
        entry.asked_at < pass && entry.polled_at < pass
    }

    /// The parent of `at`, if it has a request pending.
    fn waiting_parent(&mut self, at: Index) -> Option<Index> {
        let parent = self.entry(at).parent?;
        Some(parent).filter(|&parent| self.entry(parent).pending)
    }

    /// Like [`rest`](Entries::rest), for an outermost handler under a foreign executor, which does
    /// not tell whether it will poll again. Returns whether the handler is to ask for another poll;
    /// it does so [`PATIENCE`] times at most.
    pub(super) fn judge_outermost(&mut self, after: &mut After) -> bool {
        if self.n_pending == 0 {
            return false;
        }
        self.rest(true, after);
        let is_asked = usize::from(self.is_asked(Key::ROOT));
        self.n_asked > is_asked
    }
}
