//! One pass of the loop.
//!
//! A pass looks at the inbox, waits for events when nothing is ready, and then runs *exactly* what
//! is ready at that moment, in order. What becomes ready meanwhile runs in the next pass. A busy
//! loop looks at I/O and at the timers after every [`EVENTS_INTERVAL`] entries, in the middle of a
//! long pass too, so nothing can keep it from them; each look costs a system call. At I/O it looks
//! later when the look before has found more than that.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use aioli_sync::budget;

use super::local::LocalLoop;
use super::ready::{Batch, Packed, Ready};
use crate::report::Report;
use crate::watchdog::Watch;

/// How many entries a busy loop runs before it looks at I/O and at the timers again.
pub(super) const EVENTS_INTERVAL: usize = 61;

impl LocalLoop {
    /// Runs one pass. `until` bounds the wait, by the real clock.
    pub(crate) fn turn(&self, until: Option<Instant>) {
        self.pass(until);
    }

    /// Runs passes until `is_over` says so after one.
    // PERF: `wake`: what a pass costs beside its entries is paid once, where it can be.
    #[inline]
    pub(crate) fn turn_until(&self, mut is_over: impl FnMut() -> bool) {
        loop {
            self.pass(None);
            if is_over() {
                return;
            }
        }
    }

    #[inline(always)]
    fn pass(&self, until: Option<Instant>) {
        let turns = self.shared.turns.load(Ordering::Relaxed);
        self.shared
            .turns
            .store(turns.wrapping_add(1), Ordering::Relaxed);
        self.receive();
        if !self.is_plain {
            return self.pass_specially(until);
        }
        if self.ready.is_empty() {
            self.wait_and_look(until);
        }
        self.run_batch(self.ready.take(), |entry| self.run(entry));
    }

    /// What a pass does on a loop that is not [plain](LocalLoop::is_plain).
    #[inline(never)]
    fn pass_specially(&self, until: Option<Instant>) {
        if self.ready.is_empty() {
            self.wait_and_look(until);
        } else if self.shared.clock.is_virtual() {
            // What a test sees must not depend on how long its passes are.
            self.look_at_events();
        }
        self.call_pass_hook();
        let mut batch = self.ready.take();
        self.shuffle(batch.rest());
        match &self.shared.watch {
            None => self.run_batch(batch, |entry| self.run(entry)),
            Some(watch) => self.run_batch(batch, |entry| self.run_watched(watch, entry)),
        }
    }

    /// Nothing is ready.
    #[inline(never)]
    fn wait_and_look(&self, until: Option<Instant>) {
        self.wait(until);
        self.until_look.set(EVENTS_INTERVAL);
        self.expire();
        self.receive();
    }

    /// Looks at I/O, at the timers and at the inbox, without waiting.
    #[inline(never)]
    fn look_at_events(&self) {
        self.shared.mailbox.parker().poll();
        self.expire();
        self.receive();
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
        if let Some(cushion) = self.shared.quiet.cushion() {
            if self.is_quiet() && self.stays_idle(cushion, until) {
                self.shared.quiet.wake(cushion);
            }
            return;
        }
        if self.shared.clock.is_virtual() && !self.is_held() {
            if !self.is_quiet() {
                return;
            }
            let deadline = self.shared.next_deadline();
            if let (Some(deadline), Some(patience)) = (deadline, self.shared.clock.autojump()) {
                self.jump(deadline, patience, until);
                return;
            }
            if deadline.is_some() {
                // Who keeps the clock moves it on, or it goes by itself.
                self.park(None, until);
                return;
            }
        }
        self.check_deadlock();
        self.ready.shrink();
        if self.spinning.is_on() && !self.shared.clock.is_virtual() {
            self.spin_or_park(until);
        } else {
            self.park(None, until);
        }
    }

    /// Whether nothing is ready, after one more look at I/O and at what is due.
    fn is_quiet(&self) -> bool {
        self.look_at_events();
        self.ready.is_empty()
    }

    /// Moves a virtual clock on to `deadline`, unless something happens while the loop is idle for
    /// `patience` in real time.
    fn jump(&self, deadline: Instant, patience: Duration, until: Option<Instant>) {
        if self.stays_idle(patience, until) {
            self.shared.clock.advance_to(deadline);
        }
    }

    /// Waits for `length` in real time; false: something has happened meanwhile.
    fn stays_idle(&self, length: Duration, until: Option<Instant>) -> bool {
        if length.is_zero() {
            return true;
        }
        let begin = Instant::now();
        self.park(Some(length), until);
        self.receive();
        self.ready.is_empty() && begin.elapsed() >= length
    }

