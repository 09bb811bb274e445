//! `cargo xtask tidy`: the rules of the house that the compiler does not hold.
//!
//! Each file under `tidy/` is one rule or a few of a kind. A check is a function from the
//! workspace to what it found there; none stops at the first, and none touches the disk.

mod docs;
mod layers;
mod manifests;
mod platform;
mod prose;
mod root;
mod shape;
mod unsafety;
mod words;

#[cfg(test)]
pub(crate) mod fixture;

use crate::generate;
use crate::report::{Report, Violation};
use crate::source::Source;
use crate::workspace::Workspace;

/// Runs every check and returns all they found, by file and line.
pub(crate) fn tidy(ws: &Workspace) -> Vec<Violation> {
    let mut report = Report::default();
    layers::check(ws, &mut report);
    manifests::check(ws, &mut report);
    root::check(ws, &mut report);
    generate::check(ws, &mut report);
    let modules = modules(ws);
    for check in [
        shape::check,
        unsafety::check,
        platform::check,
        words::check,
        prose::check,
        docs::check,
    ] {
        check(ws, &modules, &mut report);
    }
    report.into_sorted()
}

/// A Rust file of one of the members, scanned.
#[derive(Debug)]
struct Module<'a> {
    path: &'a str,
    source: Source,
    /// Whether the file as a whole exists for tests or benchmarks.
    is_test: bool,
}

impl Module<'_> {
    /// Returns whether line `line`, counted from 0, exists under test only.
    fn tests_at(&self, line: usize) -> bool {
        let at = |offset: usize| self.source.line_at(offset);
        let ranges = self.source.test_ranges();
        self.is_test
            || ranges
                .iter()
                .any(|r| (at(r.start)..=at(r.end.max(1) - 1)).contains(&line))
    }

    /// Returns the place in `src` of the package in `dir`, if it is there.
    fn in_src<'a>(&'a self, dir: &str) -> Option<&'a str> {
        self.path.strip_prefix(dir)?.strip_prefix("/src/")
    }
}

fn modules(ws: &Workspace) -> Vec<Module<'_>> {
    let files = ws
        .files_ending(".rs")
        .filter(|(path, _)| ws.owner(path).is_some());
    let module = |(path, text)| Module {
        path,
        source: Source::new(text),
        is_test: is_test_path(path),
    };
    files.map(module).collect()
}

fn is_test_path(path: &str) -> bool {
    path.split('/')
        .any(|part| matches!(part, "tests" | "benches" | "tests.rs"))
}

/// Returns the number (from 1) of the first line of `text` for which `is` holds, or 1.
fn line_where(text: &str, is: impl Fn(&str) -> bool) -> usize {
    text.lines()
        .position(|line| is(line.trim()))
        .map_or(1, |i| i + 1)
}

#[cfg(test)]
mod tests {
    use super::{fixture, tidy};

    #[test]
    fn clean_workspace_has_nothing_to_report() {
        assert_eq!(tidy(&fixture::clean()), []);
    }

    #[test]
    fn all_violations_are_reported_at_once() {
        let mut ws = fixture::clean();
        fixture::append(
            &mut ws,
            "crates/demo-low/src/lib.rs",
            "// TO\u{44}O later\n",
        );
        fixture::append(
            &mut ws,
            "crates/demo-high/src/lib.rs",
            "pub use std::mem::*;\n",
        );
        ws.files.remove("crates/demo-high/README.md");
        ws.root_entries.push("notes.txt".to_owned());
        let found = tidy(&ws);
        assert_eq!(found.len(), 4, "{found:#?}");
        assert!(found.is_sorted());
    }
}
