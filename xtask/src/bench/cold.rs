//! What it costs to depend on a crate: the crates it brings, and a first build.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use super::process::Interrupt;
use crate::Result;
use crate::command::Cmd;
use crate::terminal::{Spinner, Terminal};
use crate::workspace::Workspace;

/// One of ours, and what does its work elsewhere: a name and the lines of a manifest.
type Comparison = (&'static str, &'static [(&'static str, &'static str)]);

const COMPARISONS: [Comparison; 7] = [
    (
        "aioli-sync",
        &[
            (
                "tokio (sync)",
                "tokio = { version = \"1\", features = [\"sync\"] }",
            ),
            (
                "async-channel, async-lock",
                "async-channel = \"2\"\nasync-lock = \"3\"",
            ),
        ],
    ),
    (
        "aioli-task",
        &[
            (
                "tokio (rt)",
                "tokio = { version = \"1\", features = [\"rt\"] }",
            ),
            (
                "async-executor, blocking",
                "async-executor = \"1\"\nblocking = \"1\"",
            ),
        ],
    ),
    (
        "aioli-net",
        &[
            (
                "tokio (rt, net, time, io-util)",
                "tokio = { version = \"1\", features = [\"rt\", \"net\", \"time\", \"io-util\"] }",
            ),
            ("async-net", "async-net = \"2\""),
        ],
    ),
    (
        "aioli-fs",
        &[
            (
                "tokio (rt, fs, io-util)",
                "tokio = { version = \"1\", features = [\"rt\", \"fs\", \"io-util\"] }",
            ),
            ("async-fs", "async-fs = \"2\""),
        ],
    ),
    (
        "aioli-process",
        &[
            (
                "tokio (rt, process)",
                "tokio = { version = \"1\", features = [\"rt\", \"process\"] }",
            ),
            ("async-process", "async-process = \"2\""),
        ],
    ),
    (
        "aioli-http",
        &[
            (
                "reqwest",
                "reqwest = { version = \"0.13\", features = [\"json\"] }",
            ),
            ("ureq", "ureq = { version = \"3\", features = [\"json\"] }"),
        ],
    ),
    (
        "aioli",
        &[
            (
                "tokio (full), reqwest",
                "tokio = { version = \"1\", features = [\"full\"] }\nreqwest = { version = \"0.13\", features = [\"json\"] }",
            ),
            (
                "smol, ureq",
                "smol = \"2\"\nureq = { version = \"3\", features = [\"json\"] }",
            ),
        ],
    ),
];

/// What one costs.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Cost {
    /// Which of ours it is compared with.
    pub(super) group: String,
    pub(super) name: String,
    pub(super) crates: Option<usize>,
    /// Seconds of a first build, if it was built.
    pub(super) seconds: Option<f64>,
    pub(super) failure: Option<String>,
}

/// Counts the crates of each, and builds them into an empty directory.
pub(super) fn costs(ws: &Workspace, dir: &Path, interrupt: &Interrupt) -> Result<Vec<Cost>> {
    let mut costs = Vec::new();
    for (ours, theirs) in COMPARISONS {
        let path = ws.root.join("crates").join(ours);
        let own = format!("{ours} = {{ path = \"{}\" }}", path.display());
        let candidates = std::iter::once((ours, own.as_str())).chain(theirs.iter().copied());
        for (name, lines) in candidates {
            if interrupt.asked() {
                return Ok(costs);
            }
            let mut cost = Cost {
                group: ours.to_owned(),
                name: name.to_owned(),
                crates: None,
                seconds: None,
                failure: None,
            };
            if let Err(error) = fill(&mut cost, &dir.join("cold"), lines) {
                cost.failure = Some(error.to_string());
            }
            costs.push(cost);
        }
    }
    Ok(costs)
}

fn fill(cost: &mut Cost, dir: &Path, lines: &str) -> Result {
    let mut spinner = Spinner::start(Terminal::detect(), "cold build");
    spinner.tick(Some(&cost.name));
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    fs::create_dir_all(dir.join("src"))?;
    fs::write(dir.join("src/lib.rs"), "//! Nothing.\n")?;
    let manifest = format!(
        "[workspace]\n[package]\nname = \"cold\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[dependencies]\n{lines}\n"
    );
    fs::write(dir.join("Cargo.toml"), manifest)?;
    // Downloads are no part of a build.
    let fetched = Cmd::cargo("fetch")
        .dir(dir)
        .capture(|line| spinner.tick(line))?;
    if !fetched.success {
        let said = fetched
            .output
            .lines()
            .find(|line| line.starts_with("error"));
        return Err(said.unwrap_or("its crates cannot be fetched").into());
    }
    let tree = Cmd::cargo("tree --edges normal,build --prefix none --format {p}").dir(dir);
    cost.crates = Some(distinct(&tree.read()?));
    let target = dir.join("target");
    let cmd = Cmd::cargo("build --offline").env("CARGO_TARGET_DIR", target.to_string_lossy());
    let began = Instant::now();
    let built = cmd.dir(dir).capture(|line| spinner.tick(line))?;
    let seconds = began.elapsed().as_secs_f64();
    if !built.success {
        let said = built.output.lines().find(|line| line.starts_with("error"));
        return Err(said.unwrap_or("it does not build").into());
    }
    cost.seconds = Some(seconds);
    fs::remove_dir_all(dir)?;
    Ok(())
}

/// Counts the crates of a tree besides the one at its root.
fn distinct(tree: &str) -> usize {
    let lines = tree
        .lines()
        .map(|line| line.trim().trim_end_matches(" (*)"));
    let distinct: BTreeSet<_> = lines.filter(|line| !line.is_empty()).collect();
    distinct.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::distinct;

    #[test]
    fn crates_are_counted_once_and_the_root_is_not() {
        assert_eq!(
            distinct("cold v0.0.0 (/w)\na v1.0.0\nb v1.0.0\na v1.0.0 (*)\n"),
            2
        );
        assert_eq!(distinct("cold v0.0.0 (/w)\n"), 0);
    }
}
