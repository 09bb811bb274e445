//! `run` and `Runner`: a loop from its beginning to its orderly end.

use std::env;
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crate::cancel::{Reason, ReasonKind};
use crate::context::{self, Context};
use crate::event_loop::local::{Entered, LocalLoop, Settings};
use crate::event_loop::spinning::SpinSetting;
use crate::event_loop::{Clock, Shared};
use crate::first_panic::FirstPanic;
use crate::inspect::{PassHook, PassInfo, drop_future};
use crate::interrupt;
use crate::os;
use crate::report::{ErrorHandler, Report};
use crate::seconds::Seconds;
use crate::task::{self, Borrowed, Start, Stop, Task, TaskHandle, borrowed};
use crate::virtual_time::check_rate;
use crate::watchdog::{self, Watch};

/// How long the end of a run waits for tasks that are being cancelled and for blocking jobs.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(300);

/// Polls that last longer are told of in debug mode: asyncio's default.
const SLOW_POLL: Duration = Duration::from_millis(100);

/// Runs `main` on a new loop on this thread, and returns its output.
///
/// When main is done, the tasks that are left are cancelled and waited for, the orphan list is
/// drained, and the loop's blocking jobs are waited for, five minutes at most.
///
/// On the main thread, and if nobody else handles SIGINT, the first Ctrl-C cancels main; if the
/// cancellation comes out, the process ends by SIGINT after clean-up.
///
/// # Panics
///
/// With main's panic; when main ends cancelled; and when a loop runs on this thread already.
///
/// # Examples
///
/// ```
/// let name = String::from("world"); // main may borrow
/// let greeting = aioli_task::run(async { format!("hello {name}") });
/// assert_eq!(greeting, "hello world");
/// ```
#[doc(alias = "asyncio.run")]
#[track_caller]
pub fn run<F: Future>(main: F) -> F::Output {
    let mut runner = Runner::new();
    let result = runner.run(main);
    runner.close();
    match result {
        Ok(value) => value,
        Err(Stop::Interrupted) => interrupt::end_process(),
        Err(stop) => stop.resume(),
    }
}

/// A loop that runs several main futures one after the other, and is closed at the end.
///
/// Unlike [`run`] it never ends the process, and it returns how main ended.
///
/// # Examples
///
/// ```
/// use aioli_task::Runner;
///
/// let mut runner = Runner::builder().virtual_clock().build();
/// assert_eq!(runner.run(async { 1 }).unwrap(), 1);
/// assert_eq!(runner.run(async { 2 }).unwrap(), 2);
/// ```
#[doc(alias = "asyncio.Runner")]
pub struct Runner {
    /// `None` once closed.
    local: Option<Rc<LocalLoop>>,
    /// What the main futures share.
    context: Context,
    interrupt: bool,
    shutdown_timeout: Option<Duration>,
    /// That of a loop whose order is shuffled.
    seed: Option<u64>,
}

impl Runner {
    /// A runner on the real clock, with the defaults of [`run`].
    #[must_use]
    pub fn new() -> Runner {
        Runner::builder().build()
    }

    /// Chooses how the loop behaves.
    pub fn builder() -> RunnerBuilder {
        RunnerBuilder::default()
    }

    /// Runs `main` until it ends; other tasks stay until the runner is closed.
    ///
    /// # Errors
    ///
    /// [`Stop::Cancelled`], [`Stop::Interrupted`] or [`Stop::Panicked`] when main ended so.
    ///
    /// # Panics
    ///
    /// When the runner is closed, and when a loop runs on this thread already.
    #[doc(alias = "asyncio.Runner.run")]
    #[track_caller]
    pub fn run<F: Future>(&mut self, main: F) -> Result<F::Output, Stop> {
        let local = self
            .local
            .clone()
            .expect("a closed runner cannot run anything");
        let location = Location::caller();
        let _entered = Entered::new(&local);
        let tell = TellSeed(self.seed, &local);
        let (end, output) = borrowed::with(main, |main| self.drive(&local, main, location));
        if !matches!(end, Err(Stop::Panicked(_))) {
            mem::forget(tell);
        }
        end.map(|()| output.expect("a main that ended with a value has left it"))
    }

