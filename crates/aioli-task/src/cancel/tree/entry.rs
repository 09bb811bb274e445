//! One handler in its tree: its links, its state, and what it holds.

use std::task::Waker;

use super::slab::Index;
use crate::cancel::Request;
use crate::cancel::reason::Origin;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Idle,
    Asked,
    Busy,
    Forwarded,
    Raising,
}

/// By default, one that is blank.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) serial: u64,
    pub(super) parent: Option<Index>,
    /// The siblings linked just before and after.
    pub(super) prev: Option<Index>,
    pub(super) next: Option<Index>,
    pub(super) first_kid: Option<Index>,
    pub(super) last_kid: Option<Index>,
    pub(super) n_kids: u32,
    /// Kids for whose answer a pending request waits.
    pub(super) n_unsettled: u32,
    /// Kids that pass a request on outwards.
    pub(super) n_raising: u32,
    pub(super) state: State,
    pub(super) is_shield: bool,
    /// A request was handed to the entries below, which have not settled it.
    pub(super) pending: bool,
    /// Some entry below has consumed the pending request.
    pub(super) absorbed: bool,
    /// Some entry below has given back the pending request, so its consumption elsewhere below
    /// does not settle it.
    pub(super) given_back: bool,
    /// The parent left while this entry was below it; it has not been polled in its new place.
    pub(super) is_aside: bool,
    /// The request came down from the parent, which gave it to the siblings as well.
    pub(super) from_above: bool,
    /// The request that is asked, pending, forwarded or raised.
    pub(super) request: Option<Request>,
    /// A request that this shield keeps until its body is done.
    pub(super) parked: Option<Request>,
    /// The last request from above that was consumed below; if it is raised there again, it still
    /// counts as one from above.
    pub(super) consumed: Option<Request>,
    /// A request to deliver when the body is next pending.
    pub(super) rearmed: Option<Request>,
    /// Marks this scope's own unwinds, if it has ever made one.
    pub(super) origin: Option<Origin>,
    pub(super) asked_at: u64,
    pub(super) polled_at: u64,
    pub(super) waker: Option<Waker>,
}

/// What a parent's pending request has to expect from one of its kids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing.
    Settled,
    /// An answer, in time.
    Unsettled,
    /// It has answered: the parent is to be asked.
    Raising,
}

/// What is counted of an entry by its parent and by its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) standing: Standing,
    pub(super) is_pending: bool,
    pub(super) is_asked: bool,
    /// Whether a request is under way here at all.
    pub(super) is_stirred: bool,
}

impl Entry {
    /// Makes an entry blank with which no request has anything to do, and which has been taken out
    /// of its lists. Its waker is to be dropped with no lock held.
    #[inline]
    pub(super) fn clear(&mut self) -> Option<Waker> {
        debug_assert!(!self.tally().is_stirred && self.n_kids == 0, "it is idle");
        self.is_shield = false;
        (self.absorbed, self.given_back) = (false, false);
        (self.is_aside, self.from_above) = (false, false);
        self.consumed = None;
        self.origin = None;
        self.waker.take()
    }

    #[inline]
    pub(super) fn tally(&self) -> Tally {
        let standing = match self.state {
            State::Raising if self.is_aside => Standing::Settled,
            State::Raising => Standing::Raising,
            State::Asked | State::Busy | State::Forwarded => Standing::Unsettled,
            State::Idle if self.pending || self.parked.is_some() => Standing::Unsettled,
            State::Idle => Standing::Settled,
        };
        Tally {
            standing,
            is_pending: self.pending,
            is_asked: self.state == State::Asked,
            is_stirred: self.state != State::Idle
                || self.pending
                || self.request.is_some()
                || self.parked.is_some()
                || self.rearmed.is_some(),
        }
    }

    /// As it is put into another tree, before it is linked there.
    pub(super) fn unlinked(&mut self, pass: u64) {
        (self.asked_at, self.polled_at) = (pass, pass);
        (self.parent, self.prev, self.next) = (None, None, None);
        (self.first_kid, self.last_kid) = (None, None);
        (self.n_kids, self.n_unsettled, self.n_raising) = (0, 0, 0);
    }

    /// The kid counter for a standing.
    pub(super) fn count_of(&mut self, standing: Standing) -> Option<&mut u32> {
        match standing {
            Standing::Settled => None,
            Standing::Unsettled => Some(&mut self.n_unsettled),
            Standing::Raising => Some(&mut self.n_raising),
        }
    }

    /// Whether `request` is this scope's own unwind.
    pub(super) fn is_own(&self, request: &Request) -> bool {
        request.origin.is_some() && request.origin == self.origin
    }

    /// Replaces the waker; the old one is to be dropped with no lock held.
    pub(super) fn set_waker(&mut self, waker: &Waker) -> Option<Waker> {
        if self.waker.as_ref().is_some_and(|old| old.will_wake(waker)) {
            return None;
        }
        self.waker.replace(waker.clone())
    }
}
