//! `cargo xtask conformance`: which behaviours of asyncio are kept, and which test shows it.
//!
//! The rows stand in one table. A test is a row's by its name: `c123_what_holds`. A row is
//! *kept* when a test asserts it as it stands, *adapted* when Rust makes it mean something
//! else, *cannot* when it cannot be written, and *open* as long as it has no test.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use crate::Result;
use crate::source::Source;
use crate::workspace::Workspace;

const TABLE: &str = "crates/aioli/tests/conformance/rows.toml";

/// The table and the tests, put side by side.
#[derive(Debug)]
pub(crate) struct Conformance {
    sections: Vec<Section>,
    /// The tests of each row.
    tests: BTreeMap<u32, Vec<Test>>,
    /// What does not fit together.
    pub(crate) problems: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    section: Vec<Section>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    letter: String,
    title: String,
    rows: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    row: u32,
    title: String,
    /// The test it was taken from, in the project that has it.
    from: String,
    status: Option<Status>,
    reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Kept,
    Adapted,
    Cannot,
}

#[derive(Debug, PartialEq)]
struct Test {
    name: String,
    place: String,
}

/// Prints the rows, of all sections or of those named by letter, and what does not fit.
pub(crate) fn print(ws: &Workspace, letters: &[String]) -> Result<bool> {
    let conformance = load(ws)?;
    let known = |letter: &String| {
        conformance
            .sections
            .iter()
            .any(|s| s.letter.eq_ignore_ascii_case(letter))
    };
    if let Some(letter) = letters.iter().find(|letter| !known(letter)) {
        return Err(format!("no section `{letter}` in {TABLE}").into());
    }
    print!("{}", conformance.shown(letters));
    for problem in &conformance.problems {
        println!("{problem}");
    }
    Ok(conformance.problems.is_empty())
}

/// Reads the table and looks for the tests.
pub(crate) fn load(ws: &Workspace) -> Result<Conformance> {
    let text = ws
        .files
        .get(TABLE)
        .ok_or_else(|| format!("{TABLE} is not there"))?;
    let table: Table = toml::from_str(text).map_err(|e| format!("{TABLE}: {e}"))?;
    let mut tests: BTreeMap<u32, Vec<Test>> = BTreeMap::new();
    for (path, text) in ws
        .files_ending(".rs")
        .filter(|(path, _)| path.contains("/tests/"))
    {
        for (row, test) in tests_in(path, text) {
            tests.entry(row).or_default().push(test);
        }
    }
    let problems = problems(text, &table.section, &tests);
    Ok(Conformance {
        sections: table.section,
        tests,
        problems,
    })
}

/// Returns the tests in a file that carry a row's number.
fn tests_in(path: &str, text: &str) -> Vec<(u32, Test)> {
    let source = Source::new(text);
    let test = |f: crate::source::Function| {
        let (number, _) = f.name.strip_prefix('c')?.split_once('_')?;
        let row = number.parse().ok()?;
        Some((
            row,
            Test {
                place: format!("{path}:{}", f.line + 1),
                name: f.name,
            },
        ))
    };
    source.functions().into_iter().filter_map(test).collect()
}

fn problems(text: &str, sections: &[Section], tests: &BTreeMap<u32, Vec<Test>>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut rows: BTreeMap<u32, &Row> = BTreeMap::new();
    for row in sections.iter().flat_map(|section| &section.rows) {
        let line = text
            .lines()
            .position(|l| l.contains(&format!("row = {},", row.row)));
        let place = format!("{TABLE}:{}", line.map_or(1, |i| i + 1));
        let mut wrong = |what: &str| problems.push(format!("{place}: row {}: {what}", row.row));
        if rows.insert(row.row, row).is_some() {
            wrong("is there twice; leave it once");
        }
        let tested = tests.get(&row.row).and_then(|tests| tests.first());
        let reason = row
            .reason
            .as_ref()
            .is_some_and(|reason| !reason.trim().is_empty());
        match (row.status, tested) {
            (Some(Status::Kept), None) => {
                wrong("is marked kept and has no test; write it or remove the mark")
            }
            (Some(Status::Cannot), Some(test)) => {
                wrong(&format!(
                    "is marked as one that cannot be written, and `{}` tests it; mark it adapted",
                    test.name
                ));
            }
            _ => {}
        }
        match row.status {
            Some(Status::Adapted | Status::Cannot) if !reason => {
                wrong("needs a reason; say why it is not kept as it stands")
            }
            Some(Status::Kept) | None if reason => {
                wrong("has a reason and no status that needs one; mark it adapted or cannot")
            }
            _ => {}
        }
    }
    for (row, tests) in tests.iter().filter(|(row, _)| !rows.contains_key(row)) {
        for test in tests {
            problems.push(format!(
                "{}: `{}` names row {row}, which {TABLE} does not have; correct the number",
                test.place, test.name
            ));
        }
    }
    problems
}

