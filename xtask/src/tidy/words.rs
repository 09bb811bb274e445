//! Words that say "not finished", and imports that hide where a name comes from.

use super::Module;
use crate::report::Report;
use crate::source::{Source, words};
use crate::workspace::Workspace;

/// Promises to come back. Written in two halves, so that this file makes none.
const PROMISES: [&str; 4] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("HA", "CK"),
];
/// Macros that stand for code that is still to come or was not meant to stay.
const MACROS: [&str; 3] = ["dbg", "todo", "unimplemented"];
/// Files besides modules that people read.
const PROSE: [&str; 4] = [".md", ".toml", ".yml", ".sh"];

/// Checks comments, prose, macros and imports.
pub(super) fn check(ws: &Workspace, modules: &[Module<'_>], out: &mut Report) {
    for module in modules {
        promises(module.path, &module.source.comments, out);
        for name in MACROS {
            let called = |at: &usize| module.source.code[at + name.len()..].starts_with('!');
            for at in module.source.words(name).filter(called) {
                let line = module.source.line_at(at) + 1;
                out.add(
                    module.path,
                    line,
                    format!("`{name}!` is not for finished code; remove it"),
                );
            }
        }
        globs(module, out);
    }
    for (path, text) in ws
        .files
        .iter()
        .filter(|(path, _)| PROSE.iter().any(|end| path.ends_with(end)))
    {
        promises(path, text, out);
    }
}

fn promises(path: &str, text: &str, out: &mut Report) {
    for (i, line) in text.lines().enumerate() {
        for word in PROMISES
            .iter()
            .filter(|word| words(line, word).next().is_some())
        {
            let message = format!(
                "`{word}` promises what is not here; do it, or file an issue and say what holds now"
            );
            out.add(path, i + 1, message);
        }
    }
}

fn globs(module: &Module<'_>, out: &mut Report) {
    let source = &module.source;
    for at in source.words("use") {
        let Some(end) = source.code[at..].find(';') else {
            continue;
        };
        let import = &source.code[at..at + end];
        // A prelude is made to be imported whole.
        if !import.contains("::*") || import.contains("prelude::*") && !is_public(source, at) {
            continue;
        }
        let line = source.line_at(at);
        if is_public(source, at) {
            out.add(
                module.path,
                line + 1,
                "re-exports by `*`; name what is public",
            );
        } else if !module.tests_at(line) {
            out.add(module.path, line + 1, "imports by `*`; name what is used");
        }
    }
}

fn is_public(source: &Source, at: usize) -> bool {
    let before = &source.code[..at];
    let start = before.rfind([';', '{', '}', ']']).map_or(0, |i| i + 1);
    words(&before[start..], "pub").next().is_some()
}

#[cfg(test)]
mod tests {
    use super::PROMISES;
    use crate::tidy::fixture::{append, clean, file, finds, passes};

    const LIB: &str = "crates/demo-low/src/lib.rs";

    #[test]
    fn promise_in_a_comment_or_in_prose() {
        for word in PROMISES {
            let mut ws = clean();
            append(&mut ws, LIB, &format!("/* {word}(me): later */\n"));
            finds(&ws, &format!("{LIB}:25"), word);
            let mut ws = clean();
            file(
                &mut ws,
                "docs/DESIGN.md",
                &format!("# Design\n\n{word} write\n"),
            );
            finds(&ws, "docs/DESIGN.md:3", word);
        }
    }

    #[test]
    fn word_that_only_looks_like_a_promise() {
        let mut ws = clean();
        append(
            &mut ws,
            LIB,
            &format!(
                "// {}S of a HACKER\nconst A: &str = \"{}\";\n",
                PROMISES[0], PROMISES[1]
            ),
        );
        passes(&ws);
    }

    #[test]
    fn macro_that_was_not_meant_to_stay() {
        for name in ["dbg", "todo", "unimplemented"] {
            let mut ws = clean();
            append(&mut ws, LIB, &format!("fn f() {{\n    {name}!();\n}}\n"));
            finds(&ws, &format!("{LIB}:26"), &format!("`{name}!` is not"));
        }
    }

    #[test]
    fn star_in_a_use() {
        for (text, what) in [
            ("pub use std::mem::*;\n", "re-exports by `*`"),
            (
                "pub(crate) use std::{\n    fmt, mem::*,\n};\n",
                "re-exports by `*`",
            ),
            ("pub use low::prelude::*;\n", "re-exports by `*`"),
            ("use std::mem::*;\n", "imports by `*`"),
        ] {
            let mut ws = clean();
            append(&mut ws, LIB, text);
            finds(&ws, &format!("{LIB}:25"), what);
        }
        let mut ws = clean();
        append(
            &mut ws,
            LIB,
            "use low::prelude::*;\n#[cfg(test)]\nmod tests {\n    use super::*;\n}\n",
        );
        passes(&ws);
    }
}
