//! The atomic word that remembers what a source is ready for.
//!
//! Edges are reported once, so they are remembered until a system call says `WouldBlock`. An
//! edge may come between that call and the clearing, and must survive it. So the word counts its
//! edges: who wants to clear shows the [`Snapshot`] that was taken *before* the system call, and
//! nothing is cleared when the count has moved on.
//!
//! ```text
//!              report (1)                      attempt says WouldBlock (2)
//!   waiting ───────────────▶ ready, edge n ─────────────────────────────────▶ waiting
//!                                 │   ▲
//!                      report (1) ▼   │ (2) with a snapshot of edge n: refused
//!                            ready, edge n+1
//!
//!   (1) transition_to_ready      (2) transition_to_waiting      end of loop: transition_to_ended
//! ```
//!
//! A fresh source is *untried*: nothing has been reported, but trying costs one system call and
//! often succeeds (a new connection can nearly always be written to). Attempts go ahead on an
//! untried direction; whoever only asks for readiness waits for the report.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::ready::{Interest, Ready};

/// Set until the first attempt in this direction said `WouldBlock`.
const UNTRIED_READ: usize = 1 << 4;
/// As `UNTRIED_READ`, for writing.
const UNTRIED_WRITE: usize = 1 << 5;
/// The loop has ended and reports no more. Never cleared.
const ENDED: usize = 1 << 6;
/// The count of edges starts here. It may wrap: an attempt that spans 2^24 edges of one source
/// (the least number, where `usize` has 32 bits) does not happen.
const EDGE: usize = 1 << 8;

fn untried(interest: Interest) -> usize {
    match interest {
        Interest::Readable => UNTRIED_READ,
        Interest::Writable => UNTRIED_WRITE,
    }
}

/// The word.
#[derive(Debug)]
pub(crate) struct Readiness(AtomicUsize);

/// The word at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Snapshot(usize);

impl Snapshot {
    /// Has this direction been reported ready and not been found otherwise since?
    pub(crate) fn is_ready(self, interest: Interest) -> bool {
        Ready::from_bits(self.0).intersects(interest.ready() | interest.closed())
    }

    /// Is it worth trying the operation?
    pub(crate) fn is_worth_trying(self, interest: Interest) -> bool {
        self.is_ready(interest) || self.0 & untried(interest) != 0
    }

    pub(crate) fn is_ended(self) -> bool {
        self.0 & ENDED != 0
    }
}

impl Readiness {
    pub(crate) fn new() -> Readiness {
        Readiness(AtomicUsize::new(UNTRIED_READ | UNTRIED_WRITE))
    }

    pub(crate) fn observe(&self) -> Snapshot {
        // ORDERING: pairs with the release in `transition_to_ready`: who sees the edge also sees
        // what the reporting thread did before it.
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// A driver has reported `ready`.
    pub(crate) fn transition_to_ready(&self, ready: Ready) {
        self.update(|word| (word | ready.bits()).wrapping_add(EDGE));
    }

    /// An attempt that began at `seen` said `WouldBlock`: the direction is not ready, whatever
    /// had been reported by then. An edge since `seen` keeps it ready.
    pub(crate) fn transition_to_waiting(&self, seen: Snapshot, interest: Interest) {
        let cleared = (interest.ready() | interest.closed()).bits() | untried(interest);
        self.clear(seen, cleared);
    }

    /// An attempt that began at `seen` took or gave less than it could hold, so the next one
    /// would block, unless the direction has ended.
    pub(crate) fn transition_to_drained(&self, seen: Snapshot, interest: Interest) {
        self.clear(seen, interest.ready().bits() | untried(interest));
    }

    /// The loop has ended.
    pub(crate) fn transition_to_ended(&self) {
        self.update(|word| word | ENDED);
    }

    fn clear(&self, seen: Snapshot, bits: usize) {
        self.update(|word| {
            let same_edge = word & !(EDGE - 1) == seen.0 & !(EDGE - 1);
            if same_edge { word & !bits } else { word }
        });
    }

    fn update(&self, next: impl Fn(usize) -> usize) {
        // ORDERING: release pairs with `observe`; acquire keeps what follows (waking, waiting)
        // behind the change.
        self.0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| Some(next(word)))
            .expect("the update always gives a value");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_source_is_worth_trying_but_not_ready() {
        let word = Readiness::new();
        for interest in [Interest::Readable, Interest::Writable] {
            assert!(word.observe().is_worth_trying(interest));
            assert!(!word.observe().is_ready(interest));
        }
    }

    #[test]
    fn would_block_clears_one_direction() {
        let word = Readiness::new();
        word.transition_to_ready(Ready::READABLE | Ready::WRITABLE);
        word.transition_to_waiting(word.observe(), Interest::Readable);
        assert!(!word.observe().is_worth_trying(Interest::Readable));
        assert!(word.observe().is_ready(Interest::Writable));
    }

    #[test]
    fn an_edge_during_the_attempt_is_not_cleared() {
        let word = Readiness::new();
        word.transition_to_ready(Ready::READABLE);
        let before_the_call = word.observe();
        word.transition_to_ready(Ready::READABLE);
        word.transition_to_waiting(before_the_call, Interest::Readable);
        assert!(word.observe().is_ready(Interest::Readable));
    }

    #[test]
    fn a_short_read_keeps_the_end_of_the_stream() {
        let word = Readiness::new();
        word.transition_to_ready(Ready::READABLE | Ready::READ_CLOSED);
        word.transition_to_drained(word.observe(), Interest::Readable);
        assert!(word.observe().is_ready(Interest::Readable));
        word.transition_to_waiting(word.observe(), Interest::Readable);
        assert!(!word.observe().is_ready(Interest::Readable));
    }

    #[test]
    fn the_end_is_never_cleared_and_the_count_wraps() {
        let word = Readiness(AtomicUsize::new(!(EDGE - 1)));
        word.transition_to_ended();
        let last = word.observe();
        word.transition_to_ready(Ready::WRITABLE);
        word.transition_to_waiting(last, Interest::Writable);
        assert!(word.observe().is_ended());
        assert!(word.observe().is_ready(Interest::Writable));
    }
}