    fn drive(
        &mut self,
        local: &Rc<LocalLoop>,
        main: Borrowed,
        location: &'static Location<'static>,
    ) -> Result<(), Stop> {
        let task = task::create(local, main, Start::Queued, location);
        task.0.header().put_context(self.context.clone());
        let _interrupt = self
            .interrupt
            .then(|| interrupt::install(task.handle(), local.shared.clone()))
            .flatten();
        let driven = DropOnUnwind(task.handle());
        let mut dropped = false;
        local.turn_until(|| {
            if local.shared.drop_main.load(Ordering::SeqCst) {
                dropped = drop_future(&task);
            }
            task.is_done()
        });
        drop(driven);
        self.context = task.handle().0.header().take_context();
        end_of_main(task, dropped)
    }

    /// Ends the loop: cancels the tasks that are left and waits for them, drains the orphan
    /// list, waits for blocking jobs. Closing again does nothing; dropping closes.
    #[doc(alias = "asyncio.Runner.close")]
    pub fn close(&mut self) {
        let Some(local) = self.local.take() else {
            return;
        };
        let _entered = Entered::to_close(&local);
        let mut panics = FirstPanic::default();
        if !thread::panicking() {
            let end = self
                .shutdown_timeout
                .and_then(|timeout| Instant::now().checked_add(timeout));
            panics.catch(|| shut_down(&local, end));
        }
        local.close(&mut panics);
        panics.resume();
    }
}

/// Tells the seed of a run that fails, so that it can be repeated.
struct TellSeed<'a>(Option<u64>, &'a LocalLoop);

impl Drop for TellSeed<'_> {
    fn drop(&mut self) {
        if let Some(seed) = self.0 {
            let text = format!("a run failed whose tasks were shuffled with seed {seed}");
            self.1.report(&Report::new(text));
        }
    }
}

/// Drops the main future if the loop is left by a panic, as its frame is about to go.
struct DropOnUnwind(TaskHandle);

impl Drop for DropOnUnwind {
    fn drop(&mut self) {
        if !self.0.is_done() {
            drop_future(&self.0);
        }
    }
}

/// How main ended.
fn end_of_main(task: Task<()>, dropped: bool) -> Result<(), Stop> {
    let requests = task.handle().requests();
    match task.now() {
        Err(Stop::Cancelled(reason)) => {
            let alone = reason.kind() == ReasonKind::Interrupt && requests <= 1;
            Err(if dropped || alone {
                Stop::Interrupted
            } else {
                Stop::Cancelled(reason)
            })
        }
        end => end,
    }
}

/// Cancels what is left and turns the loop until all has ended, `end` at the latest.
fn shut_down(local: &Rc<LocalLoop>, end: Option<Instant>) {
    // Tasks are numbered in the order of spawning: those from here on have not been asked.
    let mut unasked = 0;
    while local.has_tasks() {
        if unasked < local.tasks_begun() {
            let from = std::mem::replace(&mut unasked, local.tasks_begun());
            for task in local.tasks().into_iter().filter(|task| task.id() >= from) {
                task.cancel_for(Reason::new(ReasonKind::Shutdown));
            }
        }
        if is_over(local, end) {
            for task in local.tasks() {
                let report = Report::new("a task did not end in time and is dropped");
                local.report(&report.task(task.name(), task.spawned_at()));
            }
            return;
        }
        local.turn(end);
    }
    while local.is_held() {
        if is_over(local, end) {
            local.report(&Report::new(
                "a blocking job did not end in time and is left running",
            ));
            return;
        }
        local.turn(end);
    }
}

fn is_over(local: &LocalLoop, end: Option<Instant>) -> bool {
    local.shared.drop_main.load(Ordering::SeqCst) || end.is_some_and(|end| Instant::now() >= end)
}

impl Default for Runner {
    fn default() -> Runner {
        Runner::new()
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner")
            .field("closed", &self.local.is_none())
            .finish_non_exhaustive()
    }
}

/// Chooses how a [`Runner`]'s loop behaves.
#[must_use = "a builder does nothing until it is built"]
#[derive(Default)]
pub struct RunnerBuilder {
    is_virtual: bool,
    /// `None` jumps at once; an inner `None` never jumps.
    autojump: Option<Option<Duration>>,
    rate: f64,
    seed: Option<u64>,
    debug: Option<bool>,
    on_error: ErrorHandler,
    no_interrupt: bool,
    shutdown_timeout: Option<Option<Duration>>,
    pass_hook: Option<PassHook>,
    panic_when_idle: bool,
    spin: SpinSetting,
    slow_poll: Option<Duration>,
    context: Option<Context>,
}

