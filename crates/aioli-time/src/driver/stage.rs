//! The timer that a loop's thread has added, until the loop looks at its timers for the next time.
//!
//! Most timers are timeouts that do not strike, and where tasks only wait for each other, many are
//! gone before the loop looks at its timers at all. Such a timer waits on the *stage*, which is the
//! thread's own: it comes and goes without the lock, and is never put among the others.
//!
//! ```text
//!            (1) settle             (2) add
//!   closed ─────────────▶ free ◀──────────────▶ taken
//!                          ▲     (3) remove       │
//!                          └──────(1) settle──────┘
//! ```
//!
//! 1. The loop's thread looks at the timers, under the lock: what is on the stage goes among the
//!    others, and the place of the next one is reserved there. So a timer on the stage has a key,
//!    which is as old as the reservation.
//! 2. Nobody may have added a timer since the reservation: it would be older than the one on the
//!    stage, and have the younger key. The next one goes among the others directly while the stage is
//!    taken.
//! 3. By the thread itself, without the lock.
//!
//! A `Sleep` may be polled and dropped elsewhere while its timer is on the stage. Whoever looks for
//! the reserved key under the lock is such a one, for at home it is looked for on the stage first; he
//! leaves a [`Wish`], which is granted when the stage is settled. Only the owner of a key asks for
//! it, and he goes from thread to thread in order: so at home he sees his own wish by a flag.

use std::cell::Cell;
use std::task::Waker;

use crate::moment::Moment;
use crate::timers::Key;

/// A timer on the stage.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) deadline: Moment,
    pub(super) waker: Waker,
}

/// What the owner of the timer on the stage wants of it, on another thread.
#[derive(Debug)]
pub(super) enum Wish {
    Remove,
    Wake(Waker),
}

/// A place for one timer, which one thread has.
///
/// # Invariants
///
/// A timer is on it if `standing` is `Taken`, and then its key is `key`.
pub(super) struct Stage {
    standing: Cell<Standing>,
    key: Cell<Key>,
    staged: Cell<Option<Staged>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// No place is reserved.
    Closed,
    Free,
    Taken,
}

impl Stage {
    pub(super) const fn new() -> Stage {
        Stage {
            standing: Cell::new(Standing::Closed),
            key: Cell::new(Key::from_parts(0, 0)),
            staged: Cell::new(None),
        }
    }

    /// Whether a timer may be added: there is a place, and nobody has it.
    #[inline]
    pub(super) fn is_free(&self) -> bool {
        self.standing.get() == Standing::Free
    }

    /// Adds a timer to a free stage.
    #[inline]
    pub(super) fn add(&self, deadline: Moment, waker: Waker) -> Key {
        debug_assert!(self.is_free(), "there is one place");
        self.standing.set(Standing::Taken);
        self.staged.set(Some(Staged { deadline, waker }));
        self.key.get()
    }

    /// Whether the key is that of the timer on the stage.
    #[inline]
    pub(super) fn has(&self, key: Key) -> bool {
        self.standing.get() == Standing::Taken && self.key.get() == key
    }

    /// Whether the timer there wakes the same as `waker` does.
    pub(super) fn will_wake(&self, waker: &Waker) -> bool {
        let staged = self.staged.take();
        let is_same = staged
            .as_ref()
            .is_some_and(|staged| staged.waker.will_wake(waker));
        self.staged.set(staged);
        is_same
    }

    /// Takes the timer off; its key is the next one's.
    #[inline]
    pub(super) fn remove(&self) -> Option<Waker> {
        self.standing.set(Standing::Free);
        self.staged.take().map(|staged| staged.waker)
    }

    /// Takes off what is there, to be put among the others.
    pub(super) fn clear(&self) -> Option<Staged> {
        self.standing.set(Standing::Closed);
        self.staged.take()
    }

    /// Whether a timer is there.
    pub(super) fn is_taken(&self) -> bool {
        self.standing.get() == Standing::Taken
    }

    /// A place has been reserved.
    pub(super) fn open(&self, key: Key) {
        self.standing.set(Standing::Free);
        self.key.set(key);
    }
}
