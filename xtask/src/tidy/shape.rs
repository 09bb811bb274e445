//! The shape of modules: a first sentence, and limits on files and functions.

use std::collections::BTreeSet;

use super::{Module, line_where};
use crate::report::Report;
use crate::workspace::Workspace;

/// Characters in a module's first line.
const SUMMARY_MAX: usize = 100;
/// Lines of a file.
const FILE_MAX: usize = 800;
/// Lines of a function, from `fn` to its closing brace.
const FUNCTION_MAX: usize = 70;

/// Checks the first line, the length and the functions of each module.
pub(super) fn check(ws: &Workspace, modules: &[Module<'_>], out: &mut Report) {
    let mut excused = BTreeSet::new();
    for module in modules {
        summary(module, out);
        file_length(ws, module, &mut excused, out);
        function_lengths(ws, module, &mut excused, out);
    }
    let tidy = ws.tidy();
    for key in tidy.long_files.keys().chain(tidy.long_functions.keys()) {
        if !excused.contains(key) {
            let message =
                format!("`{key}` is excused from the limit and does not need it; remove it");
            out.add("Cargo.toml", exception_line(ws, key), message);
        }
    }
}

fn exception_line(ws: &Workspace, key: &str) -> usize {
    let quoted = format!("\"{key}\"");
    let text = ws.files.get("Cargo.toml").map_or("", String::as_str);
    line_where(text, |line| line.starts_with(&quoted))
}

fn summary(module: &Module<'_>, out: &mut Report) {
    // An example is read from its first line of code on; a compile-fail input has no reader.
    if module.path.contains("/examples/") || module.path.contains("/tests/ui/") {
        return;
    }
    let first = module.source.text.lines().next().unwrap_or_default();
    let Some(sentence) = first.strip_prefix("//! ") else {
        let message = "a module begins with `//!`; say in one sentence what the reader finds here";
        return out.add(module.path, 1, message);
    };
    if !sentence.ends_with('.') {
        out.add(
            module.path,
            1,
            "the first line is one whole sentence; end it with a period",
        );
    }
    if first.chars().count() > SUMMARY_MAX {
        let message = format!("the first line is longer than {SUMMARY_MAX} characters; shorten it");
        out.add(module.path, 1, message);
    }
}

fn file_length(
    ws: &Workspace,
    module: &Module<'_>,
    excused: &mut BTreeSet<String>,
    out: &mut Report,
) {
    let lines = module.source.text.lines().count();
    if lines <= FILE_MAX {
        return;
    }
    if ws.tidy().long_files.contains_key(module.path) {
        excused.insert(module.path.to_owned());
        return;
    }
    let message = format!(
        "{lines} lines, {FILE_MAX} are the limit; divide it by ideas, or excuse it with a reason \
         in `[workspace.metadata.tidy.long-files]`"
    );
    out.add(module.path, FILE_MAX + 1, message);
}

fn function_lengths(
    ws: &Workspace,
    module: &Module<'_>,
    excused: &mut BTreeSet<String>,
    out: &mut Report,
) {
    for function in module.source.functions() {
        let Some(body) = &function.body else { continue };
        let lines = module.source.line_at(body.end - 1) - function.line + 1;
        if lines <= FUNCTION_MAX || module.tests_at(function.line) {
            continue;
        }
        let key = format!("{}::{}", module.path, function.name);
        if ws.tidy().long_functions.contains_key(&key) {
            excused.insert(key);
            continue;
        }
        let message = format!(
            "`{}` has {lines} lines, {FUNCTION_MAX} are the limit; take steps out of it, or excuse \
             \"{key}\" with a reason in `[workspace.metadata.tidy.long-functions]`",
            function.name
        );
        out.add(module.path, function.line + 1, message);
    }
}

#[cfg(test)]
mod tests {
    use crate::tidy::fixture::{append, clean, file, finds, passes, replace};

    const NEW: &str = "crates/demo-low/src/new.rs";

    #[test]
    fn module_without_a_first_sentence() {
        for (text, what) in [
            ("fn f() {}\n", "begins with `//!`"),
            ("// Not it.\n", "begins with `//!`"),
            ("\n//! Late.\n", "begins with `//!`"),
            ("//! No period\n", "end it with a period"),
            ("", "begins with `//!`"),
        ] {
            let mut ws = clean();
            file(&mut ws, NEW, text);
            finds(&ws, &format!("{NEW}:1"), what);
        }
        let mut ws = clean();
        file(&mut ws, NEW, &format!("//! {}.\n", "x".repeat(97)));
        finds(&ws, &format!("{NEW}:1"), "longer than 100 characters");
    }

    #[test]
    fn tests_need_a_first_sentence_and_examples_do_not() {
        let mut ws = clean();
        file(
            &mut ws,
            "crates/demo-low/examples/short.rs",
            "fn main() {}\n",
        );
        file(
            &mut ws,
            "crates/demo-low/tests/ui/wrong.rs",
            "fn main() {}\n",
        );
        passes(&ws);
        file(&mut ws, "crates/demo-low/tests/it/main.rs", "mod cancel;\n");
        finds(
            &ws,
            "crates/demo-low/tests/it/main.rs:1",
            "begins with `//!`",
        );
    }

    #[test]
    fn file_beyond_the_limit() {
        let mut ws = clean();
        file(&mut ws, NEW, &format!("//! Long.\n{}", "\n".repeat(800)));
        finds(&ws, &format!("{NEW}:801"), "801 lines");
        excuse(&mut ws, "long-files", NEW);
        passes(&ws);
    }

    fn excuse(ws: &mut crate::workspace::Workspace, table: &str, key: &str) {
        let entry = format!("[workspace.metadata.tidy.{table}]\n\"{key}\" = \"one table\"\n");
        replace(
            ws,
            "Cargo.toml",
            "[workspace.dependencies]",
            &format!("{entry}[workspace.dependencies]"),
        );
    }

    #[test]
    fn function_beyond_the_limit() {
        let long = format!("fn long() {{\n{}}}\n", "    x();\n".repeat(69));
        let mut ws = clean();
        file(&mut ws, NEW, &format!("//! Long.\n{long}"));
        finds(&ws, &format!("{NEW}:2"), "`long` has 71 lines");
        excuse(&mut ws, "long-functions", &format!("{NEW}::long"));
        passes(&ws);
    }

    #[test]
    fn function_beyond_the_limit_may_be_a_test() {
        let long = format!("fn long() {{\n{}}}\n", "    x();\n".repeat(69));
        let mut ws = clean();
        file(
            &mut ws,
            NEW,
            &format!("//! Long.\n#[cfg(test)]\nmod tests {{\n{long}}}\n"),
        );
        file(
            &mut ws,
            "crates/demo-low/src/new/tests.rs",
            &format!("//! Long.\n{long}"),
        );
        passes(&ws);
    }

    #[test]
    fn exception_that_is_not_needed() {
        let mut ws = clean();
        append(&mut ws, "crates/demo-low/src/lib.rs", "\n");
        excuse(&mut ws, "long-files", "crates/demo-low/src/lib.rs");
        finds(&ws, "Cargo.toml:34", "does not need it");
    }
}
