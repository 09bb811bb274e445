//! The link of a handler that has a body to its tree, from before there is one until it is gone.
//!
//! ```text
//!          unwind                      (1)
//!   New ───────────▶ Early ──────────────────────────▶ Gone
//!    │ (2) suspend, or a handler below needs a parent    ▲
//!    └────────────────▶ Linked ──────────(3) leave───────┘
//! ```
//!
//! 1. A body that is asked before its first poll is dropped unpolled; nothing is linked for that.
//! 2. A handler that has handed out an `Unwinder` is linked before its first poll, so that who asks
//!    always has somebody to ask.
//! 3. The body is done, or the future is dropped.
//!
//! The link is the handler's own until it hands out an `Unwinder`; from then on both share it, and
//! a lock around it. That lock is taken before that of a tree, and never the other way round; no
//! waker is called and no body polled or dropped while it is held.

use std::cell::OnceCell;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use super::after::After;
use super::current;
use super::place::Place;
use super::raise::Cancelled;
use super::reason::{Origin, Reason, Request};
use super::tree::{Address, Entered, Entries, Held, Index, New};

/// Where a handler is.
#[derive(Debug, Default)]
enum State {
    #[default]
    New,
    /// Asked by its own scope, before it was linked.
    Early(Request),
    Linked(Place),
    Gone,
}

/// A handler's link to its tree, and what must be known of it before there is one.
#[derive(Debug, Default)]
pub(super) struct Link {
    state: State,
    origin: Option<Origin>,
    is_shield: bool,
}

/// A link that a handler shares with its unwinders.
pub(super) type SharedLink = Arc<Mutex<Link>>;

pub(super) fn lock(link: &SharedLink) -> MutexGuard<'_, Link> {
    link.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Link {
    /// Where the handler is now, if it is in a tree.
    pub(super) fn address(&self) -> Option<Address> {
        match &self.state {
            State::Linked(place) => {
                let now = place
                    .spot()
                    .visit((), |entries, at, (), _| entries.address(at));
                now.ok()
            }
            State::New | State::Early(_) | State::Gone => None,
        }
    }

    pub(super) fn origin(&self) -> Option<Origin> {
        self.origin
    }

    /// The scope asks its own body.
    pub(super) fn unwind(&mut self, reason: Reason, after: &mut After) {
        let request = Request {
            reason: Arc::new(reason),
            origin: Some(*self.origin.get_or_insert_with(Origin::new)),
        };
        match &mut self.state {
            State::New => self.state = State::Early(request),
            State::Early(_) | State::Gone => {}
            State::Linked(place) => {
                place.act(after, |entries, at, after| {
                    entries.unwind(at, request, after)
                });
            }
        }
    }

    pub(super) fn set_shield(&mut self, is_on: bool, after: &mut After) {
        self.is_shield = is_on;
        if let State::Linked(place) = &mut self.state {
            place.act(after, |entries, at, after| {
                entries.set_shield(at, is_on, after)
            });
        }
    }

    pub(super) fn last_request(&self) -> Option<Arc<Reason>> {
        let request = match &self.state {
            State::New | State::Gone => None,
            State::Early(request) => Some(request.clone()),
            State::Linked(place) => {
                let last = place
                    .spot()
                    .visit((), |entries, at, (), _| entries.last_request(at));
                last.ok().flatten()
            }
        };
        request.map(|request| request.reason)
    }

    fn is_settled(&self) -> bool {
        match &self.state {
            State::New | State::Gone => true,
            State::Early(_) => false,
            State::Linked(place) => {
                let settled = place
                    .spot()
                    .visit((), |entries, at, (), _| entries.is_settled(at));
                settled.unwrap_or(true)
            }
        }
    }

    fn place(&mut self) -> Option<&mut Place> {
        match &mut self.state {
            State::Linked(place) => Some(place),
            _ => None,
        }
    }

    /// Links the handler below the current one.
    #[inline]
    fn link(&mut self, waker: &Waker) {
        let new = New {
            is_shield: self.is_shield,
            origin: self.origin,
            waker: Some(waker),
        };
        self.state = State::Linked(current::with(|parent| Place::link(parent, new)));
    }

    /// The handler is polled.
    fn enter(&mut self, waker: &Waker, after: &mut After) -> Entered {
        match &mut self.state {
            State::New | State::Gone => Entered::Go,
            State::Early(_) => Entered::Asked,
            State::Linked(place) => current::with(|parent| place.enter(parent, waker, after)),
        }
    }

    /// The body is pending, for the first time or not. `false`: there may be something to hand
    /// down.
    #[inline]
    fn suspend_quietly(&mut self, was_linked: bool, waker: &Waker) -> bool {
        match &self.state {
            // The waker is known.
            State::Linked(place) => was_linked && place.is_quiet(),
            _ => {
                self.link(waker);
                true
            }
        }
    }
}

