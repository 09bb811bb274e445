//! One run of a scenario, cut at one point or not at all.

use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use aioli_task::testing::{PassInfo, counts, drop_future};
use aioli_task::{Reason, ReasonKind, Report, Runner, Stop, TaskHandle, all_tasks, current, spawn};

use super::{Cut, How, Scenario};
use crate::timeout::wait_up_to;

/// The tasks alive in each pass, by number, with their names.
pub(super) type Trace = Vec<Vec<(u64, String)>>;

/// The name of the scenario's main task.
pub(super) const MAIN: &str = "scenario";

/// How long, in virtual time, a scenario may take, and so may its clean-up.
const PATIENCE: Duration = Duration::from_secs(3600);

/// How many passes a run may take: more, and something is spinning.
const PASSES_MAX: usize = 20_000;

/// What the hook and the supervisor share.
#[derive(Default)]
struct Shared {
    trace: Trace,
    /// The tasks of the scenario are those spawned from this number on.
    first_task: Option<u64>,
    /// What went wrong outside of the scenario's own check.
    complaints: Vec<String>,
}

/// Runs a scenario; returns who was alive when, and what did not balance.
pub(super) fn run_once(
    scenario: Scenario,
    cut: &Cut,
    seed: Option<u64>,
) -> (Trace, Result<(), String>) {
    let shared = Rc::new(RefCell::new(Shared::default()));
    let Scenario { main, check } = scenario;
    let ran = catch_unwind(AssertUnwindSafe(|| run_main(main, cut, seed, &shared)));
    let Shared {
        trace,
        mut complaints,
        ..
    } = shared.take();
    match ran {
        Err(panic) => complaints.push(format!("the run panicked: {}", text(&*panic))),
        Ok(()) => match catch_unwind(AssertUnwindSafe(|| check(cut))) {
            Ok(Ok(())) => {}
            Ok(Err(message)) => complaints.push(message),
            Err(panic) => complaints.push(format!("the check panicked: {}", text(&*panic))),
        },
    }
    let result = if complaints.is_empty() {
        Ok(())
    } else {
        Err(complaints.join("; "))
    };
    (trace, result)
}

fn run_main(
    main: Pin<Box<dyn Future<Output = ()>>>,
    cut: &Cut,
    seed: Option<u64>,
    shared: &Rc<RefCell<Shared>>,
) {
    let (in_hook, in_report, cut) = (shared.clone(), shared.clone(), cut.clone());
    let mut builder = Runner::builder()
        .virtual_clock()
        .panic_when_idle(true)
        .interrupt(false)
        .pass_hook(move |pass| on_pass(&pass, &cut, &in_hook))
        .on_error(move |report: &Report| {
            if report.error().is_some() {
                in_report.borrow_mut().complaints.push(report.to_string());
            }
        });
    if let Some(seed) = seed {
        builder = builder.shuffle(seed);
    }
    let mut runner = builder.build();
    let ended = runner.run(supervise(main, shared.clone()));
    runner.close();
    if let Err(stop) = ended {
        shared
            .borrow_mut()
            .complaints
            .push(format!("the run was stopped: {stop}"));
    }
}

/// Notes who is alive, and cancels whom the cut names.
fn on_pass(pass: &PassInfo<'_>, cut: &Cut, shared: &Rc<RefCell<Shared>>) {
    let tasks = {
        let mut shared = shared.borrow_mut();
        let Some(first) = shared.first_task else {
            return;
        };
        let tasks: Vec<TaskHandle> = pass
            .tasks()
            .into_iter()
            .filter(|task| task.id() >= first)
            .collect();
        let names = tasks.iter().map(|task| (task.id(), task.name())).collect();
        shared.trace.push(names);
        assert!(
            shared.trace.len() < PASSES_MAX,
            "the tasks spin and never come to rest"
        );
        tasks
    };
    let Some(point) = &cut.point else { return };
    if shared.borrow().trace.len() as u64 != point.pass + 1 {
        return;
    }
    if let Some(task) = tasks.iter().find(|task| task.id() == point.task) {
        match point.how {
            How::Request => {
                task.cancel_for(
                    Reason::new(ReasonKind::Cancel).with_message("cancelled everywhere"),
                );
            }
            How::Drop => {
                drop_future(task);
            }
        }
    }
}

/// The main task of the run, which is never cancelled: waits for the scenario to end, then for
/// everything that it left behind.
async fn supervise(main: Pin<Box<dyn Future<Output = ()>>>, shared: Rc<RefCell<Shared>>) {
    let task = spawn(main).named(MAIN);
    shared.borrow_mut().first_task = Some(task.id());
    let complain = |message: String| shared.borrow_mut().complaints.push(message);
    if wait_up_to(PATIENCE, task.done()).await.is_none() {
        complain(format!("it hangs: {}", waiting()));
    }
    let leftovers = clean_up();
    if wait_up_to(PATIENCE, Box::pin(leftovers)).await.is_none() {
        complain(format!("its clean-up hangs: {}", waiting()));
    }
    let n_handlers = counts().handlers;
    if n_handlers > 0 {
        complain(format!("{n_handlers} handlers are left over"));
    }
    if let Some(Err(Stop::Panicked(panic))) = wait_up_to(0, Box::pin(task.outcome())).await {
        complain(format!("it panicked: {}", panic.message()));
    }
}

/// Cancels what is left, and waits for it and for the orphan list.
async fn clean_up() {
    let me = current();
    let others = || {
        all_tasks()
            .into_iter()
            .filter(|task| *task != me)
            .collect::<Vec<_>>()
    };
    for task in others() {
        task.cancel_for(Reason::new(ReasonKind::Shutdown));
    }
    loop {
        let Some(task) = others().into_iter().next() else {
            break;
        };
        task.done().await;
    }
}

/// The names of the tasks that have not ended.
fn waiting() -> String {
    let me = current();
    let names = all_tasks()
        .into_iter()
        .filter(|task| *task != me)
        .map(|task| task.name());
    names.collect::<Vec<_>>().join(", ")
}

/// The text of a panic.
fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}
