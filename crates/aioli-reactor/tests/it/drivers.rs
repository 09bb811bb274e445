//! Which driver runs, and the suite with the others.

use std::env;
use std::process::Command;

const VARIABLE: &str = "AIOLI_DRIVER";

/// The driver that is forced, if one is.
pub(crate) fn forced() -> Option<String> {
    let value = env::var(VARIABLE).ok();
    value.filter(|value| !value.is_empty())
}

/// Runs this test binary with a driver forced.
pub(crate) fn run_with(
    driver: &str,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> std::process::Output {
    let binary = env::current_exe().unwrap();
    let mut command = Command::new(binary);
    command
        .env(VARIABLE, driver)
        .envs(variables.iter().copied())
        .args(arguments)
        .output()
        .unwrap()
}

/// The drivers besides the one that runs unforced, which this system does not refuse.
pub(crate) fn others() -> Vec<&'static str> {
    let preferred = aioli_reactor::driver_kind().unwrap().to_string();
    let is_other = |name: &&str| **name != *preferred && can_run(name);
    ["epoll", "uring", "poll"]
        .into_iter()
        .filter(is_other)
        .collect()
}

/// Whether the system has this driver and allows it.
fn can_run(driver: &str) -> bool {
    let probe = "drivers::the_forced_driver_is_refused_or_runs";
    let output = run_with(driver, &["--exact", probe, "--nocapture"], &[]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    !text.contains(REFUSED)
}

const REFUSED: &str = "refused: ";

#[test]
fn the_suite_passes_with_the_other_drivers() {
    if forced().is_some() {
        return; // this is the other run
    }
    for driver in others() {
        let output = run_with(driver, &[], &[]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "with {driver}:\n{text}");
    }
}

#[test]
fn the_forced_driver_is_refused_or_runs() {
    let Some(forced) = forced() else {
        return; // nothing forced
    };
    let kind = aioli_reactor::driver_kind().map(|kind| kind.to_string());
    match kind {
        Ok(kind) => assert_eq!(kind, forced),
        Err(error) => {
            assert!(error.to_string().contains(&forced), "{error}");
            println!("{REFUSED}{error}");
        }
    }
}

#[test]
fn an_unknown_driver_is_an_error_that_names_it() {
    if forced().is_some() {
        return; // the child below, and other forced runs
    }
    let this_file = "drivers::the_forced_driver_is_refused_or_runs";
    let output = run_with("kqueu", &["--exact", this_file], &[]);
    assert!(output.status.success());
    let output = run_with(
        "kqueu",
        &["--exact", "cancel::a_dropped_read_takes_nothing"],
        &[],
    );
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("AIOLI_DRIVER=kqueu: no such driver"),
        "{text}"
    );
}
