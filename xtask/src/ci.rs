//! `cargo xtask ci`: everything that has to hold before a change goes in.
//!
//! All steps share one target directory and one set of compiler flags, so that what one has
//! built the next one finds; lints are hardened by arguments after `--`, never by `RUSTFLAGS`.

use std::collections::BTreeSet;

use crate::Result;
use crate::command::Cmd;
use crate::steps::Steps;
use crate::workspace::{Package, Workspace};
use crate::{alone, conformance, doc, drivers, loom, sanitize, servers, tidy};

/// Targets of the systems we mean to run on besides this one.
const OTHER_SYSTEMS: [(&str, &[&str]); 4] = [
    ("macOS", &["aarch64-apple-darwin", "x86_64-apple-darwin"]),
    (
        "Windows",
        &["x86_64-pc-windows-msvc", "x86_64-pc-windows-gnu"],
    ),
    ("FreeBSD", &["x86_64-unknown-freebsd"]),
    ("Linux on ARM", &["aarch64-unknown-linux-gnu"]),
];
/// A crate whose build needs a C compiler for the target, which checking otherwise does not.
const NEEDS_C: &str = "rustls";

/// Runs all steps, with `full` the slow ones too, and returns whether all went well.
pub(crate) fn ci(ws: &Workspace, full: bool) -> Result<bool> {
    components()?;
    let mut steps = Steps::start();
    steps.command("format", &Cmd::cargo("fmt --all --check"));
    steps.check("tidy", "cargo xtask tidy", || {
        let found: Vec<_> = tidy::tidy(ws).iter().map(ToString::to_string).collect();
        if found.is_empty() {
            Ok(())
        } else {
            Err(found.join("\n").into())
        }
    });
    steps.check("conformance", "cargo xtask conformance", || {
        let problems = conformance::load(ws)?.problems;
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems.join("\n").into())
        }
    });
    steps.command(
        "clippy",
        &Cmd::cargo("clippy --workspace --all-targets -- -D warnings"),
    );
    steps.command("docs", &doc::command(ws));
    let test = Cmd::cargo("test --workspace --no-fail-fast");
    let tested = steps.command("tests and doctests", &test);
    let totals = Totals::of(&tested.output);
    if tested.success && totals.passed == 0 {
        steps.check("tests ran", &test.shell(), || {
            Err("there was not a single one".into())
        });
    }
    if tested.success {
        drivers::run(ws, &mut steps)?;
        servers::run(ws, &mut steps)?;
    } else {
        steps.skip("drivers", "the suites do not pass with the preferred one");
        steps.skip("servers", "the tests do not pass without them");
    }
    for package in ws.packages_by_layer() {
        steps.command(
            &format!("alone: {}", package.name),
            &alone::command(package),
        );
    }
    loom::run(ws, &[], &mut steps);
    if full {
        slow(ws, &mut steps)?;
    }
    let well = steps.finish();
    println!("\n{}", totals.lines.join("\n"));
    println!("{} passed, {} failed", totals.passed, totals.failed);
    Ok(well)
}

/// Checks that cargo's two helpers are there; without them the first steps fail obscurely.
fn components() -> Result {
    for (component, words) in [("rustfmt", "fmt --version"), ("clippy", "clippy --version")] {
        if Cmd::cargo(words).read().is_err() {
            return Err(format!(
                "{component} is not installed; `rustup component add {component}` installs it"
            )
            .into());
        }
    }
    Ok(())
}

fn slow(ws: &Workspace, steps: &mut Steps) -> Result {
    rust_version(ws, steps)?;
    for package in ws.packages_by_layer() {
        let features = package.features.iter().filter(|f| *f != "default");
        for feature in features {
            let cmd = Cmd::cargo("check --no-default-features -p").arg(&package.name);
            let cmd = cmd.arg("--features").arg(feature);
            steps.command(&format!("feature: {}/{feature}", package.name), &cmd);
        }
    }
    steps.command(
        "all features",
        &Cmd::cargo("test --workspace --all-features --no-fail-fast"),
    );
    // What takes long: many processes, many files. Of the documentation nothing is run so.
    steps.command(
        "ignored tests",
        &Cmd::cargo("test --workspace --lib --bins --tests --no-fail-fast -- --ignored"),
    );
    sanitize::run(ws, steps)?;
    other_systems(ws, steps);
    let host = Cmd::new("rustc", "-vV").read().unwrap_or_default();
    if host.contains("-linux-") {
        steps.command("fuzzers", &fuzzers(ws));
        steps.command("bench", &Cmd::cargo("xtask bench --quick"));
    } else {
        steps.skip("fuzzers", "they are checked on Linux");
        steps.skip("bench", "it needs Linux");
    }
    Ok(())
}

/// Type-checks the programs of `cargo fuzz`, which are no members of the workspace.
fn fuzzers(ws: &Workspace) -> Cmd {
    // The flag is cargo-fuzz's. What they would be linked with is in C++, and is not built: it is
    // enough that something stands for it.
    Cmd::cargo("check --bins --manifest-path crates/aioli-http/fuzz/Cargo.toml")
        .env("RUSTFLAGS", "--cfg fuzzing")
        .env("CUSTOM_LIBFUZZER_PATH", "none/libfuzzer.a")
        .env("CARGO_TARGET_DIR", ws.target.join("fuzz").to_string_lossy())
}