impl Conformance {
    fn shown(&self, letters: &[String]) -> String {
        let mut shown = String::new();
        let mut total = BTreeMap::new();
        let wanted = |s: &&Section| {
            letters.is_empty() || letters.iter().any(|l| s.letter.eq_ignore_ascii_case(l))
        };
        for section in self.sections.iter().filter(wanted) {
            let _ = writeln!(shown, "{}. {}", section.letter, section.title);
            for row in &section.rows {
                let word = self.word(row);
                *total.entry(word).or_insert(0_usize) += 1;
                let _ = writeln!(shown, "  {:>3}  {word:<7}  {}", row.row, row.title);
                if let Some(reason) = &row.reason {
                    let _ = writeln!(shown, "       {:<7}  because: {reason}", "");
                }
                for test in self.tests.get(&row.row).into_iter().flatten() {
                    let _ = writeln!(shown, "       {:<7}  {} ({})", "", test.name, test.place);
                }
                if word == "open" {
                    let _ = writeln!(shown, "       {:<7}  to be written after {}", "", row.from);
                }
            }
            shown.push('\n');
        }
        let counts: Vec<_> = total
            .iter()
            .map(|(word, n)| format!("{n} {word}"))
            .collect();
        let rows: usize = total.values().sum();
        let _ = writeln!(shown, "{rows} rows: {}", counts.join(", "));
        shown
    }

    /// Returns what holds of a row today: a mark alone shows nothing.
    fn word(&self, row: &Row) -> &'static str {
        match (row.status, self.tests.contains_key(&row.row)) {
            (Some(Status::Cannot), _) => "cannot",
            (_, false) => "open",
            (Some(Status::Adapted), true) => "adapted",
            (Some(Status::Kept) | None, true) => "kept",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{TABLE, load};
    use crate::tidy::fixture::{clean, file};
    use crate::workspace::Workspace;

    const ROWS: &str = "\
[[section]]
letter = \"F\"
title = \"gather\"
rows = [
  { row = 86, title = \"order\", from = \"test_a\" },
  { row = 87, title = \"error\", from = \"test_b\", status = \"adapted\", reason = \"inline\" },
  { row = 91, title = \"twice\", from = \"test_c\", status = \"cannot\", reason = \"moved\" },
  { row = 95, title = \"nothing\", from = \"test_d\", status = \"kept\" },
  { row = 98, title = \"group\", from = \"test_e\" },
]
";

    fn fixture(tests: &[&str]) -> Workspace {
        let mut ws = clean();
        file(&mut ws, TABLE, ROWS);
        let functions: String = tests
            .iter()
            .map(|name| format!("#[test]\nfn {name}() {{}}\n"))
            .collect();
        file(
            &mut ws,
            "crates/demo-high/tests/it/gather.rs",
            &format!("//! Gather.\n{functions}"),
        );
        ws
    }

    #[track_caller]
    fn finds(ws: &Workspace, place: &str, what: &str) {
        let problems = load(ws).unwrap().problems;
        let [one] = &problems[..] else {
            panic!("one problem expected: {problems:#?}")
        };
        assert!(
            one.starts_with(&format!("{place}: ")) && one.contains(what),
            "{one}"
        );
    }

    #[test]
    fn rows_and_tests_that_fit() {
        let ws = fixture(&[
            "c086_order",
            "c86_more",
            "c087_error",
            "c95_nothing",
            "cx_helper",
            "c_",
        ]);
        let conformance = load(&ws).unwrap();
        assert_eq!(conformance.problems, [] as [String; 0]);
        let shown = conformance.shown(&[]);
        for line in [
            "   86  kept     order\n                c086_order (crates/demo-high/tests/it/gather.rs:3)\n",
            "   87  adapted  error\n                because: inline\n",
            "   91  cannot   twice\n                because: moved\n",
            "   98  open     group\n                to be written after test_e\n",
            "5 rows: 1 adapted, 1 cannot, 2 kept, 1 open\n",
        ] {
            assert!(shown.contains(line), "{line}\n{shown}");
        }
        assert_eq!(conformance.shown(&["g".to_owned()]), "0 rows: \n");
    }

    #[test]
    fn test_of_an_unknown_row() {
        let ws = fixture(&["c95_nothing", "c999_new"]);
        finds(
            &ws,
            "crates/demo-high/tests/it/gather.rs:5",
            "names row 999",
        );
    }

    #[test]
    fn test_of_a_row_that_cannot_be_written() {
        finds(
            &fixture(&["c95_nothing", "c091_twice"]),
            &format!("{TABLE}:7"),
            "`c091_twice` tests it",
        );
    }

    #[test]
    fn kept_row_without_a_test() {
        finds(
            &fixture(&[]),
            &format!("{TABLE}:8"),
            "row 95: is marked kept and has no test",
        );
    }

    #[test]
    fn rows_that_are_not_well_formed() {
        for (from, to, what) in [
            (", reason = \"moved\"", "", "needs a reason"),
            (
                "from = \"test_e\"",
                "from = \"test_e\", reason = \"why\"",
                "no status that needs one",
            ),
            ("row = 98", "row = 86", "is there twice"),
        ] {
            let mut ws = fixture(&["c95_nothing"]);
            file(&mut ws, TABLE, &ROWS.replace(from, to));
            let problems = load(&ws).unwrap().problems;
            assert!(
                problems.len() == 1 && problems[0].contains(what),
                "{problems:?}"
            );
        }
    }
}
