//! Which driver runs, and the suite with the others.

use std::env;
use std::process::Command;

use aioli_reactor::DriverKind;

const VARIABLE: &str = "AIOLI_DRIVER";

/// Runs this test binary with a driver forced.
fn run_with(driver: &str, arguments: &[&str]) -> std::process::Output {
    let binary = env::current_exe().unwrap();
    let mut command = Command::new(binary);
    command
        .env(VARIABLE, driver)
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn the_suite_passes_with_the_other_driver() {
    if env::var_os(VARIABLE).is_some() {
        return; // this is the other run
    }
    let others = match aioli_reactor::driver_kind().unwrap() {
        DriverKind::Epoll => ["poll"].as_slice(),
        _ => &[],
    };
    for driver in others {
        let output = run_with(driver, &[]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "with {driver}:\n{text}");
    }
}

#[test]
fn the_forced_driver_is_the_one_that_runs() {
    let Ok(forced) = env::var(VARIABLE) else {
        return; // nothing forced
    };
    let kind = aioli_reactor::driver_kind().map(|kind| kind.to_string());
    match kind {
        Ok(kind) => assert_eq!(kind, forced),
        Err(error) => assert!(error.to_string().contains(&forced), "{error}"),
    }
}

#[test]
fn an_unknown_driver_is_an_error_that_names_it() {
    if env::var_os(VARIABLE).is_some() {
        return; // the child below, and other forced runs
    }
    let this_file = "drivers::the_forced_driver_is_the_one_that_runs";
    let output = run_with("kqueu", &["--exact", this_file]);
    assert!(output.status.success());
    let output = run_with(
        "kqueu",
        &["--exact", "cancel::a_dropped_read_takes_nothing"],
    );
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("AIOLI_DRIVER=kqueu: no such driver"),
        "{text}"
    );
}
