//! The transitions of a request among the entries of a tree.
//!
//! # States of an entry
//!
//! ```text
//!            (1) ask                (2) begin_exit
//!   Idle ───────────────▶ Asked ───────────────────▶ Busy ──(3) leave──▶ gone
//!    ▲ ▲                  │  │                         ▲
//!    │ └──(4) withdraw────┘  └─(5) forward─▶ Forwarded─┘
//!    │                                        │  ▲
//!    └────────────────────────────────────────┘  └─(1) ask again
//!   any ──(6) raise──▶ Raising ──(3) leave──▶ gone
//! ```
//!
//! 1. A request arrived and nothing below is left to do for it.
//! 2. The handler drops its body; what arrives meanwhile is kept in `request` for the parent.
//! 3. The handler leaves; what it still holds goes to its parent, which is re-evaluated. A handler
//!    with which no request has anything to do leaves from `Idle`.
//! 4. Nobody polls the handler any more: the ask is taken back and the parent takes over.
//! 5. The handler waits for somebody else (an awaited task) to act on the request.
//! 6. The handler passes its request on outwards and stays until it is dropped.
//!
//! `pending` says that a request was handed to the entries below and is not settled yet.
//! `parked` is a request from outside that a shield keeps, until its body is done or the shield is
//! switched off. A scope's own unwind passes its own shield.

use std::sync::Arc;
use std::task::Waker;

use super::entries::Entries;
use super::entry::State;
use super::slab::Index;
use super::{Address, Entered};
use crate::cancel::after::After;
use crate::cancel::reason::{Origin, Request};

impl Entries {
    /// Transition 1: nothing below is left to do for the request, so this handler is asked.
    fn ask(&mut self, at: Index, after: &mut After) {
        let pass = self.pass;
        let entry = self.entry(at);
        if !matches!(entry.state, State::Idle | State::Forwarded) {
            return;
        }
        entry.asked_at = pass;
        let (waker, above) = (entry.waker.clone(), entry.parent);
        self.change(at, |entry| entry.state = State::Asked);
        self.note_asked(at);
        if let Some(waker) = waker {
            let above = above.map(|above| self.address(above));
            after.wake(above, waker);
        }
    }

    /// Of two requests that meet at `at`, the one from farther outside.
    fn merged(&mut self, at: Index, old: Option<Request>, new: Request) -> Request {
        match old {
            Some(old) if !self.is_farther_out(at, new.origin, old.origin) => old,
            _ => new,
        }
    }

    /// Whether origin `a` is farther out than origin `b`, seen from `at`.
    fn is_farther_out(&mut self, at: Index, a: Option<Origin>, b: Option<Origin>) -> bool {
        let (Some(_), Some(_)) = (a, b) else {
            return b.is_some();
        };
        let mut at = Some(at);
        while let Some(here) = at {
            let entry = self.entry(here);
            if entry.origin == a {
                return false;
            }
            if entry.origin == b {
                return true;
            }
            at = entry.parent;
        }
        false
    }

    /// Merges a request into what the entry holds.
    fn keep(&mut self, at: Index, new: Request) {
        let old = self.entry(at).request.clone();
        let kept = self.merged(at, old, new);
        self.change(at, |entry| entry.request = Some(kept));
    }

    /// Merges a request into what the shield keeps.
    fn park(&mut self, at: Index, new: Request) {
        let old = self.entry(at).parked.clone();
        let kept = self.merged(at, old, new);
        self.change(at, |entry| entry.parked = Some(kept));
    }

    /// A request arrives at `at`: asks the innermost handlers below, or this one when there are
    /// none.
    pub(crate) fn deliver(&mut self, at: Index, request: Request, after: &mut After) {
        let entry = self.entry(at);
        let state = entry.state;
        if entry.is_shield && state != State::Busy && !entry.is_own(&request) {
            return self.park(at, request);
        }
        self.keep(at, request);
        if !matches!(state, State::Busy | State::Asked | State::Raising) {
            self.distribute(at, after);
        }
    }