impl RunnerBuilder {
    /// Uses a virtual clock: when nothing is runnable and no real work is in flight, it jumps to
    /// the next deadline. Hours of sleeping take no time.
    pub fn virtual_clock(mut self) -> RunnerBuilder {
        self.is_virtual = true;
        self
    }

    /// Uses a virtual clock that jumps only after the loop has been idle for `threshold` of real
    /// time; for tests in which something real answers, a socket for instance. An infinite
    /// threshold never jumps: the clock moves by [`advance`](crate::testing::advance) alone.
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN.
    #[doc(alias = "trio.testing.MockClock.autojump_threshold")]
    pub fn autojump(mut self, threshold: impl Seconds) -> RunnerBuilder {
        self.is_virtual = true;
        self.autojump = Some(threshold.into_duration());
        self
    }

    /// Uses a virtual clock that goes `rate` seconds in a real second, besides its jumps.
    ///
    /// # Panics
    ///
    /// When the rate is negative, infinite or NaN.
    #[doc(alias = "trio.testing.MockClock.rate")]
    pub fn rate(mut self, rate: f64) -> RunnerBuilder {
        check_rate(rate);
        self.is_virtual = true;
        self.rate = rate;
        self
    }

    /// Runs the tasks of each pass in an order that depends on `seed`; the same seed gives the
    /// same order. Finds what depends on the order by accident. When main panics, the seed is
    /// reported.
    pub fn shuffle(mut self, seed: u64) -> RunnerBuilder {
        self.seed = Some(seed);
        self
    }

    /// Turns debug mode on or off; by default the environment variable `AIOLI_DEBUG` decides.
    #[doc(alias = "asyncio.loop.set_debug")]
    pub fn debug(mut self, on: bool) -> RunnerBuilder {
        self.debug = Some(on);
        self
    }

    /// Gives what goes wrong where no caller can be told to `handler`; by default it is written
    /// to the standard error stream.
    #[doc(alias = "asyncio.loop.set_exception_handler")]
    pub fn on_error(mut self, handler: impl Fn(&Report) + 'static) -> RunnerBuilder {
        self.on_error = ErrorHandler::new(handler);
        self
    }

    /// Whether Ctrl-C cancels main; it does by default.
    pub fn interrupt(mut self, on: bool) -> RunnerBuilder {
        self.no_interrupt = !on;
        self
    }

    /// How long closing waits, on the real clock, for tasks that are being cancelled and for
    /// blocking jobs; five minutes by default.
    pub fn shutdown_timeout(mut self, timeout: impl Seconds) -> RunnerBuilder {
        self.shutdown_timeout = Some(timeout.into_duration());
        self
    }

