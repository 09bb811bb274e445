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
//! # By level
//!
//! A read that fills its buffer leaves open whether there is more. By edge the next attempt has to
//! find out, for what is left unread is not reported again. A source may be watched *by level*
//! instead, as far as reading goes; then it is, by the next wait, and such a read may be *assumed*
//! to be the last one. The bit `BY_LEVEL` says so. It is set after the driver has been told to
//! report by level, and cleared before it is told to report by edge again. So who clears "ready"
//! on an assumption, and finds the bit set in the same atomic step, does it while the driver reports
//! by level; and a driver that goes back to edges afterwards reports what is there at that moment.
//! Either way the rest is reported.
//!
//! By level nothing is reported for writing. So a source is watched by level only while it is ready
//! for writing; who finds that it is not any more and clears that, sees the bit, and has it undone.
//! Who sets the bit looks again afterwards. One of them sees the other, as both change one word.
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
/// Reading is watched by level: whatever is left unread is reported by the next wait.
const BY_LEVEL: usize = 1 << 7;
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
    #[inline]
    pub(crate) fn is_ready(self, interest: Interest) -> bool {
        Ready::from_bits(self.0).intersects(interest.ready() | interest.closed())
    }

    /// Is it worth trying the operation?
    #[inline]
    pub(crate) fn is_worth_trying(self, interest: Interest) -> bool {
        self.is_ready(interest) || self.0 & untried(interest) != 0
    }

    /// Is reading watched by level?
    #[inline]
    pub(crate) fn is_by_level(self) -> bool {
        self.0 & BY_LEVEL != 0
    }

    pub(crate) fn is_ended(self) -> bool {
        self.0 & ENDED != 0
    }
}

impl Readiness {
    pub(crate) fn new() -> Readiness {
        Readiness(AtomicUsize::new(UNTRIED_READ | UNTRIED_WRITE))
    }

    #[inline]
    pub(crate) fn observe(&self) -> Snapshot {
        // ORDERING: pairs with the release in `transition_to_ready`: who sees the edge also sees
        // what the reporting thread did before it.
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// A driver has reported `ready`. Returns the word after it.
    pub(crate) fn transition_to_ready(&self, ready: Ready) -> Snapshot {
        self.update(|word| (word | ready.bits()).wrapping_add(EDGE))
    }

    /// An attempt that began at `seen` said `WouldBlock`: the direction is not ready, whatever
    /// had been reported by then. An edge since `seen` keeps it ready. Returns the word after it.
    pub(crate) fn transition_to_waiting(&self, seen: Snapshot, interest: Interest) -> Snapshot {
        let cleared = (interest.ready() | interest.closed()).bits() | untried(interest);
        self.update(|word| clear(word, seen, cleared))
    }

    /// An attempt that began at `seen` took or gave less than it could hold, so the next one
    /// would block, unless the direction has ended. Returns the word after it.
    pub(crate) fn transition_to_drained(&self, seen: Snapshot, interest: Interest) -> Snapshot {
        let cleared = interest.ready().bits() | untried(interest);
        self.update(|word| clear(word, seen, cleared))
    }

    /// A read that began at `seen` has filled its buffer, and is assumed to have taken all. Nothing
    /// changes unless reading is watched by level.
    pub(crate) fn transition_to_assumed(&self, seen: Snapshot) {
        let cleared = Interest::Readable.ready().bits() | untried(Interest::Readable);
        self.update(|word| match word & BY_LEVEL {
            0 => word,
            _ => clear(word, seen, cleared),
        });
    }

    /// The driver reports reading by level from now on. Returns the word after it.
    pub(crate) fn transition_to_level(&self) -> Snapshot {
        self.update(|word| word | BY_LEVEL)
    }

    /// The driver is about to report reading by edge again.
    pub(crate) fn transition_to_edge(&self) {
        self.update(|word| word & !BY_LEVEL);
    }

    /// The loop has ended.
    pub(crate) fn transition_to_ended(&self) {
        self.update(|word| word | ENDED);
    }

    fn update(&self, next: impl Fn(usize) -> usize) -> Snapshot {
        // ORDERING: release pairs with `observe`; acquire keeps what follows (waking, waiting)
        // behind the change.
        let before = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| Some(next(word)))
            .expect("the update always gives a value");
        Snapshot(next(before))
    }
}

/// The word without these bits, unless an edge has come since `seen`.
fn clear(word: usize, seen: Snapshot, bits: usize) -> usize {
    let same_edge = word & !(EDGE - 1) == seen.0 & !(EDGE - 1);
    if same_edge { word & !bits } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;

    mod level;

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
