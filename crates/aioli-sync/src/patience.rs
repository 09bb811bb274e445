//! Looking again before going to sleep.
//!
//! A waiter that is served by another thread is woken by it, and where its thread sleeps, that is
//! dear: a system call for whoever serves, and a long way to the processor for whoever waits, in
//! which hundreds of items could have been handed over. So a waiter whose line is being served
//! from other threads, and soon, stands in line as everybody does, but under a waker that does
//! nothing: it looks by itself whether it has been granted something, and has its own waker noted
//! only when that has not come for about as long as waking takes. What is granted, and to whom, is
//! the same in both cases.
//!
//! Between two looks it pauses instead of looking harder. It leaves the lock to the other side that
//! way, and finds a handful of items, or of slots, when it comes back.
//!
//! ```text
//!  a wait begins ──▶ worth it? ──▶ in line, quietly, and the task is to be polled again
//!                       │ no             │                        ▲ no
//!                       ▼                ▼                        │
//!                    in line,      a few looks: granted? ──▶ the last poll of these?
//!                 with its waker         │ yes           no       │ yes
//!                                        ▼                        ▼
//!                              the future is ready      in line, with its waker
//! ```
//!
//! Nothing of this depends on a clock, and among waiters of a single thread nobody looks twice.

use std::hint;
use std::ptr;

/// How often the processor pauses before it looks once more: two to four microseconds.
// PERF: `threads_channel`, `threads_pingpong`. The more, the better for the former, up to this; the
// latter takes as long as the pause. With a third of it the sides get into each other's way where a
// cache line takes long from core to core.
const PAUSES: u32 = 96;

/// How often a waiter looks in one poll, for which its thread is kept from other tasks.
pub(crate) const LOOKS: u32 = 2;

/// In how many polls a waiter looks before its waker is noted. All looks together take 20 to 40 µs,
/// as long as it takes to wake a core that sleeps: to look for longer cannot pay off.
pub(crate) const POLLS: u8 = 4;

/// Where `vain` stops: at worst one wait out of 1024 is looked through in vain.
const VAIN_MAX: u8 = 10;

thread_local! {
    /// Here for its address alone, which no two living threads have in common.
    static HERE: u8 = const { 0 };
}

/// What a line knows about whether looking again pays off. A guess, on which nothing depends but
/// time.
pub(crate) struct Patience {
    /// The thread that queued last.
    thread: usize,
    /// Whether who was served last was served by another thread than that.
    is_apart: bool,
    /// Waits in a row that were looked through and not served meanwhile. A wait counts from its
    /// beginning, so that of many who wait at the same time few look.
    vain: u8,
    /// So many waits to come are not looked through.
    rest: u32,
}

impl Patience {
    pub(crate) const fn new() -> Patience {
        Patience {
            thread: 0,
            is_apart: false,
            vain: 0,
            rest: 0,
        }
    }

    /// A wait begins. True: look again before the waker is noted.
    #[inline]
    pub(crate) fn begin(&mut self) -> bool {
        self.thread = here();
        self.is_apart && self.is_worth_it()
    }

    #[cold]
    fn is_worth_it(&mut self) -> bool {
        if self.rest > 0 {
            self.rest -= 1;
            return false;
        }
        self.rest = (1 << self.vain) - 1;
        self.vain = VAIN_MAX.min(self.vain + 1);
        true
    }

    /// The first in line is about to be granted something.
    #[inline]
    pub(crate) fn serve(&mut self) {
        self.is_apart = self.thread != here();
    }

    /// Looking has found a grant.
    pub(crate) fn pay_off(&mut self) {
        self.vain = 0;
        self.rest = 0;
    }
}

#[inline]
fn here() -> usize {
    HERE.with(|here| ptr::from_ref(here).addr())
}

/// Lets the other side do something.
pub(crate) fn pause() {
    for _ in 0..PAUSES {
        hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// A line that was served by another thread.
    fn apart() -> Patience {
        let mut patience = Patience::new();
        assert!(!patience.begin());
        serve_elsewhere(&mut patience);
        patience
    }

    fn serve_elsewhere(patience: &mut Patience) {
        thread::scope(|scope| {
            scope.spawn(|| patience.serve());
        });
    }

    #[test]
    fn within_a_thread_nobody_looks_twice() {
        let mut patience = Patience::new();
        for _ in 0..10 {
            assert!(!patience.begin());
            patience.serve();
        }
    }

    #[test]
    fn looking_begins_with_a_service_from_elsewhere_and_ends_with_one_from_here() {
        let mut patience = apart();
        assert!(patience.begin());
        patience.serve();
        assert!(!patience.begin());
        serve_elsewhere(&mut patience);
        patience.pay_off();
        assert!(patience.begin());
    }

    #[test]
    fn it_is_tried_ever_less_while_it_is_in_vain() {
        let mut patience = apart();
        let looked: Vec<_> = (0..4000).filter(|_| patience.begin()).collect();
        assert_eq!(
            looked,
            [0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 2047, 3071]
        );
        patience.pay_off();
        assert!(patience.begin());
    }
}