    /// Calls `hook` at the start of each pass, before its first task is polled; it may cancel,
    /// spawn and wake. For test harnesses.
    pub fn pass_hook(mut self, hook: impl FnMut(PassInfo<'_>) + 'static) -> RunnerBuilder {
        self.pass_hook = Some(PassHook::new(hook));
        self
    }

    /// The context variables with which the first main future begins; by default a copy of the
    /// caller's when the runner is made. What one main sets, the next one sees.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_task::{ContextVar, Runner, copy_context};
    ///
    /// static USER: ContextVar<&str> = ContextVar::new();
    /// let mut context = copy_context();
    /// context.run(|| USER.set("ann"));
    /// let mut runner = Runner::builder().context(context).build();
    /// assert_eq!(runner.run(async { USER.get() }).unwrap(), Some("ann"));
    /// assert_eq!(USER.get(), None);
    /// ```
    pub fn context(mut self, context: Context) -> RunnerBuilder {
        self.context = Some(context);
        self
    }

    /// Has a thread watch for polls and callbacks that last longer than `threshold`, and tell the
    /// error handler of them: their place in the source, and how long they kept the loop from
    /// turning. What lasts ten times as long is written to the standard error stream meanwhile.
    ///
    /// On by default in debug mode, with 100 ms; infinity turns it off. It costs a few
    /// nanoseconds a poll, and no clock is read in the loop. Times are as exact as a quarter of
    /// the threshold.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{cell::Cell, rc::Rc, thread::sleep, time::Duration};
    ///
    /// let told = Rc::new(Cell::new(false));
    /// let tells = told.clone();
    /// let mut runner = aioli_task::Runner::builder()
    ///     .slow_poll(Duration::from_millis(5))
    ///     .on_error(move |_| tells.set(true))
    ///     .build();
    /// runner.run(async {
    ///     while !told.get() {
    ///         sleep(Duration::from_millis(20)); // blocks the loop
    ///         aioli_task::yield_now().await;
    ///     }
    /// }).unwrap();
    /// ```
    #[doc(alias = "asyncio.loop.slow_callback_duration")]
    pub fn slow_poll(mut self, threshold: impl Seconds) -> RunnerBuilder {
        self.slow_poll = Some(threshold.into_duration().unwrap_or(Duration::MAX));
        self
    }

    /// How long the loop looks for events without giving up its core, before it waits for them in
    /// the kernel; zero by default. A virtual clock does not spin.
    ///
    /// An event that arrives meanwhile is served at once instead of after the time that the
    /// system takes to wake a thread, tens of microseconds on a virtual machine. The price is
    /// processor time: worth it where latency counts. So the loop does it while events have been
    /// coming that soon, and stops when they do not; and it never does where the thread that makes the
    /// runner may use a single core, on which who would make the event cannot run meanwhile, or under
    /// a quota of processor time (a control group's `cpu.max`) that does not last for all cores, for it
    /// would be taken from that ([`force_spin`](RunnerBuilder::force_spin) asks neither). With
    /// io_uring it looks at memory that the kernel shares, with the other drivers each look is a
    /// system call.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let mut runner = aioli_task::Runner::builder()
    ///     .spin(Duration::from_micros(50))
    ///     .build();
    /// assert_eq!(runner.run(aioli_task::to_thread(|| 3)).unwrap(), 3);
    /// ```
    pub fn spin(mut self, length: impl Seconds) -> RunnerBuilder {
        self.spin = SpinSetting {
            length: length.into_duration().unwrap_or(Duration::MAX),
            is_forced: false,
        };
        self
    }

    /// As [`spin`](RunnerBuilder::spin), with a single core and under a quota too: for a loop that has
    /// been given a core of its own, and whose events come from others. It, too, stops when
    /// it does not pay.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// // Its thread is pinned to one core, and the other side runs on another one.
    /// let mut runner = aioli_task::Runner::builder()
    ///     .force_spin(Duration::from_micros(50))
    ///     .build();
    /// assert_eq!(runner.run(aioli_task::to_thread(|| 3)).unwrap(), 3);
    /// ```
    pub fn force_spin(mut self, length: impl Seconds) -> RunnerBuilder {
        self.spin = SpinSetting {
            length: length.into_duration().unwrap_or(Duration::MAX),
            is_forced: true,
        };
        self
    }

    /// On a virtual clock: panics when every task waits and nothing can wake one, instead of
    /// waiting for a wake-up from outside. For tests that would hang otherwise.
    pub fn panic_when_idle(mut self, on: bool) -> RunnerBuilder {
        self.panic_when_idle = on;
        self
    }

    /// Makes the runner.
    #[must_use]
    pub fn build(self) -> Runner {
        let debug = self.debug.unwrap_or_else(|| {
            env::var_os("AIOLI_DEBUG").is_some_and(|value| !value.is_empty() && value != "0")
        });
        let settings = Settings {
            debug,
            on_error: self.on_error,
            panic_when_idle: self.panic_when_idle,
            spin: self.spin.length_on(os::machine),
        };
        let default = if debug { SLOW_POLL } else { Duration::MAX };
        let threshold = self.slow_poll.unwrap_or(default);
        let watch = (threshold != Duration::MAX).then(|| Watch::new(threshold));
        let clock = match self.is_virtual {
            true => Clock::simulated(self.autojump.unwrap_or(Some(Duration::ZERO)), self.rate),
            false => Clock::real(),
        };
        let shared = Arc::new(Shared::new(clock, watch));
        if shared.watch.is_some() {
            watchdog::watch(&shared);
        }
        let local = LocalLoop::new(shared, settings, self.seed, self.pass_hook);
        Runner {
            local: Some(local),
            context: self.context.unwrap_or_else(context::copy),
            interrupt: !self.no_interrupt,
            shutdown_timeout: self.shutdown_timeout.unwrap_or(Some(SHUTDOWN_TIMEOUT)),
            seed: self.seed,
        }
    }
}

impl fmt::Debug for RunnerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunnerBuilder")
            .field("virtual", &self.is_virtual)
            .field("seed", &self.seed)
            .field("debug", &self.debug)
            .finish_non_exhaustive()
    }
}