/// The handler's side of its link.
#[derive(Debug, Default)]
pub(super) struct Handler {
    /// Not looked at any more once the link is shared.
    own: Link,
    shared: OnceLock<SharedLink>,
}

impl Handler {
    pub(super) fn new(is_shield: bool) -> Handler {
        let own = Link {
            is_shield,
            ..Link::default()
        };
        Handler {
            own,
            shared: OnceLock::new(),
        }
    }

    /// The link, to be shared with an unwinder.
    pub(super) fn share(&self) -> SharedLink {
        let link = || {
            let state = match &self.own.state {
                State::New => State::New,
                State::Early(request) => State::Early(request.clone()),
                // The one here is never used again, so the owner is still one.
                State::Linked(place) => State::Linked(Place::of(place.address().clone())),
                State::Gone => State::Gone,
            };
            Arc::new(Mutex::new(Link { state, ..self.own }))
        };
        self.shared.get_or_init(link).clone()
    }

    #[inline]
    fn with<R>(&mut self, f: impl FnOnce(&mut Link) -> R) -> R {
        match self.shared.get() {
            None => f(&mut self.own),
            Some(shared) => f(&mut lock(shared)),
        }
    }

    #[inline]
    fn look<R>(&self, f: impl FnOnce(&Link) -> R) -> R {
        match self.shared.get() {
            None => f(&self.own),
            Some(shared) => f(&lock(shared)),
        }
    }

    /// Does something to the link, and then what is to be done with no lock held.
    #[inline]
    fn now<R>(&mut self, f: impl FnOnce(&mut Link, &mut After) -> R) -> R {
        let mut after = After::default();
        let result = self.with(|link| f(link, &mut after));
        after.run();
        result
    }

    pub(super) fn unwind(&mut self, reason: Reason) {
        self.now(|link, after| link.unwind(reason, after));
    }

    pub(super) fn set_shield(&mut self, is_on: bool) {
        self.now(|link, after| link.set_shield(is_on, after));
    }

    pub(super) fn last_request(&self) -> Option<Arc<Reason>> {
        self.look(Link::last_request)
    }

    pub(super) fn is_settled(&self) -> bool {
        self.look(Link::is_settled)
    }

    pub(super) fn is_own(&self, cancelled: &Cancelled) -> bool {
        cancelled.is_of(self.look(Link::origin))
    }

    #[inline]
    pub(super) fn is_linked(&self) -> bool {
        self.look(|link| matches!(link.state, State::Linked(_)))
    }

    /// Whether the handler leaves nothing behind when it goes now.
    #[inline]
    pub(super) fn is_unlinked(&self) -> bool {
        self.look(|link| matches!(link.state, State::New | State::Gone))
    }

    /// Takes the handler, with those below it, out of its parent's reach until the next poll.
    pub(super) fn set_aside(&mut self) {
        self.now(|link, after| {
            if let Some(place) = link.place() {
                place.unlink(after);
            }
        });
    }

    /// The handler is polled: takes its place below the current one, if it is linked at all.
    #[inline]
    pub(super) fn enter(&mut self, waker: &Waker) -> Entered {
        let is_shared = self.shared.get().is_some();
        if !is_shared {
            let is_in_place = match &self.own.state {
                State::New => true,
                State::Linked(place) => current::with_linked(|at| place.is_in_place(at, waker)),
                State::Early(_) | State::Gone => false,
            };
            if is_in_place {
                return Entered::Go;
            }
        }
        self.enter_slowly(is_shared, waker)
    }

    fn enter_slowly(&mut self, is_shared: bool, waker: &Waker) -> Entered {
        self.now(|link, after| {
            if is_shared && matches!(link.state, State::New) {
                link.link(waker);
            }
            link.enter(waker, after)
        })
    }

