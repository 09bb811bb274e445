//! Cancels a scenario everywhere, and looks whether everything still balances.
//!
//! Most bugs of concurrent code sit where somebody is cancelled at an awkward moment: just woken,
//! just granted something, half-way through its clean-up. This harness visits every such moment.
//! It runs a scenario once on a virtual clock and notes which tasks are alive in which pass of the
//! loop. Then it runs the scenario again for every pass and every task alive in it, and cancels
//! that task in that pass: once by a request, and once by dropping its future, as foreign code
//! does. After each run the scenario's own check looks whether items, permits and clean-ups
//! balance; the harness itself sees hangs, panics and handlers that are left over.
//!
//! [`check_every_cancel`] is the one call a test needs; [`Everywhere`] chooses the order of tasks
//! and returns what came out. Beside the harness, [`Sequencer`] makes tasks take their steps in one
//! order.
//!
//! # Examples
//!
//! ```
//! use aioli_flow::testing::{Scenario, check_every_cancel};
//! use aioli_flow::timeout;
//! use aioli_sync::Queue;
//! use std::{cell::Cell, rc::Rc, time::Duration};
//!
//! check_every_cancel(|| {
//!     let (queue, received) = (Queue::unbounded(), Rc::new(Cell::new(0)));
//!     let (inside, count) = (queue.clone(), received.clone());
//!     let main = async move {
//!         let producer = inside.clone();
//!         let task = aioli_task::spawn(async move { producer.put(7).await.is_ok() });
//!         if timeout(Duration::from_secs(60), inside.get()).await.is_ok() {
//!             count.set(1);
//!         }
//!         task.outcome().await.ok();
//!     };
//!     Scenario::new(main, move |_cut| match received.get() + queue.len() {
//!         0 | 1 => Ok(()),
//!         n => Err(format!("one item became {n}")),
//!     })
//! });
//! ```

mod run;
mod sequencer;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;

use self::run::{Trace, run_once};
pub use self::sequencer::{SequenceError, Sequencer, Step, Turn};

/// Cancels a scenario everywhere: in FIFO order, and with the tasks of each pass shuffled in two
/// ways. Returns how many cancel points the scenario had.
///
/// `scenario` makes a [`Scenario`] for each run, or just a future, of which is asked that it does
/// not hang, does not panic, and leaves no handler behind, whoever is cancelled.
///
/// # Panics
///
/// With the list of failures, if in some run something did not balance.
///
/// # Examples
///
/// ```
/// use aioli_flow::{gather, testing::check_every_cancel};
/// use aioli_time::sleep;
///
/// let points = check_every_cancel(|| async {
///     gather((sleep(1), sleep(2))).await;
/// });
/// assert!(points >= 6);
/// ```
#[track_caller]
pub fn check_every_cancel<S: Into<Scenario>>(scenario: impl Fn() -> S) -> usize {
    let place = Location::caller();
    let mut points = 0;
    for seed in [None, Some(1), Some(2)] {
        let order = seed.map_or(String::new(), |seed| format!(", shuffled with seed {seed}"));
        let mut everywhere = Everywhere::new(format!("the scenario at {place}{order}"));
        everywhere.seed = seed;
        let summary = everywhere.run(|| scenario().into());
        summary.assert();
        points = summary.points().max(points);
    }
    points
}

/// A program to be cancelled everywhere, and what must hold afterwards.
///
/// A scenario is made anew for every run, and must do the same each time: no real clock, no
/// threads, no randomness. It has to end within an hour of virtual time, whoever of its tasks is
/// cancelled.
pub struct Scenario {
    main: Pin<Box<dyn Future<Output = ()>>>,
    check: Check,
}

type Check = Box<dyn FnOnce(&Cut) -> Result<(), String>>;

impl Scenario {
    /// A program, and a check that is called when all its tasks and clean-ups have ended.
    ///
    /// The check is told where the run was cut, and returns what does not balance.
    #[must_use]
    pub fn new(
        main: impl Future<Output = ()> + 'static,
        check: impl FnOnce(&Cut) -> Result<(), String> + 'static,
    ) -> Scenario {
        Scenario {
            main: Box::pin(main),
            check: Box::new(check),
        }
    }
}

impl<F: Future<Output = ()> + 'static> From<F> for Scenario {
    /// A program without a check of its own.
    fn from(main: F) -> Scenario {
        Scenario::new(main, |_| Ok(()))
    }
}

/// How a task is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum How {
    /// By `cancel`: its handlers clean up.
    Request,
    /// By dropping its future at once: only what `Drop` does is done, and clean-ups that own what
    /// they clean up are left to the loop.
    Drop,
}

/// Where a run is cut: a pass of the loop, a task, and how it is cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cut {
    point: Option<Point>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Point {
    /// Passes are counted from the first one of the scenario on.
    pass: u64,
    /// The task's number in its loop.
    task: u64,
    name: String,
    how: How,
}