/// Checks with the oldest compiler that the manifest promises.
fn rust_version(ws: &Workspace, steps: &mut Steps) -> Result {
    let declared = &ws.manifest.workspace.package.rust_version;
    let name = format!("rust {declared}");
    let here = Cmd::new("rustc", "--version").read()?;
    if is_version(here.split(' ').nth(1).unwrap_or_default(), declared) {
        steps.skip(&name, "is the compiler of the steps above");
        return Ok(());
    }
    let installed = Cmd::new("rustup", "toolchain list")
        .read()
        .unwrap_or_default();
    let toolchain = installed
        .split_whitespace()
        .find(|t| is_version(t, declared));
    let words = "check --workspace --all-targets";
    let cmd = Cmd::cargo(&format!("+{} {words}", toolchain.unwrap_or(declared)));
    if toolchain.is_some() {
        steps.command(&name, &cmd);
    } else {
        let word =
            format!("it is not installed; `rustup toolchain install {declared}` installs it");
        steps.check(&name, &cmd.shell(), || Err(word.into()));
    }
    Ok(())
}

/// Returns whether `version` (or a toolchain's name) is `declared` or a patch of it.
fn is_version(version: &str, declared: &str) -> bool {
    version
        .strip_prefix(declared)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
}

/// Type-checks for other systems as far as their standard libraries are installed.
fn other_systems(ws: &Workspace, steps: &mut Steps) {
    let installed = Cmd::new("rustup", "target list --installed")
        .read()
        .unwrap_or_default();
    let host = Cmd::new("rustc", "-vV").read().unwrap_or_default();
    for (system, targets) in OTHER_SYSTEMS {
        if targets
            .iter()
            .any(|target| host.contains(&format!("host: {target}")))
        {
            continue;
        }
        let Some(target) = installed.split_whitespace().find(|t| targets.contains(t)) else {
            let why = format!(
                "not run: `rustup target add {}` makes it possible",
                targets[0]
            );
            steps.skip(system, &why);
            continue;
        };
        let (with, without) = by_need_of_c(ws);
        let mut cmd = Cmd::cargo("check --target").arg(target);
        for package in without {
            cmd = cmd.arg("-p").arg(&package.name);
        }
        steps.command(system, &cmd);
        let names: Vec<_> = with.iter().map(|p| p.name.as_str()).collect();
        steps.skip(
            system,
            &format!(
                "without {}: they need a C compiler for it",
                names.join(", ")
            ),
        );
    }
}

/// Divides the crates by whether they reach the crate that compiles C.
fn by_need_of_c(ws: &Workspace) -> (Vec<&Package>, Vec<&Package>) {
    let mut needs = BTreeSet::from([NEEDS_C]);
    // Edges go down, so one pass from the lowest row up reaches all.
    for package in ws.packages_by_layer() {
        if package
            .dependencies
            .iter()
            .any(|d| needs.contains(d.name.as_str()))
        {
            needs.insert(&package.name);
        }
    }
    ws.packages_by_layer()
        .into_iter()
        .partition(|p| needs.contains(p.name.as_str()))
}

/// What cargo's tests said in all.
#[derive(Debug, Default, PartialEq)]
struct Totals {
    passed: usize,
    failed: usize,
    /// The summary line of each binary that has tests, as it was.
    lines: Vec<String>,
}

impl Totals {
    fn of(output: &str) -> Totals {
        let mut totals = Totals::default();
        for line in output
            .lines()
            .filter(|line| line.starts_with("test result: "))
        {
            let number = |what: &str| {
                let fields = line.split([';', '.']).map(str::trim);
                let field = fields.filter_map(|field| field.strip_suffix(what)).next()?;
                field.trim().parse::<usize>().ok()
            };
            let (passed, failed) = (number("passed").unwrap_or(0), number("failed").unwrap_or(0));
            totals.passed += passed;
            totals.failed += failed;
            if passed + failed > 0 {
                totals.lines.push(line.to_owned());
            }
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::{Totals, by_need_of_c, is_version};
    use crate::tidy::fixture::{clean, depend};
    use crate::workspace::Kind;

    #[test]
    fn totals_are_those_of_all_binaries() {
        let first = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        let second = "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s";
        let empty = "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        let totals = Totals::of(&format!(
            "running 13 tests\n{first}\n{empty}\ntest a ... ok\n{second}\n"
        ));
        let lines = vec![first.to_owned(), second.to_owned()];
        assert_eq!(
            totals,
            Totals {
                passed: 15,
                failed: 2,
                lines
            }
        );
        assert_eq!(Totals::of("error: could not compile\n"), Totals::default());
    }

    #[test]
    fn versions_match_with_any_patch() {
        for (version, same) in [
            ("1.95.0", true),
            ("1.95", true),
            ("1.95.1-x86_64-unknown-linux-gnu", true),
            ("1.950.0", false),
            ("1.96.0", false),
            ("stable", false),
        ] {
            assert_eq!(is_version(version, "1.95"), same, "{version}");
        }
    }

    #[test]
    fn need_of_a_c_compiler_is_inherited() {
        let mut ws = clean();
        depend(&mut ws, "demo-low", "rustls", Kind::Normal);
        let (with, without) = by_need_of_c(&ws);
        let names = |list: Vec<&crate::workspace::Package>| {
            list.iter().map(|p| p.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(with), ["demo-low", "demo-high"]);
        assert_eq!(names(without), ["demo-side"]);
    }
}
