//! `cargo xtask drivers`: the suites of the crates that wait, once with each driver.
//!
//! What is run has been built by `cargo test --workspace`: asking cargo for the same again only
//! tells where it lies, while asking for some of the crates would build them anew with the
//! features that these alone want.

use std::path::PathBuf;

use serde::Deserialize;

use crate::Result;
use crate::command::Cmd;
use crate::steps::Steps;
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

/// A test binary, with the directory it runs in.
#[derive(Debug, PartialEq)]
struct Suite {
    name: String,
    binary: String,
    dir: PathBuf,
}

/// Runs them, and nothing else.
pub(crate) fn drivers(ws: &Workspace) -> Result<bool> {
    let mut steps = Steps::start();
    run(ws, &mut steps)?;
    Ok(steps.finish())
}

/// Adds a step for each suite with each driver; one that the system refuses is skipped with a word.
pub(crate) fn run(ws: &Workspace, steps: &mut Steps) -> Result {
    let built = Cmd::cargo("test --workspace --no-run --message-format=json").read()?;
    let suites = suites(ws, &built);
    let Some(lowest) = suites.first() else {
        steps.skip("drivers", "no crate has a suite to run with each of them");
        return Ok(());
    };
    for driver in DRIVERS {
        let probe = lowest
            .command(driver)
            .args(["--exact", PROBE, "--nocapture"]);
        // Whatever else goes wrong with it goes wrong in its suite too, which is a step.
        let said = probe.read().unwrap_or_default();
        if let Some(why) = said.lines().find_map(|line| line.split(REFUSED).nth(1)) {
            steps.skip(&format!("driver {driver}"), why);
            continue;
        }
        for suite in &suites {
            let name = format!("driver {driver}: {}", suite.name);
            steps.command(&name, &suite.command(driver));
        }
    }
    Ok(())
}

impl Suite {
    fn command(&self, driver: &str) -> Cmd {
        Cmd::new(&self.binary, "")
            .dir(&self.dir)
            .env(VARIABLE, driver)
    }
}

/// One line of what cargo says about a build.
#[derive(Debug, Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<String>,
    target: Option<Target>,
    executable: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// Finds the suites (`tests/it`) of our crates among what cargo has built.
fn suites(ws: &Workspace, built: &str) -> Vec<Suite> {
    let messages: Vec<Message> = built
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let suite = |name: &&str| {
        let package = ws.find(name).ok()?;
        let manifest = ws.root.join(package.path("Cargo.toml"));
        let message = messages.iter().find(|message| {
            message.reason == "compiler-artifact"
                && message.executable.is_some()
                && message.manifest_path.as_deref() == manifest.to_str()
                && message.target.as_ref().is_some_and(Target::is_suite)
        })?;
        Some(Suite {
            name: package.name.clone(),
            binary: message.executable.clone()?,
            dir: ws.root.join(&package.dir),
        })
    };
    CRATES.iter().filter_map(suite).collect()
}

impl Target {
    fn is_suite(&self) -> bool {
        self.name == "it" && self.kind.iter().any(|kind| kind == "test")
    }
}

#[cfg(test)]
mod tests {
    use super::suites;
    use crate::tidy::fixture::clean;

    #[test]
    fn suites_are_found_among_what_cargo_has_built() {
        let mut ws = clean();
        ws.packages[0].name = "aioli-net".to_owned();
        let manifest = ws.root.join(ws.packages[0].path("Cargo.toml"));
        let line = |target: &str, kind: &str, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":{manifest:?},"target":{{"name":"{target}","kind":["{kind}"]}},"executable":{executable}}}"#
            )
        };
        let built = [
            line("aioli_net", "lib", "null"),
            line("aioli_net", "lib", r#""/unit""#),
            line("it", "test", r#""/it""#),
            line("other", "test", r#""/other""#),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ];
        let found = suites(&ws, &built.join("\n"));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name, "aioli-net");
        assert_eq!(found[0].binary, "/it");
        assert_eq!(found[0].dir, ws.root.join(&ws.packages[0].dir));
    }
}
