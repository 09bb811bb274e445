//! A loop that may use one core only does not spin, in a process that is pinned to one.

use std::env;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aioli_task::driver::Home;
use aioli_task::{Runner, RunnerBuilder, to_thread};

use crate::drivers::Counting;

const CHILD: &str = "AIOLI_TEST_ONE_CORE";

/// How often a loop that may look for an hour has looked and has parked, until a thread answered.
fn polls_and_parks(builder: RunnerBuilder) -> (usize, usize) {
    let parker = Arc::new(Counting::default());
    let (installed, seen) = (parker.clone(), parker.clone());
    let counts = |parker: &Counting| {
        let (polls, parks) = (&parker.polls, &parker.parks);
        (polls.load(Ordering::SeqCst), parks.load(Ordering::SeqCst))
    };
    // It answers when the loop does nothing but wait for it.
    let answer = move || {
        while counts(&seen) == (0, 0) {
            std::thread::yield_now();
        }
    };
    let ran = builder.build().run(async move {
        Home::current().set_parker(installed);
        to_thread(answer).await;
    });
    ran.unwrap();
    counts(&parker)
}

/// One of the cores that this process may use.
fn core() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let list = |line: &str| Some(line.strip_prefix("Cpus_allowed_list:")?.trim().to_owned());
    let list = status.lines().find_map(list).unwrap();
    list.split([',', '-']).next().unwrap().to_owned()
}

#[test]
fn on_one_core_a_loop_spins_only_by_force() {
    if env::var_os(CHILD).is_some() {
        let (polls, parks) = polls_and_parks(Runner::builder().spin(3600));
        assert_eq!(polls, 0, "{parks} parks");
        assert!(parks > 0);
        let (polls, parks) = polls_and_parks(Runner::builder().force_spin(3600));
        assert_eq!(parks, 0, "{polls} polls");
        assert!(polls > 0);
        return;
    }
    let name = "one_core::on_one_core_a_loop_spins_only_by_force";
    let mut child = Command::new("taskset");
    child.args(["-c", &core()]).arg(env::current_exe().unwrap());
    child.args(["--exact", name]).env(CHILD, "1");
    let output = match child.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("not tested: there is no `taskset` here");
            return;
        }
        output => output.unwrap(),
    };
    let (text, errors) = (&output.stdout, String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(text);
    assert!(output.status.success(), "{text}{errors}");
    assert!(text.contains("1 passed"), "{text}");
}