    /// Runs `f`, which polls or drops the body, with this handler as the current one.
    #[inline]
    pub(super) fn run<R>(&mut self, f: impl FnOnce() -> R) -> R {
        if let Some(shared) = self.shared.get() {
            // The lock is not held while the body runs.
            let address = lock(shared).place().map(|place| place.address().clone());
            if let Some(address) = address {
                return current::under(&address, f);
            }
        } else if let State::Linked(place) = &self.own.state {
            return current::under(place.address(), f);
        }
        self.run_unlinked(f)
    }

    /// The same for a handler that is not linked. It may be linked meanwhile.
    #[inline]
    pub(super) fn run_unlinked<R>(&mut self, f: impl FnOnce() -> R) -> R {
        /// Notes that the handler has been linked, also when `f` unwinds.
        struct Note<'a> {
            handler: &'a mut Handler,
            linked: OnceCell<Address>,
        }
        impl Drop for Note<'_> {
            #[inline]
            fn drop(&mut self) {
                if let Some(address) = self.linked.take() {
                    self.handler
                        .with(|link| link.state = State::Linked(Place::of(address)));
                }
            }
        }
        let is_shield = self.own.is_shield;
        let note = Note {
            handler: self,
            linked: OnceCell::new(),
        };
        let result = current::in_new(&note.linked, is_shield, f);
        if note.linked.get().is_none() {
            // PERF: `timeout_ready`: there is nothing to note, and nothing to drop.
            mem::forget(note);
        }
        result
    }

    /// Whether nobody has had anything to do with this handler: it is to be polled for the first
    /// time, and nobody can have asked it.
    #[inline]
    pub(super) fn is_fresh(&self) -> bool {
        matches!(self.own.state, State::New) && self.shared.get().is_none()
    }

    /// Whether the handler is in no tree, holds nothing and is known to nobody.
    #[inline]
    pub(super) fn holds_nothing(&self) -> bool {
        matches!(self.own.state, State::New | State::Gone) && self.shared.get().is_none()
    }

    /// The body has been dropped: leaves the tree if nothing is below and nothing was asked, as
    /// most do.
    // PERF: `timeout_yield`.
    #[inline]
    pub(super) fn leave_as_leaf(&mut self) -> bool {
        let (State::Linked(place), None) = (&self.own.state, self.shared.get()) else {
            return false;
        };
        let Some(waker) = place.leave_as_leaf() else {
            return false;
        };
        if place.is_last() {
            self.retire();
        } else {
            self.own.state = State::Gone;
        }
        drop(waker);
        true
    }

    #[cold]
    fn retire(&mut self) {
        if let State::Linked(place) = mem::replace(&mut self.own.state, State::Gone) {
            place.retire();
        }
    }

    /// The body is pending.
    pub(super) fn suspend(&mut self, was_linked: bool, waker: &Waker) -> Entered {
        if self.with(|link| link.suspend_quietly(was_linked, waker)) {
            return Entered::Go;
        }
        self.now(|link, after| match link.place() {
            Some(place) => place.act(after, |entries, at, after| {
                entries.suspend_handler(at, waker, after)
            }),
            None => Entered::Go,
        })
    }

    /// Whether a body that is done may be dropped before its handler begins to leave: no request
    /// is under way, so what comes up meanwhile comes up as it would have before.
    #[inline]
    pub(super) fn is_quiet(&mut self) -> bool {
        self.with(|link| link.place().is_none_or(|place| place.is_quiet()))
    }

    /// The handler starts to drop its body; returns the request it holds.
    pub(super) fn begin_exit(&mut self) -> Held {
        self.now(|link, after| match &mut link.state {
            State::Linked(place) => place.act(after, |entries, at, _| entries.begin_exit(at)),
            State::Early(_) => match mem::take(&mut link.state) {
                State::Early(request) => Held {
                    request: Some(request),
                    is_raised: true,
                },
                _ => Held::default(),
            },
            State::New | State::Gone => Held::default(),
        })
    }

    /// The body has been dropped, and the handler leaves its tree.
    #[inline]
    pub(super) fn leave(&mut self, f: impl FnOnce(&mut Entries, Index, &mut After)) {
        self.now(|link, after| {
            if let State::Linked(mut place) = mem::replace(&mut link.state, State::Gone) {
                place.act(after, f);
                place.retire();
            }
        });
    }
}