    /// Hands the request that `at` holds to the entries below.
    pub(super) fn distribute(&mut self, at: Index, after: &mut After) {
        let entry = self.entry(at);
        entry.absorbed = false;
        entry.given_back = false;
        let Some(first) = entry.first_kid else {
            return self.ask(at, after);
        };
        let request = entry.request.clone();
        let request = request.expect("a request that is handed down is held");
        self.change(at, |entry| entry.pending = true);
        let mut kid = Some(first);
        while let Some(below) = kid {
            let entry = self.entry(below);
            kid = entry.next;
            if entry.state != State::Raising {
                entry.from_above = true;
                self.deliver(below, request.clone(), after);
            }
        }
        self.settle(at, after);
    }

    /// A handler below `at` raised: its siblings are asked, and when all of them are gone or
    /// raising, so is `at`. A shield does not stop what comes from inside it.
    pub(super) fn raised(&mut self, at: Index, request: Request, after: &mut After) {
        let entry = self.entry(at);
        if matches!(entry.state, State::Busy | State::Raising) {
            return;
        }
        let consumed = entry.consumed.as_ref();
        entry.from_above |= consumed.is_some_and(|old| old.is_same(&request));
        let is_asked = entry.state == State::Asked;
        // The siblings of one who passes on what all of them were handed have it already, so
        // that a hundred thousand who do so one by one do not ask each other.
        let was_handed = entry.pending
            && entry.n_kids == entry.n_unsettled + entry.n_raising
            && entry
                .request
                .as_ref()
                .is_some_and(|old| old.is_same(&request));
        self.keep(at, request);
        if was_handed {
            self.settle(at, after);
        } else if !is_asked {
            self.distribute(at, after);
        }
    }

    /// Nobody below has anything left to do for the request: passes it on, or it was consumed.
    pub(super) fn settle(&mut self, at: Index, after: &mut After) {
        let mut here = Some(at);
        while let Some(at) = here {
            let entry = self.entry(at);
            let acts = matches!(entry.state, State::Busy | State::Asked | State::Raising);
            if !entry.pending || acts || entry.n_unsettled > 0 {
                return;
            }
            let is_answered = entry.absorbed && !entry.given_back && entry.n_raising == 0;
            self.change(at, |entry| entry.pending = false);
            if !is_answered {
                return self.ask(at, after);
            }
            self.change(at, |entry| {
                let request = entry.request.take();
                if std::mem::take(&mut entry.from_above) {
                    entry.consumed = request;
                }
            });
            here = self.entry(at).parent;
            if let Some(parent) = here {
                self.entry(parent).absorbed = true;
            }
        }
    }

    /// A leaving handler gives a request it holds to its parent.
    pub(super) fn hand_up(&mut self, parent: Index, request: Request, after: &mut After) {
        let above = self.entry(parent);
        if above.is_shield && !above.is_own(&request) {
            // It came from inside the shield, or was let in by it: the shield keeps it.
            return self.park(parent, request);
        }
        if above.pending {
            // The siblings have been asked already; the parent is asked when they are done.
            above.given_back = true;
            return self.keep(parent, request);
        }
        self.deliver(parent, request, after);
    }

    /// Transition 4 for `at` and everything below it, without a judgement.
    pub(crate) fn withdraw_below(&mut self, at: Index) {
        let was_pending = self.entry(at).pending;
        self.change(at, |entry| {
            let is_asked = entry.state == State::Asked;
            if is_asked {
                entry.state = State::Idle;
            }
            if was_pending || is_asked {
                entry.request = None;
            }
            entry.pending = false;
            entry.parked = None;
            entry.from_above = false;
        });
        let mut kid = self.entry(at).first_kid.filter(|_| was_pending);
        while let Some(below) = kid {
            self.withdraw_below(below);
            kid = self.entry(below).next;
        }
    }

