//! What a stream's reads have taught: whether it pays to try again after a full one.
//!
//! A short read says that there is no more, a read that fills its buffer says nothing. An
//! edge-triggered driver will not say it either, so the next read is tried: a *probe*. In a bulk
//! transfer it succeeds. Of messages as long as the buffer it says `WouldBlock` each time: one
//! system call in three or four for nothing. Such a source is better watched by *level*: then the
//! driver reports at each wait what is left unread, and a read that fills its buffer may be taken
//! for the last one.
//!
//! Nothing here decides about correctness: these are counts, kept without ordering, and two
//! readers at the same time may lose some.

use std::sync::atomic::{AtomicU32, Ordering};

/// Futile probes in a row before a source is watched by level, the first time. It doubles each
/// time that this turned out to be a mistake.
const FUTILE_MIN: u32 = 4;
const DOUBLINGS_MAX: u32 = 6;
/// Reads that are taken for the last one between two probes, at first. It doubles with each
/// probe that was futile.
const ASSUMED_MIN: u32 = 8;
const TRUST_MAX: u32 = 5;
/// So many probes in a row may find something before the source is watched by edge again.
const FRUITFUL_MAX: u8 = 3;

/// Where the parts of the word are: a bit, three numbers of three bits, and one of sixteen.
const IS_PROBE: u32 = 1;
const DOUBLINGS: u32 = 1;
const TRUST: u32 = 4;
const FRUITFUL: u32 = 7;
const COUNT: u32 = 16;
const BITS: u32 = 7;

/// The counts of one source, in one word.
#[derive(Debug, Default)]
pub(crate) struct Probing(AtomicU32);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    /// The last read has filled its buffer, and the next one is a probe.
    is_probe: bool,
    /// By edge: futile probes in a row. By level: reads that were taken for the last one.
    count: u16,
    /// How often it was a mistake to watch by level.
    doublings: u8,
    /// How far it is trusted.
    trust: u8,
    /// By level: probes in a row that have found something.
    fruitful: u8,
}

/// What to do after a read that has filled its buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Try to read again.
    Probe,
    /// Take it for the last one, if the source is watched by level.
    Assume,
    /// Too many probes have found something: watch by edge.
    Leave,
}

impl Probing {
    /// A read has moved something, and has filled its buffer or not.
    #[inline]
    pub(crate) fn moved(&self, by_level: bool, is_full: bool) -> Next {
        let word = self.0.load(Ordering::Relaxed);
        if word & IS_PROBE == 0 {
            // Nearly every read is one of these two.
            if !is_full {
                return Next::Probe;
            }
            let trust = word >> TRUST & BITS;
            if by_level && word >> COUNT < ASSUMED_MIN << trust {
                self.0.store(word + (1 << COUNT), Ordering::Relaxed);
                return Next::Assume;
            }
        }
        self.moved_otherwise(word, by_level, is_full)
    }

    fn moved_otherwise(&self, word: u32, by_level: bool, is_full: bool) -> Next {
        let mut counts = Counts::unpack(word);
        let was_fruitful = counts.is_probe;
        counts.is_probe = is_full;
        let mut next = Next::Probe;
        if was_fruitful && by_level {
            // One may be a peer that was quick: the next full read is followed by a probe too.
            counts.fruitful += 1;
            counts.count = (ASSUMED_MIN << counts.trust) as u16;
            if counts.fruitful > FRUITFUL_MAX {
                (counts.fruitful, counts.count) = (0, 0);
                next = Next::Leave;
            }
        } else if was_fruitful || by_level {
            // By level: enough have been taken for the last one.
            counts.count = 0;
        }
        self.store(word, counts);
        next
    }

    /// A read has said `WouldBlock`. True: it is time to watch the source by level.
    pub(crate) fn blocked(&self, by_level: bool) -> bool {
        let word = self.0.load(Ordering::Relaxed);
        let mut counts = Counts::unpack(word);
        if !counts.is_probe {
            return false;
        }
        counts.is_probe = false;
        let mut is_time = false;
        if by_level {
            counts.trust = (counts.trust + 1).min(TRUST_MAX as u8);
            (counts.fruitful, counts.count) = (0, 0);
        } else {
            counts.count += 1;
            is_time = u32::from(counts.count) >= FUTILE_MIN << counts.doublings;
            if is_time {
                (counts.count, counts.trust) = (0, 0);
            }
        }
        self.store(word, counts);
        is_time
    }

    /// The watching by level has ended.
    pub(crate) fn left(&self) {
        let word = self.0.load(Ordering::Relaxed);
        let mut counts = Counts::unpack(word);
        (counts.count, counts.fruitful) = (0, 0);
        self.store(word, counts);
    }

