//! The timers of a loop that runs, and how a busy loop is spared a wake-up for each.

use std::task::Waker;
use std::time::Duration;

use super::stage::{Staged, Wish};
use crate::moment::Moment;
use crate::timers::{Due, Key, Timers};

/// By how much timers are put off that would be due right after others have fired, on a real
/// clock: where they come thick and fast, a wake-up for each would cost more than all else. It is
/// what Linux puts off all waits by if it is let.
const GAP: Duration = Duration::from_micros(50);

/// After so many timers that fired together, the gap is twice as long as the last one: a wake-up costs
/// about as much as so many timers do beside it.
const MANY: usize = 32;

/// A gap does not get longer than this.
const LONGEST_GAP: Duration = Duration::from_micros(400);

/// The timers of a loop that runs.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) timers: Timers,
    /// Nothing fires before; a virtual clock has no such moment.
    not_before: Option<Moment>,
    /// The last gap.
    gap: Duration,
    is_real: bool,
    /// What is to become of the timer on the stage, if its owner has said so elsewhere.
    pub(super) wish: Option<Wish>,
}

impl Open {
    pub(super) fn new(now: Moment, is_real: bool) -> Open {
        Open {
            timers: Timers::new(now),
            not_before: None,
            gap: GAP,
            is_real,
            wish: None,
        }
    }

    /// Puts what has been on the stage among the others, unless it is not wanted any more, and
    /// reserves the place of the next one. Returns its key, and a waker to drop with no lock held.
    pub(super) fn settle(&mut self, staged: Option<Staged>) -> (Key, Option<Waker>) {
        let mut left = None;
        if let Some(Staged { deadline, waker }) = staged {
            let waker = match self.wish.take() {
                None => Some(waker),
                Some(Wish::Wake(other)) => {
                    left = Some(waker);
                    Some(other)
                }
                Some(Wish::Remove) => {
                    left = Some(waker);
                    None
                }
            };
            if let Some(waker) = waker {
                self.timers.insert_reserved(deadline, waker);
            }
        }
        debug_assert!(self.wish.is_none(), "a wish is about what is on the stage");
        (self.timers.reserve(), left)
    }

    /// When something is to fire.
    pub(super) fn next_deadline(&mut self) -> Option<Moment> {
        let next = self.timers.next_deadline()?;
        Some(self.not_before.map_or(next, |moment| next.max(moment)))
    }

    /// Takes out what is due, in order.
    pub(super) fn take_due(&mut self, now: Moment) -> Due {
        let due = self.timers.take_due(now);
        if self.is_real && !due.is_empty() {
            self.gap = match due.len() < MANY {
                true => GAP,
                false => LONGEST_GAP.min(2 * self.gap),
            };
            self.not_before = now.after(self.gap);
        }
        due
    }

    /// Something is due already: it is not put off.
    pub(super) fn hurry(&mut self) {
        self.not_before = None;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// A set in which timers are due after so many microseconds, of which the first has fired.
    fn after_first(microseconds: &[u64], is_real: bool) -> (Moment, Open) {
        let begin = Moment::of(Instant::now());
        let mut open = Open::new(begin, is_real);
        for &length in microseconds {
            open.timers.insert(at(begin, length), Waker::noop().clone());
        }
        let first = open.next_deadline().expect("there are timers");
        assert_eq!(first, at(begin, microseconds[0]), "the first is on time");
        assert_eq!(open.take_due(first).len(), 1);
        (first, open)
    }

    fn at(begin: Moment, microseconds: u64) -> Moment {
        let length = Duration::from_micros(microseconds);
        begin.after(length).expect("no test goes on for so long")
    }

    #[test]
    fn what_is_due_within_a_gap_fires_together_at_its_end() {
        let (fired, mut open) = after_first(&[10, 11, 59, 60, 61], true);
        let next = open.next_deadline().expect("some are left");
        assert_eq!(next, at(fired, 50));
        assert_eq!(open.take_due(next).len(), 3);
        assert_eq!(open.next_deadline(), Some(at(next, 50)));
    }

    #[test]
    fn gaps_get_longer_while_many_fire_together_and_not_too_long() {
        let thick: Vec<u64> = (10..3000).collect();
        let (mut fired, mut open) = after_first(&thick, true);
        for gap in [50, 100, 200, 400, 400, 400] {
            let next = open.next_deadline().expect("some are left");
            assert_eq!(next, at(fired, gap));
            assert_eq!(open.take_due(next).len() as u64, gap);
            fired = next;
        }
    }

    #[test]
    fn a_gap_after_few_is_short_again() {
        let lengths: Vec<u64> = (10..=60).chain([110, 111, 161]).collect();
        let (fired, mut open) = after_first(&lengths, true);
        let many = at(fired, 50);
        assert_eq!(open.take_due(many).len(), 50);
        let few = at(many, 100);
        assert_eq!(open.next_deadline(), Some(few));
        assert_eq!(open.take_due(few).len(), 2);
        assert_eq!(open.next_deadline(), Some(at(few, 50)));
    }

    #[test]
    fn what_is_due_after_the_gap_is_on_time() {
        let (fired, mut open) = after_first(&[10, 61], true);
        assert_eq!(open.next_deadline(), Some(at(fired, 51)));
    }

    #[test]
    fn nothing_is_put_off_where_nothing_has_fired() {
        let (fired, mut open) = after_first(&[10, 80], true);
        assert!(open.take_due(at(fired, 60)).is_empty());
        assert_eq!(open.next_deadline(), Some(at(fired, 70)));
    }

    #[test]
    fn in_a_hurry_there_is_no_gap() {
        let (fired, mut open) = after_first(&[10, 11], true);
        open.hurry();
        assert_eq!(open.next_deadline(), Some(at(fired, 1)));
    }

    #[test]
    fn a_virtual_clock_has_no_gaps() {
        let (fired, mut open) = after_first(&[10, 11], false);
        assert_eq!(open.next_deadline(), Some(at(fired, 1)));
    }
}
