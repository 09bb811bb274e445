//! Every program of the tutorial is no longer than its Python original.
//!
//! Lines that are blank, or a comment, do not count; in Rust, neither do lines that hold closing
//! delimiters only, and a final `Ok(())`, which Python has no counterpart of.

use std::fs;
use std::path::{Path, PathBuf};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// The names of the files in `folder` that end in `.extension`, sorted.
fn names(folder: &Path, extension: &str) -> Vec<String> {
    let files = fs::read_dir(folder).expect("the folder is there");
    let paths = files.map(|entry| entry.expect("it can be read").path());
    let of_kind = paths.filter(|path| path.extension().is_some_and(|e| e == extension));
    let mut names: Vec<_> = of_kind
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

fn count(text: &str, is_code: impl Fn(&str) -> bool) -> usize {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && is_code(line))
        .count()
}

fn rust_lines(text: &str) -> usize {
    let closes_only = |line: &str| {
        line.chars()
            .all(|c| matches!(c, ')' | ']' | '}' | ',' | ';'))
    };
    count(text, |line| {
        !line.starts_with("//") && !closes_only(line) && line != "Ok(())"
    })
}

fn python_lines(text: &str) -> usize {
    count(text, |line| !line.starts_with('#'))
}

#[test]
fn each_program_has_its_original() {
    let rust = names(&examples(), "rs");
    assert_eq!(rust, names(&examples().join("python"), "py"));
    assert!(rust.len() >= 19, "{rust:?}");
}

#[test]
fn no_program_is_longer_than_its_original() {
    let mut longer = Vec::new();
    for name in names(&examples(), "rs") {
        let read = |path: String| fs::read_to_string(examples().join(path)).unwrap();
        let rust = rust_lines(&read(format!("{name}.rs")));
        let python = python_lines(&read(format!("python/{name}.py")));
        println!("{name}: {rust} lines of Rust, {python} of Python");
        if rust > python {
            longer.push(name);
        }
    }
    assert!(longer.is_empty(), "longer than in Python: {longer:?}");
}

#[test]
fn what_counts_as_a_line() {
    let text = "//! Title.\n\nuse a::b;\n\nfn f() -> Result {\n    // why\n    g(|| {\n        1\n    });\n    Ok(())\n}\n";
    assert_eq!(rust_lines(text), 4);
    assert_eq!(python_lines("# Title.\nimport a\n\n\na.f(\n)\n"), 3);
}