    /// Watching by level was a mistake: nobody reads what it reports, or writing has to be watched.
    pub(crate) fn was_mistaken(&self) {
        let word = self.0.load(Ordering::Relaxed);
        let mut counts = Counts::unpack(word);
        counts.doublings = (counts.doublings + 1).min(DOUBLINGS_MAX as u8);
        self.store(word, counts);
    }

    fn store(&self, before: u32, counts: Counts) {
        let word = counts.pack();
        if word != before {
            self.0.store(word, Ordering::Relaxed);
        }
    }
}

impl Counts {
    fn unpack(word: u32) -> Counts {
        Counts {
            is_probe: word & IS_PROBE != 0,
            count: (word >> COUNT) as u16,
            doublings: (word >> DOUBLINGS & BITS) as u8,
            trust: (word >> TRUST & BITS) as u8,
            fruitful: (word >> FRUITFUL & BITS) as u8,
        }
    }

    fn pack(self) -> u32 {
        u32::from(self.is_probe)
            | u32::from(self.doublings) << DOUBLINGS
            | u32::from(self.trust) << TRUST
            | u32::from(self.fruitful) << FRUITFUL
            | u32::from(self.count) << COUNT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads of messages that fill the buffer, until it is time for the level: their number.
    fn until_level(probing: &Probing) -> u32 {
        for n in 1..10_000 {
            assert_eq!(probing.moved(false, true), Next::Probe);
            if probing.blocked(false) {
                return n;
            }
        }
        panic!("it is never time");
    }

    #[test]
    fn futile_probes_end_and_mistakes_are_remembered() {
        let probing = Probing::default();
        for expected in [4, 8, 16, 32, 64, 128, 256, 256] {
            assert_eq!(until_level(&probing), expected);
            probing.was_mistaken();
        }
    }

    #[test]
    fn a_probe_that_finds_something_begins_the_count_anew() {
        let probing = Probing::default();
        for _ in 0..100 {
            for _ in 0..3 {
                probing.moved(false, true);
                assert!(!probing.blocked(false));
            }
            probing.moved(false, true);
            probing.moved(false, false);
        }
        assert_eq!(until_level(&probing), 4);
    }

    #[test]
    fn a_short_read_is_followed_by_no_probe() {
        let probing = Probing::default();
        for _ in 0..100 {
            assert_eq!(probing.moved(false, false), Next::Probe);
            assert!(!probing.blocked(false));
        }
    }

    #[test]
    fn by_level_probes_become_rare_and_several_that_find_something_end_it() {
        let probing = Probing::default();
        until_level(&probing);
        for expected in [8, 16, 32, 64, 128, 256, 256] {
            for _ in 0..expected {
                assert_eq!(probing.moved(true, true), Next::Assume);
                assert!(!probing.blocked(true));
            }
            assert_eq!(probing.moved(true, true), Next::Probe);
            assert!(!probing.blocked(true));
        }
        for _ in 0..256 {
            assert_eq!(probing.moved(true, true), Next::Assume);
        }
        assert_eq!(probing.moved(true, true), Next::Probe);
        // The last read of each probe fills its buffer: there is more and more.
        for _ in 0..FRUITFUL_MAX {
            assert_eq!(probing.moved(true, true), Next::Probe);
        }
        assert_eq!(probing.moved(true, true), Next::Leave);
    }

    #[test]
    fn by_level_a_peer_that_is_quick_now_and_then_changes_nothing() {
        let probing = Probing::default();
        until_level(&probing);
        for _ in 0..100 {
            while probing.moved(true, true) == Next::Assume {}
            assert!(!probing.blocked(true));
            while probing.moved(true, true) == Next::Assume {}
            for _ in 0..FRUITFUL_MAX {
                // It finds the next message.
                assert_eq!(probing.moved(true, true), Next::Probe);
            }
            assert!(!probing.blocked(true));
        }
    }

    #[test]
    fn what_was_counted_by_level_does_not_count_by_edge() {
        let probing = Probing::default();
        until_level(&probing);
        for _ in 0..ASSUMED_MIN {
            assert_eq!(probing.moved(true, true), Next::Assume);
        }
        probing.left();
        assert_eq!(until_level(&probing), 4);
    }

    #[test]
    fn counts_are_kept_in_a_word() {
        for counts in [
            Counts::default(),
            Counts {
                is_probe: true,
                count: 256,
                doublings: 6,
                trust: 5,
                fruitful: 3,
            },
        ] {
            assert_eq!(Counts::unpack(counts.pack()), counts);
        }
    }
}
