//! One pass of the loop.
//!
//! A pass looks at the inbox, at I/O and at the timers, waiting when nothing is ready, and then
//! runs *exactly* what is ready at that moment, in order. What becomes ready meanwhile runs in the
//! next pass, so nothing can keep the loop from its timers and its I/O.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::local::{LocalLoop, Ready};
use crate::report::Report;

/// The longest single wait; a bound on the harm of a lost wake-up in a foreign driver.
const PARK_MAX: Duration = Duration::from_secs(24 * 60 * 60);

impl LocalLoop {
    /// Runs one pass. `until` bounds the wait, by the real clock.
    pub(crate) fn turn(&self, until: Option<Instant>) {
        self.shared.turns.fetch_add(1, Ordering::Relaxed);
        self.receive();
        if self.ready.borrow().is_empty() {
            self.wait(until);
        } else {
            self.shared.mailbox.parker().poll();
        }
        self.expire();
        self.receive();
        self.pass.set(self.pass.get() + 1);
        self.call_pass_hook();
        self.run_ready();
    }

    /// Wakes the timers that are due.
    fn expire(&self) {
        if let Some(source) = self.shared.deadline_source()
            && let Some(deadline) = source.next_deadline()
        {
            let now = self.shared.clock.now();
            if deadline <= now {
                source.expire(now);
            }
        }
    }

    /// Waits until there is something to do; on a virtual clock, jumps to the next deadline.
    fn wait(&self, until: Option<Instant>) {
        if self.shared.clock.is_virtual() && !self.is_held() {
            self.shared.mailbox.parker().poll();
            self.receive();
            if !self.ready.borrow().is_empty() {
                return;
            }
            if let Some(deadline) = self.shared.next_deadline() {
                self.shared.clock.advance_to(deadline);
                return;
            }
        }
        self.check_deadlock();
        if !self.settings.spin.is_zero() && self.spin(until) {
            return;
        }
        if self.shared.mailbox.prepare_park() {
            // Read after `parked` is set: a foreign thread that adds an earlier deadline either
            // is seen here, or sees `parked` and unparks.
            self.shared
                .mailbox
                .parker()
                .park(Some(self.time_to_wait(until)));
            self.shared.mailbox.finish_park();
        }
    }

    /// Looks for events for a while, in this thread's own time. True: there is something to do.
    fn spin(&self, until: Option<Instant>) -> bool {
        if self.shared.clock.is_virtual() {
            return false;
        }
        let begin = Instant::now();
        let deadlines = [self.shared.next_deadline(), until];
        let due = deadlines.into_iter().flatten().min();
        loop {
            self.shared.mailbox.parker().poll();
            self.receive();
            let now = Instant::now();
            if !self.ready.borrow().is_empty() || due.is_some_and(|due| due <= now) {
                return true;
            }
            if now.duration_since(begin) >= self.settings.spin {
                return false;
            }
            std::hint::spin_loop();
        }
    }

    /// How long the loop may wait for events.
    fn time_to_wait(&self, until: Option<Instant>) -> Duration {
        // While real work holds a virtual clock, its time stands still.
        let real = !self.shared.clock.is_virtual();
        let by_clock = if real {
            self.shared.next_deadline()
        } else {
            None
        };
        let end = [by_clock, until].into_iter().flatten().min();
        end.map_or(PARK_MAX, |end| {
            end.saturating_duration_since(Instant::now()).min(PARK_MAX)
        })
    }

    fn check_deadlock(&self) {
        let settings = &self.settings;
        if settings.panic_when_idle && self.shared.clock.is_virtual() && !self.is_held() {
            panic!("deadlock: every task waits, and no timer or blocking job can wake one");
        }
    }

    /// Runs what is ready now, and nothing that becomes ready meanwhile.
    fn run_ready(&self) {
        let batch = self.ready.borrow().len();
        self.shuffle(batch);
        for _ in 0..batch {
            let Some(entry) = self.ready.borrow_mut().pop_front() else {
                break;
            };
            match entry {
                Ready::Task(task) => task.step(),
                Ready::Call(call) => self.call(|| call.call()),
                Ready::Remote(call) => self.call(call),
            }
        }
    }

    /// Calls a callback; its panic is reported and the loop goes on.
    fn call(&self, call: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
            self.report(&Report::callback(&*panic));
        }
    }

    /// Puts the tasks among the first `batch` entries into an order that depends on the seed.
    /// Callbacks keep their places: their order is a promise of `call_soon`.
    fn shuffle(&self, batch: usize) {
        let Some(state) = &self.shuffle else { return };
        let mut ready = self.ready.borrow_mut();
        let places: Vec<usize> = (0..batch)
            .filter(|&place| matches!(ready[place], Ready::Task(_)))
            .collect();
        for last in (1..places.len()).rev() {
            let other = (split_mix(state) % (last as u64 + 1)) as usize;
            ready.swap(places[last], places[other]);
        }
    }

    fn call_pass_hook(&self) {
        let hook = self.pass_hook.borrow_mut().take();
        if let Some(mut hook) = hook {
            hook.call(self);
            self.pass_hook.borrow_mut().get_or_insert(hook);
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
fn split_mix(state: &std::cell::Cell<u64>) -> u64 {
    state.set(state.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
    let mut z = state.get();
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