    /// Waits in the kernel, for `longest` at most if that is given.
    fn park(&self, longest: Option<Duration>, until: Option<Instant>) {
        if self.shared.mailbox.prepare_park() {
            // Read after `parked` is set: a foreign thread that adds an earlier deadline either
            // is seen here, or sees `parked` and unparks.
            let timeouts = [self.time_to_wait(until), longest];
            let timeout = timeouts.into_iter().flatten().min();
            self.shared.mailbox.parker().park(timeout);
            self.shared.mailbox.finish_park();
        }
    }

    /// Looks for events for a while, if that has been paying off, and then waits in the kernel.
    #[cold]
    fn spin_or_park(&self, until: Option<Instant>) {
        let begin = Instant::now();
        if self.spinning.pays() && self.spin(begin, until) {
            return;
        }
        self.park(None, until);
        self.spinning.waited(begin.elapsed());
    }

    /// Looks for events for a while, in this thread's own time. True: there is something to do.
    fn spin(&self, begin: Instant, until: Option<Instant>) -> bool {
        let deadlines = [self.shared.next_deadline(), until];
        let due = deadlines.into_iter().flatten().min();
        loop {
            self.shared.mailbox.parker().poll();
            self.receive();
            let now = Instant::now();
            if !self.ready.is_empty() {
                self.spinning.found();
                return true;
            }
            if due.is_some_and(|due| due <= now) {
                return true;
            }
            if now.duration_since(begin) >= self.spinning.length() {
                return false;
            }
            std::hint::spin_loop();
        }
    }

    /// How long the loop may wait for events; no end where there is no deadline, for then the kernel
    /// need not set a timer for each wait.
    fn time_to_wait(&self, until: Option<Instant>) -> Option<Duration> {
        // A virtual clock does not get anywhere by itself, unless it has a rate.
        let deadline = self.shared.next_deadline();
        let by_clock = deadline.and_then(|deadline| self.shared.clock.real_moment(deadline));
        let end = [by_clock, until].into_iter().flatten().min();
        end.map(|end| end.saturating_duration_since(Instant::now()))
    }

    fn check_deadlock(&self) {
        let settings = &self.settings;
        if settings.panic_when_idle && self.shared.clock.is_virtual() && !self.is_held() {
            panic!("deadlock: every task waits, and no timer or blocking job can wake one");
        }
    }

    /// Runs `batch`, and looks at events each time that so many entries have run.
    #[inline(always)]
    fn run_batch(&self, batch: Batch<'_>, run: impl Fn(Ready)) {
        let mut left = self.until_look.get();
        for entry in batch {
            run(entry);
            left -= 1;
            if left == 0 {
                // On a virtual clock events are looked at between two passes.
                if !self.shared.clock.is_virtual() {
                    budget::unlimited();
                    self.shared.mailbox.parker().glance(EVENTS_INTERVAL);
                    self.expire();
                    self.receive();
                }
                left = EVENTS_INTERVAL;
            }
        }
        self.until_look.set(left);
        budget::unlimited();
    }

    #[inline(never)]
    fn run_watched(&self, watch: &Watch, entry: Ready) {
        watch.begin(entry.facts());
        self.run(entry);
        watch.end();
    }

    #[inline(always)]
    fn run(&self, entry: Ready) {
        match entry {
            Ready::Task(task) => task.step(),
            Ready::Call(call) => self.call(|| call.call()),
            Ready::Remote(call) => self.call(*call),
        }
    }

    /// Calls a callback; its panic is reported and the loop goes on.
    #[inline(never)]
    pub(crate) fn call(&self, call: impl FnOnce()) {
        // What the task before it has left of its budget is not the callback's.
        budget::unlimited();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
            self.report(&Report::callback(&*panic));
        }
    }

    /// Puts the tasks of a pass into an order that depends on the seed. Callbacks keep their
    /// places: their order is a promise of `call_soon`.
    fn shuffle(&self, ready: &mut [Packed]) {
        let Some(state) = &self.shuffle else { return };
        let places: Vec<usize> = (0..ready.len())
            .filter(|&place| ready[place].is_task())
            .collect();
        for last in (1..places.len()).rev() {
            let other = (split_mix(state) % (last as u64 + 1)) as usize;
            ready.swap(places[last], places[other]);
        }
    }

    fn call_pass_hook(&self) {
        if self.pass_hook.borrow().is_none() {
            return;
        }
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