impl Cut {
    /// How the task is cancelled; `None` in the run that is not cut.
    #[must_use]
    pub fn how(&self) -> Option<How> {
        self.point.as_ref().map(|point| point.how)
    }

    /// The pass in which it happens.
    #[must_use]
    pub fn pass(&self) -> Option<u64> {
        self.point.as_ref().map(|point| point.pass)
    }

    /// The name of the task that is cancelled.
    #[must_use]
    pub fn task_name(&self) -> Option<&str> {
        self.point.as_ref().map(|point| point.name.as_str())
    }

    /// Whether the scenario's own main task is the one that is cancelled.
    #[must_use]
    pub fn is_main(&self) -> bool {
        self.task_name() == Some(run::MAIN)
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Point {
            pass, name, how, ..
        }) = &self.point
        else {
            return f.write_str("nothing cancelled");
        };
        let how = match how {
            How::Request => "cancelled",
            How::Drop => "dropped",
        };
        write!(f, "task {name:?} {how} in pass {pass}")
    }
}

/// The harness; see the [module](self).
#[derive(Debug, Clone)]
#[must_use = "the harness does nothing until it runs a scenario"]
pub struct Everywhere {
    name: String,
    seed: Option<u64>,
}

impl Everywhere {
    /// A harness for the scenario of this name.
    pub fn new(name: impl Into<String>) -> Everywhere {
        Everywhere {
            name: name.into(),
            seed: None,
        }
    }

    /// Runs the tasks of each pass in an order that depends on `seed`, instead of FIFO.
    pub fn shuffle(mut self, seed: u64) -> Everywhere {
        self.seed = Some(seed);
        self
    }

    /// Runs the scenario uncut, and then once for every cancel point.
    pub fn run(self, scenario: impl Fn() -> Scenario) -> Summary {
        let uncut = Cut { point: None };
        let mut summary = Summary {
            name: self.name,
            n_passes: 0,
            n_tasks: 0,
            failures: Vec::new(),
            n_points: 0,
        };
        let trace = summary.judge(&uncut, run_once(scenario(), &uncut, self.seed));
        let points = cancel_points(&trace);
        summary.n_passes = trace.len();
        summary.n_points = points.len();
        let tasks: BTreeMap<u64, &str> = trace
            .iter()
            .flatten()
            .map(|(id, name)| (*id, name.as_str()))
            .collect();
        summary.n_tasks = tasks.len();
        for point in points {
            let cut = Cut { point: Some(point) };
            summary.judge(&cut, run_once(scenario(), &cut, self.seed));
        }
        summary
    }
}

/// Every task of every pass, to be cancelled both ways.
fn cancel_points(trace: &Trace) -> Vec<Point> {
    let mut points = Vec::new();
    for (pass, tasks) in (0..).zip(trace) {
        for (task, name) in tasks {
            for how in [How::Request, How::Drop] {
                points.push(Point {
                    pass,
                    task: *task,
                    name: name.clone(),
                    how,
                });
            }
        }
    }
    points
}

/// What came out of cancelling a scenario everywhere.
#[derive(Debug, Clone)]
#[must_use = "failures are to be looked at"]
pub struct Summary {
    name: String,
    n_passes: usize,
    n_tasks: usize,
    n_points: usize,
    failures: Vec<Failure>,
}

/// A run in which something did not balance.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Where the run was cut.
    pub cut: Cut,
    /// What was wrong.
    pub message: String,
}

impl Summary {
    /// How many cancel points the scenario had: for every pass, two for each task alive in it.
    #[must_use]
    pub fn points(&self) -> usize {
        self.n_points
    }

    /// The runs in which something did not balance.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// Does nothing if every run balanced.
    ///
    /// # Panics
    ///
    /// With the list of failures, if there are any.
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.failures.is_empty(), "{self}");
    }

    fn judge(&mut self, cut: &Cut, (trace, result): (Trace, Result<(), String>)) -> Trace {
        if let Err(message) = result {
            self.failures.push(Failure {
                cut: cut.clone(),
                message,
            });
        }
        trace
    }
}

/// How many failures are listed.
const LISTED_MAX: usize = 10;

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary {
            name,
            n_passes,
            n_tasks,
            n_points,
            failures,
        } = self;
        write!(
            f,
            "{name}: {n_points} cancel points ({n_tasks} tasks, {n_passes} passes), {} failures",
            failures.len()
        )?;
        for Failure { cut, message } in failures.iter().take(LISTED_MAX) {
            write!(f, "\n  {cut}: {message}")?;
        }
        if failures.len() > LISTED_MAX {
            write!(f, "\n  … and {} more", failures.len() - LISTED_MAX)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scenario").finish_non_exhaustive()
    }
}
