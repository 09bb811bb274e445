//! What the tests share: how a scenario is run, a log with times, and a few futures.
//!
//! A scenario runs on the virtual clock, which jumps when nothing can run, and panics where it
//! would hang. When it has ended, no task, handler, clean-up or timer is left of it, and nothing
//! was reported to the error handler.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use aioli_task::testing::{Counts, counts};
use aioli_task::{Runner, RunnerBuilder, Stop, Task, catch, spawn, time, yield_now};

/// Runs a scenario whose row depends on the order of the loop.
#[track_caller]
pub(crate) fn in_order(scenario: impl AsyncFnOnce()) {
    assert_eq!(reports(None, scenario), [""; 0]);
}

/// Runs a scenario in the order of the loop, and then with the tasks of each pass shuffled.
#[track_caller]
pub(crate) fn in_any_order(scenario: impl AsyncFn()) {
    in_order(&scenario);
    for seed in 1..=8 {
        let shuffled = || assert_eq!(reports(Some(seed), &scenario), [""; 0]);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(shuffled)) {
            eprintln!("with the tasks of each pass shuffled, seed {seed}");
            resume_unwind(panic);
        }
    }
}

/// Runs a scenario and returns what it reported to the error handler.
#[track_caller]
pub(crate) fn reports(seed: Option<u64>, scenario: impl AsyncFnOnce()) -> Vec<String> {
    let log = Log::default();
    let reported = log.clone();
    let mut builder = builder().on_error(move |report| {
        let error = report.error().unwrap_or_default();
        reported.put(format!("{}: {error}", report.message()));
    });
    if let Some(seed) = seed {
        builder = builder.shuffle(seed);
    }
    let mut runner = builder.build();
    let end = runner.run(async {
        scenario().await;
        nothing_is_left().await;
    });
    runner.close();
    if let Err(stop) = end {
        stop.resume();
    }
    log.names()
}

/// A loop that jumps over waits and panics instead of hanging.
pub(crate) fn builder() -> RunnerBuilder {
    Runner::builder().virtual_clock().panic_when_idle(true)
}

/// Checks that of a scenario only the main task is left.
async fn nothing_is_left() {
    let only_main = Counts {
        tasks: 1,
        orphans: 0,
        handlers: 0,
    };
    settle().await;
    assert_eq!(counts(), only_main, "what is left on the loop");
    assert_eq!(aioli_time::stats().pending, 0, "timers that are left");
}

/// Lets so many passes of the loop go by.
pub(crate) async fn passes(count: usize) {
    for _ in 0..count {
        yield_now().await;
    }
}

/// Lets everything that can run without time going by run, whatever the order.
pub(crate) async fn settle() {
    passes(20).await;
}

/// Spawns a task and lets it run up to where it waits.
pub(crate) async fn arrive<T: 'static>(future: impl Future<Output = T> + 'static) -> Task<T> {
    let task = spawn(future);
    settle().await;
    task
}

/// Never ends by itself.
pub(crate) async fn forever() {
    std::future::pending::<()>().await;
}

/// Notes what happened, in order, and when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<(String, f64)>>>);

impl Log {
    pub(crate) fn put(&self, what: impl fmt::Display) {
        self.0.borrow_mut().push((what.to_string(), time()));
    }

    /// What happened so far, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let log = self.0.borrow();
        log.iter().map(|(what, _)| what.clone()).collect()
    }

    /// What happened so far, in the order of the alphabet.
    pub(crate) fn sorted(&self) -> Vec<String> {
        let mut names = self.names();
        names.sort();
        names
    }

    /// What happened so far, with the seconds.
    pub(crate) fn timed(&self) -> Vec<String> {
        let log = self.0.borrow();
        log.iter()
            .map(|(what, at)| format!("{what} at {at}"))
            .collect()
    }

    /// How often something happened.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.0
            .borrow()
            .iter()
            .filter(|(name, _)| name == what)
            .count()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Puts `what` into the log when it is dropped.
    pub(crate) fn on_drop(&self, what: &'static str) -> OnDrop {
        OnDrop(self.clone(), what)
    }
}

/// Notes when it is dropped.
#[must_use]
pub(crate) struct OnDrop(Log, &'static str);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.put(self.1);
    }
}

/// Runs `body`; if it is cancelled, that is noted, and the cancellation goes on.
pub(crate) async fn noted<T>(log: Log, what: &str, body: impl Future<Output = T>) -> T {
    match catch(body).await {
        Ok(value) => value,
        Err(cancelled) => {
            log.put(what);
            cancelled.raise().await
        }
    }
}

/// An error that a row names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ValueError;

/// Another error that a row names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ZeroDivision;

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ValueError")
    }
}

impl fmt::Display for ZeroDivision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ZeroDivision")
    }
}

impl Error for ValueError {}
impl Error for ZeroDivision {}

/// The message of a task that must have been cancelled, or be cancelled soon.
#[track_caller]
pub(crate) fn cancelled<T>(task: Task<T>) -> impl Future<Output = Option<String>> {
    let caller = std::panic::Location::caller();
    async move {
        match task.outcome().await {
            Err(Stop::Cancelled(reason)) => reason.message().map(str::to_owned),
            Err(stop) => panic!("it was to end cancelled, at {caller}: {stop}"),
            Ok(_) => panic!("it was to end cancelled and has a value, at {caller}"),
        }
    }
}

/// What a panic says.
pub(crate) fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&'static str>().copied();
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    text.or(owned).unwrap_or("a payload that is not text")
}
