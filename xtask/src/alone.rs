//! `cargo xtask build`: each crate by itself, with the number of crates it stands on.
//!
//! One invocation of cargo for several crates would unite their features, and a crate that
//! forgot one would compile thanks to its neighbour; so each has an invocation of its own.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::Result;
use crate::command::Cmd;
use crate::terminal::{Spinner, Terminal, Tone};
use crate::workspace::{Package, Workspace};

/// Builds the named crates, or all, with default features, each alone; `fresh` into an empty
/// directory, so that the seconds are those of a first build.
pub(crate) fn build(ws: &Workspace, names: &[String], fresh: bool) -> Result<bool> {
    let mut packages = Vec::new();
    for name in names {
        packages.push(ws.find(name)?);
    }
    if packages.is_empty() {
        packages = ws.packages_by_layer();
    }
    let terminal = Terminal::detect();
    let mut well = true;
    println!(
        "{:<16} {:>6} {:>12} {:>9}",
        "crate", "ours", "third-party", "seconds"
    );
    for package in packages {
        let (ours, theirs) = dependencies(ws, &package.name)?;
        let mut cmd = command(package);
        if fresh {
            let dir = ws.target.join("fresh");
            if dir.exists() {
                std::fs::remove_dir_all(&dir)?;
            }
            cmd = cmd.env("CARGO_TARGET_DIR", dir.to_string_lossy());
        }
        let started = Instant::now();
        let mut spinner = Spinner::start(terminal, &package.name);
        let captured = cmd.capture(|line| spinner.tick(line))?;
        drop(spinner);
        let seconds = started.elapsed().as_secs_f64();
        println!("{:<16} {ours:>6} {theirs:>12} {seconds:>9.1}", package.name);
        if !captured.success {
            well = false;
            let failed = terminal.paint(Tone::Bad, "failed");
            println!(
                "{failed}; again: {}\n{}",
                cmd.shell(),
                captured.output.trim_end()
            );
        }
    }
    Ok(well)
}

/// The command that builds this crate and nothing that is not below it.
pub(crate) fn command(package: &Package) -> Cmd {
    Cmd::cargo("build -p").arg(&package.name)
}

/// Returns how many crates of ours, and of others, are built below `name`.
fn dependencies(ws: &Workspace, name: &str) -> Result<(usize, usize)> {
    let cmd = Cmd::cargo("tree --edges normal,build --prefix none --format {p} -p").arg(name);
    Ok(count(&cmd.read()?, name, |name| ws.package(name).is_some()))
}

fn count(tree: &str, name: &str, is_ours: impl Fn(&str) -> bool) -> (usize, usize) {
    // A crate comes up once under each that needs it, marked where it was shown before.
    let lines = tree
        .lines()
        .map(|line| line.trim().trim_end_matches(" (*)"));
    let distinct: BTreeSet<_> = lines.filter(|line| !line.is_empty()).collect();
    let names = distinct.iter().filter_map(|line| line.split(' ').next());
    let (ours, theirs): (Vec<_>, Vec<_>) = names.filter(|n| *n != name).partition(|n| is_ours(n));
    (ours.len(), theirs.len())
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn crates_below_are_counted_once() {
        let tree = "top v0.1.0 (/w/top)\nlow v0.1.0 (/w/low)\nlibc v0.2.1\nsyn v1.0.0\nsyn v2.0.0\nlow v0.1.0 (/w/low) (*)\n\nlibc v0.2.1\n";
        assert_eq!(count(tree, "top", |name| name == "low"), (1, 3));
    }
}
