//! `cargo xtask drivers`: the suites of the crates that wait, once with each driver.

use crate::Result;
use crate::command::Cmd;
use crate::steps::Steps;
use crate::suites::{Suite, built};
use crate::workspace::Workspace;

/// The variable that forces a driver, and its values.
const VARIABLE: &str = "AIOLI_DRIVER";
const DRIVERS: [&str; 3] = ["epoll", "uring", "poll"];
/// The crates whose suites are run, lowest first.
const CRATES: [&str; 5] = [
    "aioli-reactor",
    "aioli-net",
    "aioli-fs",
    "aioli-process",
    "aioli-http",
];
/// The test of the first one that tells whether the system allows a driver, and how it says no.
const PROBE: &str = "drivers::the_forced_driver_is_refused_or_runs";
const REFUSED: &str = "refused: ";

/// Runs them, and nothing else.
pub(crate) fn drivers(ws: &Workspace) -> Result<bool> {
    let mut steps = Steps::start();
    run(ws, &mut steps)?;
    Ok(steps.finish())
}

/// Adds a step for each suite with each driver; one that the system refuses is skipped with a word.
pub(crate) fn run(ws: &Workspace, steps: &mut Steps) -> Result {
    let suites = built(ws, &CRATES.map(|name| (name, "it")))?;
    let Some(lowest) = suites.first() else {
        steps.skip("drivers", "no crate has a suite to run with each of them");
        return Ok(());
    };
    for driver in DRIVERS {
        let probe = with(lowest, driver).args(["--exact", PROBE, "--nocapture"]);
        // Whatever else goes wrong with it goes wrong in its suite too, which is a step.
        let said = probe.read().unwrap_or_default();
        if let Some(why) = said.lines().find_map(|line| line.split(REFUSED).nth(1)) {
            steps.skip(&format!("driver {driver}"), why);
            continue;
        }
        for suite in &suites {
            let name = format!("driver {driver}: {}", suite.name);
            steps.command(&name, &with(suite, driver));
        }
    }
    Ok(())
}

/// The suite with a driver forced.
fn with(suite: &Suite, driver: &str) -> Cmd {
    suite.command().env(VARIABLE, driver)
}
