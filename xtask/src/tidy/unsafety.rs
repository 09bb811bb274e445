//! Unsafe code stands in listed files only, and each piece of it is argued.

use std::collections::BTreeSet;

use super::{Module, line_where};
use crate::report::Report;
use crate::source::{Source, is_word};
use crate::workspace::Workspace;

/// Checks every piece of unsafe code, and the list of files that may hold some.
pub(super) fn check(ws: &Workspace, modules: &[Module<'_>], out: &mut Report) {
    let listed = &ws.tidy().unsafe_files;
    let mut needed = BTreeSet::new();
    for module in modules {
        let mut places = module
            .source
            .words("unsafe")
            .filter(|at| !is_type(&module.source, *at))
            .peekable();
        if let Some(first) = places.peek() {
            needed.insert(module.path);
            if !listed.iter().any(|path| path == module.path) {
                let message = "unsafe code in a file that is not listed; do it safely, or add the \
                               file to `unsafe-files` in `[workspace.metadata.tidy]`";
                out.add(module.path, module.source.line_at(*first) + 1, message);
            }
            if !expects(&module.source) {
                let message = "unsafe code in a file that does not open with its reason; write \
                               `#![expect(unsafe_code, reason = \"…\")]` below its documentation";
                out.add(module.path, 1, message);
            }
        }
        for at in places {
            let line = module.source.line_at(at);
            if !argued(&module.source, line) {
                let message = "unsafe code without its argument; say in `// SAFETY:` (for a function, \
                               `# Safety`) which obligation there is and what discharges it";
                out.add(module.path, line + 1, message);
            }
        }
    }
    for path in listed.iter().filter(|path| !needed.contains(path.as_str())) {
        let text = ws.files.get("Cargo.toml").map_or("", String::as_str);
        let quoted = format!("\"{path}\"");
        let line = line_where(text, |line| line.starts_with(&quoted));
        out.add(
            "Cargo.toml",
            line,
            format!("`{path}` is listed for unsafe code and has none; remove it"),
        );
    }
}

/// Returns whether the file as a whole says why it needs what the lint denies.
fn expects(source: &Source) -> bool {
    let expectations = source.code.split("#![expect(").skip(1);
    expectations
        .map(|rest| rest.split(")]").next().unwrap_or_default())
        .any(|inside| inside.contains("unsafe_code") && inside.contains("reason"))
}

/// Returns whether the `unsafe` at `at` is part of a function pointer's type.
fn is_type(source: &Source, at: usize) -> bool {
    let after = source.code[at + "unsafe".len()..].trim_start();
    let after = match after.strip_prefix("extern") {
        Some(abi) => abi.trim_start().trim_start_matches(['"', ' ']),
        None => after,
    };
    let name = after.strip_prefix("fn").map(str::trim_start);
    name.is_some_and(|rest| !rest.starts_with(is_word))
}

/// Returns whether an argument stands on the line or above the statement it is part of.
fn argued(source: &Source, line: usize) -> bool {
    let argues = |line: usize| {
        let comment = source.comment_line(line);
        comment.contains("SAFETY:") || comment.contains("# Safety")
    };
    if argues(line) {
        return true;
    }
    for above in (0..line).rev() {
        if argues(above) {
            return true;
        }
        let code = source.code_line(above);
        let blank = code.is_empty() && source.comment_line(above).is_empty();
        if blank || code.ends_with([';', '{', '}', ',']) {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use crate::tidy::fixture::{append, clean, file, finds, finds_among, passes};

    const RAW: &str = "crates/demo-low/src/raw.rs";

    #[test]
    fn unsafe_code_in_a_file_that_is_not_listed() {
        let mut ws = clean();
        let path = "crates/demo-low/src/new.rs";
        let expect = "#![expect(unsafe_code, reason = \"why\")]";
        let text = format!("//! New.\n{expect}\n// SAFETY: none.\nunsafe impl A {{}}\n");
        file(&mut ws, path, &text);
        finds(&ws, &format!("{path}:4"), "not listed");
    }

    #[test]
    fn unsafe_code_in_a_file_that_does_not_say_why() {
        for opening in [
            "",
            "#![allow(unsafe_code)]",
            "#![expect(unsafe_code)]",
            "#![expect(dead_code, reason = \"why\")]",
        ] {
            let mut ws = clean();
            let text = format!("//! Raw.\n{opening}\n// SAFETY: none.\nunsafe impl A {{}}\n");
            file(&mut ws, RAW, &text);
            finds(&ws, &format!("{RAW}:1"), "does not open with its reason");
        }
    }

    #[test]
    fn listed_file_without_unsafe_code() {
        let mut ws = clean();
        file(
            &mut ws,
            RAW,
            "//! Tame. The word unsafe in a comment, or \"unsafe\", is none.\n",
        );
        finds(&ws, "Cargo.toml:27", "has none");
    }

    #[test]
    fn unsafe_code_without_an_argument() {
        for (text, line) in [
            ("fn f() {\n    unsafe {}\n}\n", 9),
            ("unsafe impl Send for A {}\n", 8),
            ("/// Docs.\nunsafe fn f() {}\n", 9),
            ("unsafe trait T {}\n", 8),
            (
                "fn f() {\n    // SAFETY: that one.\n    a();\n    unsafe {}\n}\n",
                11,
            ),
            (
                "fn f() {\n    // SAFETY: far away.\n\n    unsafe {}\n}\n",
                11,
            ),
        ] {
            let mut ws = clean();
            append(&mut ws, RAW, text);
            finds(&ws, &format!("{RAW}:{line}"), "without its argument");
        }
    }

    #[test]
    fn arguments_are_found_where_they_stand() {
        let mut ws = clean();
        for text in [
            "// SAFETY: argued.\nunsafe impl Send for A {}\n",
            "/// Docs.\n///\n/// # Safety\n///\n/// Mind.\n#[inline]\nunsafe fn f() {}\n",
            "fn g() {\n    // SAFETY: argued,\n    // at length.\n    let x =\n        unsafe { y };\n}\n",
            "fn h() {\n    unsafe { y } // SAFETY: argued.\n}\n",
            "struct V {\n    f: unsafe fn(*const ()),\n    g: unsafe extern \"C\" fn(i32),\n}\n",
        ] {
            append(&mut ws, RAW, text);
        }
        passes(&ws);
        append(&mut ws, RAW, "unsafe extern \"C\" fn named(x: i32) {}\n");
        finds_among(&ws, &format!("{RAW}:30"), "without its argument");
    }
}
