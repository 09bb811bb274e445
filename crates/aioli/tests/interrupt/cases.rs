//! Section A: interrupts.

use std::cell::Cell;
use std::env;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio, id};
use std::rc::Rc;
use std::thread;

use aioli_flow::promise;
use aioli_task::{
    Exit, ReasonKind, Runner, Stop, catch, current, exit, shield, spawn, time, to_thread, yield_now,
};

/// Names the case to be run in this process.
const CASE: &str = "AIOLI_TEST_CASE";

/// A case, and how its process must end.
type Case = (&'static str, fn(), fn(ExitStatus) -> bool);

const CASES: [Case; 5] = [
    ("c013", c013_interrupt_while_main_spins, ended_well),
    ("c014", c014_interrupt_while_main_waits, ended_well),
    ("c016_second", c016_second_interrupt_drops_main, ended_well),
    (
        "c016_absorbed",
        c016_first_interrupt_is_a_cancellation,
        ended_well,
    ),
    (
        "c016_done",
        c016_interrupt_when_main_is_done,
        ended_by_interrupt,
    ),
];

pub(crate) fn main() {
    if let Ok(name) = env::var(CASE) {
        let case = CASES.iter().find(|case| case.0 == name);
        return case.expect("the parent names a case").1();
    }
    let wanted = env::args().nth(1).filter(|arg| !arg.starts_with('-'));
    if env::args().any(|arg| arg == "--list") {
        return;
    }
    for (name, _, is_fine) in CASES {
        if wanted
            .as_ref()
            .is_some_and(|wanted| !name.contains(&**wanted))
        {
            continue;
        }
        let status = start(name);
        assert!(is_fine(status), "{name} ended with {status}");
        println!("interrupt: {name} ok");
    }
}

/// Runs a case in a process whose disposition of the signal is the default, whatever ours is.
fn start(name: &str) -> ExitStatus {
    let program = env::current_exe().expect("this program has a path");
    let mut command = if cfg!(target_os = "linux") {
        let mut command = Command::new("env");
        command.arg("--default-signal=INT").arg(program);
        command
    } else {
        Command::new(program)
    };
    let status = command.env(CASE, name).stdin(Stdio::null()).status();
    status.expect("a process can be started")
}

fn ended_well(status: ExitStatus) -> bool {
    status.success()
}

fn ended_by_interrupt(status: ExitStatus) -> bool {
    status.signal() == Some(2)
}

/// Presses Ctrl-C, as far as this process can tell.
fn interrupt() {
    let pid = id().to_string();
    let status = Command::new("kill").args(["-INT", &pid]).status();
    assert!(status.expect("`kill` is there").success());
}

/// Spins until the first interrupt has come; it is a request to cancel main.
async fn interrupted(main: &aioli_task::TaskHandle) {
    while main.cancelling() == 0 {
        assert!(time() < 60.0, "the interrupt does not come");
        yield_now().await;
    }
}

fn c013_interrupt_while_main_spins() {
    let mut seen = None;
    let ended = Runner::new().run(async {
        let spin = async {
            interrupt();
            loop {
                assert!(time() < 60.0, "the interrupt does not come");
                yield_now().await;
            }
        };
        if let Exit::Cancelled(cancelled) = exit(spin).await {
            seen = Some(cancelled.reason().kind());
            cancelled.raise().await
        }
    });
    assert!(matches!(ended, Err(Stop::Interrupted)));
    assert_eq!(seen, Some(ReasonKind::Interrupt));
}

fn c014_interrupt_while_main_waits() {
    let (setter, promised) = promise::<()>();
    let mut thread = None;
    let ended = Runner::new().run(async {
        thread = Some(thread::spawn(interrupt));
        promised.await;
    });
    assert!(matches!(ended, Err(Stop::Interrupted)));
    assert!(setter.is_abandoned(), "what main waits for is cancelled");
    let thread = thread.expect("main has begun");
    thread.join().expect("it does not panic");
}

fn c016_first_interrupt_is_a_cancellation() {
    let ended = Runner::new().run(async {
        let thread = spawn(to_thread(interrupt));
        let out = catch(std::future::pending::<()>()).await;
        let cancelled = out.expect_err("it is interrupted");
        assert_eq!(cancelled.reason().kind(), ReasonKind::Interrupt);
        assert_eq!(current().uncancel(), 0);
        thread.await;
        "goes on"
    });
    assert_eq!(ended.expect("the interrupt was absorbed"), "goes on");
}

fn c016_second_interrupt_drops_main() {
    struct Note(Rc<Cell<bool>>);
    impl Drop for Note {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let dropped = Rc::new(Cell::new(false));
    let note = Note(dropped.clone());
    let ended = Runner::new().run(async move {
        let _note = note;
        let main = current();
        spawn(async move {
            interrupt();
            interrupted(&main).await;
            interrupt();
        });
        // No request gets through to it.
        shield(std::future::pending::<()>()).await;
    });
    assert!(matches!(ended, Err(Stop::Interrupted)));
    assert!(dropped.get());
}

fn c016_interrupt_when_main_is_done() {
    let mut runner = Runner::new();
    runner.run(async {}).expect("main ends");
    // Nobody is left to be cancelled: the signal does what it does by default.
    interrupt();
    thread::park();
}