    /// The handler's body is pending. A request that arrived while handlers below were not linked
    /// yet is handed to them, and one that was kept for this moment is delivered.
    pub(super) fn suspend(&mut self, at: Index, after: &mut After) {
        let entry = self.entry(at);
        if entry.state == State::Asked && entry.first_kid.is_some() {
            self.change(at, |entry| entry.state = State::Idle);
            self.distribute(at, after);
        }
        if let Some(request) = self.change(at, |entry| entry.rearmed.take()) {
            self.deliver(at, request, after);
        }
    }

    /// The body of a handler is pending. Where this is the outermost handler, it judges as a task
    /// does which of the handlers below nobody polls any more.
    pub(crate) fn suspend_handler(
        &mut self,
        at: Index,
        waker: &Waker,
        after: &mut After,
    ) -> Entered {
        after.drop_waker(self.entry(at).set_waker(waker));
        self.suspend(at, after);
        if at == Index::ROOT && self.look(at) == Entered::Go && self.judge_outermost(after) {
            after.wake(None, waker.clone());
        }
        self.look(at)
    }

    /// A scope asks its own body.
    pub(crate) fn unwind(&mut self, at: Index, request: Request, after: &mut After) {
        self.entry(at).origin = request.origin;
        self.deliver(at, request, after);
    }

    /// Keeps `request` until the handler's body is next pending.
    pub(crate) fn rearm(&mut self, at: Index, request: Request) {
        self.change(at, |entry| entry.rearmed = Some(request));
    }

    /// Transition 5. A further request is asked again.
    pub(crate) fn forward(&mut self, at: Index) -> Option<Request> {
        self.change(at, |entry| {
            entry.state = State::Forwarded;
            entry.request.clone()
        })
    }

    /// Transition 6. Returns whether somebody is above who can take over.
    pub(crate) fn raise(&mut self, at: Index, request: Request, after: &mut After) -> bool {
        self.change(at, |entry| {
            entry.state = State::Raising;
            entry.parked = None;
            entry.pending = false;
            entry.request = Some(request.clone());
        });
        let parent = self.entry(at).parent;
        if let Some(parent) = parent {
            self.raised(parent, request, after);
        }
        parent.is_some()
    }

    /// Switches a shield. What it has kept so far is delivered when it is switched off.
    pub(crate) fn set_shield(&mut self, at: Index, is_on: bool, after: &mut After) {
        self.entry(at).is_shield = is_on;
        if is_on {
            return;
        }
        if let Some(request) = self.change(at, |entry| entry.parked.take()) {
            self.deliver(at, request, after);
        }
    }

    /// The request that is asked here, handed to the handlers below or kept by a shield; else the
    /// last one that came from above and was consumed below.
    pub(crate) fn last_request(&mut self, at: Index) -> Option<Request> {
        let entry = self.entry(at);
        let held = entry.request.as_ref().or(entry.parked.as_ref());
        held.or(entry.consumed.as_ref()).cloned()
    }

    /// Whether nothing that was asked of the body is still under way.
    pub(crate) fn is_settled(&mut self, at: Index) -> bool {
        let entry = self.entry(at);
        entry.state == State::Idle && entry.request.is_none() && !entry.pending
    }

    /// Whether this handler, or one above it with no shield between, is asked right now.
    pub(super) fn is_asked_here_or_above(&mut self, at: Index) -> bool {
        let mut at = Some(at);
        while let Some(here) = at {
            let entry = self.entry(here);
            if entry.state == State::Asked {
                return true;
            }
            at = entry.parent.filter(|_| !entry.is_shield);
        }
        false
    }

    /// Whether `scope` is `at` or above it with no shield between.
    pub(super) fn is_reached_from(&mut self, at: Index, scope: &Address) -> bool {
        if !Arc::ptr_eq(&self.address(at).tree, &scope.tree) {
            return false;
        }
        let mut at = Some(at);
        while let Some(here) = at {
            if here == scope.key.index {
                return true;
            }
            let entry = self.entry(here);
            at = entry.parent.filter(|_| !entry.is_shield);
        }
        false
    }
}
