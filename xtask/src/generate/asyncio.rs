//! The dictionary's index: Python's name, our path, the file.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::paths::public_path;
use crate::source::{Source, is_word, words};
use crate::workspace::Workspace;

/// Python modules whose names are looked up in our documentation.
const PYTHON: [&str; 5] = [
    "asyncio",
    "aiohttp",
    "aiofiles",
    "contextlib",
    "contextvars",
];
/// Keywords that begin an item with a name.
const ITEMS: [&str; 10] = [
    "fn",
    "struct",
    "enum",
    "trait",
    "type",
    "mod",
    "const",
    "static",
    "union",
    "macro_rules",
];

/// Returns the table of all items that carry a Python name as a documentation alias.
pub(super) fn index(ws: &Workspace) -> String {
    let mut rows = BTreeSet::new();
    for (path, text) in ws.files_ending(".rs") {
        let Some(package) = ws.owner(path).filter(|p| p.has_lib) else {
            continue;
        };
        if !path.starts_with(&package.path("src/")) {
            continue;
        }
        let source = Source::new(text);
        for (alias, item) in aliases(&source) {
            rows.insert((alias, public_path(ws, package, path, &item), path));
        }
    }
    let mut table = String::from("| Python | Rust | file |\n|---|---|---|\n");
    for (alias, item, path) in rows {
        let _ = writeln!(table, "| `{alias}` | `{item}` | [{path}](../{path}) |");
    }
    table
}

/// Returns the Python names in a file, each with its item: `[name]` or `[type, name]`.
fn aliases(source: &Source) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    for (start, _) in source.code.match_indices("#[doc(alias") {
        let Some(length) = source.code[start..].find(")]") else {
            continue;
        };
        let end = start + length + 2;
        let Some(item) = item_after(source, end) else {
            continue;
        };
        // The code has blanks between the quotes; the text has the names.
        let names = source.text[start..end].split('"').skip(1).step_by(2);
        for name in
            names.filter(|name| PYTHON.contains(&name.split('.').next().unwrap_or_default()))
        {
            found.push((name.to_owned(), item.clone()));
        }
    }
    found
}

/// Returns the item that begins after `at`, with the type or trait around it.
fn item_after(source: &Source, at: usize) -> Option<Vec<String>> {
    let mut path: Vec<_> = enclosing(source, at).into_iter().collect();
    path.push(item_name(&source.code[at..])?);
    Some(path)
}

/// Returns the name of the item, variant or field that `code` begins with.
fn item_name(code: &str) -> Option<String> {
    let mut rest = code.trim_start();
    while let Some(attribute) = rest.strip_prefix("#[") {
        rest = attribute[attribute.find(']')? + 1..].trim_start();
    }
    let head = &rest[..rest
        .find(['{', '(', ';', '=', '<', ',', '}'])
        .unwrap_or(rest.len())];
    // `pub(crate)` ends the head early, but such an item is not public.
    let mut tokens = head
        .split(|c: char| !is_word(c))
        .filter(|token| !token.is_empty())
        .peekable();
    let mut last = None;
    while let Some(token) = tokens.next() {
        // `const fn` is a function.
        if ITEMS.contains(&token) && !(token == "const" && tokens.peek() == Some(&"fn")) {
            return tokens.next().map(str::to_owned);
        }
        if token == "use" {
            return tokens.last().map(str::to_owned);
        }
        last = Some(token);
    }
    last.map(str::to_owned)
}

/// Returns the name of the `impl`, trait or enum whose braces `at` is in, the innermost.
fn enclosing(source: &Source, at: usize) -> Option<String> {
    let mut found: Option<(usize, String)> = None;
    for keyword in ["impl", "trait", "enum"] {
        for start in source.words(keyword).filter(|start| *start < at) {
            let Some(open) = source.code[start..].find('{').map(|n| start + n) else {
                continue;
            };
            let inside = open < at && source.closing(open).is_some_and(|end| end > at);
            // `impl Trait` in a signature has no name at its brace that would begin a line.
            let begins = source.code_line(source.line_at(start));
            let block = [keyword, "pub ", "unsafe "]
                .iter()
                .any(|w| begins.starts_with(w));
            if inside && block && found.as_ref().is_none_or(|(best, _)| *best < start) {
                let header = &source.code[start + keyword.len()..open];
                found = Some((start, subject(keyword, header)?));
            }
        }
    }
    found.map(|(_, name)| name)
}

/// Returns the name that the header of an `impl`, a trait or an enum gives its block.
fn subject(keyword: &str, header: &str) -> Option<String> {
    let mut depth = 0_i32;
    let mut plain = String::new();
    let mut before = ' ';
    for c in header.chars() {
        match c {
            '<' => depth += 1,
            '>' if before != '-' => depth -= 1,
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
        before = c;
    }
    // In a macro's pattern the name is a variable, and no name at all.
    if plain.contains('$') {
        return None;
    }
    let bounds = words(&plain, "where").next().unwrap_or(plain.len());
    let mut names = plain[..bounds]
        .split(|c: char| !is_word(c))
        .filter(|name| !name.is_empty());
    // The type of an `impl` stands last, after the trait and its path; other names come first.
    let name = if keyword == "impl" {
        names.next_back()
    } else {
        names.next()
    };
    name.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{aliases, index};
    use crate::source::Source;
    use crate::tidy::fixture::{append, clean, file};

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let found = aliases(&Source::new(text));
        let found: Vec<_> = found
            .iter()
            .map(|(a, i)| (a.clone(), i.join("::")))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(a, i)| ((*a).to_owned(), (*i).to_owned()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn items_are_named() {
        check(
            "#[doc(alias = \"asyncio.sleep\")]\n#[must_use]\npub fn sleep() {}",
            &[("asyncio.sleep", "sleep")],
        );
        check(
            "#[doc(alias = \"asyncio.A\")]\n/// Docs {.\npub struct A<T>(T);",
            &[("asyncio.A", "A")],
        );
        check(
            "#[doc(alias(\"asyncio.a\", \"tokio.b\", \"asyncio.c\"))]\npub const fn d() {}",
            &[("asyncio.a", "d"), ("asyncio.c", "d")],
        );
        check("#[doc(alias = \"select\")]\npub fn race() {}", &[]);
        check("// #[doc(alias = \"asyncio.x\")]\nfn x() {}", &[]);
        check(
            "#[doc(alias = \"asyncio.run\")]\n#[macro_export]\nmacro_rules! main {}",
            &[("asyncio.run", "main")],
        );
        check(
            "#[doc(alias = \"asyncio.T\")]\npub use aioli_task::Task;",
            &[("asyncio.T", "Task")],
        );
        check(
            "#[doc(alias = \"asyncio.M\")]\npub const M: u8 = 1;",
            &[("asyncio.M", "M")],
        );
    }

    #[test]
    fn methods_and_variants_are_named_with_their_type() {
        let method = "#[doc(alias = \"asyncio.put\")]\n pub async fn put(&self) {}\n}\nfn x() {}";
        for (header, name) in [
            ("impl Queue {", "Queue::put"),
            ("impl<T: Fn() -> u8> Queue<T> {", "Queue::put"),
            (
                "impl<T> Put for low::Queue<T> where T: Send {",
                "Queue::put",
            ),
            ("pub trait Put: Sized {", "Put::put"),
        ] {
            let text = format!("fn f() -> impl Copy {{ 1 }}\n{header}\n fn g() {{}}\n {method}");
            check(&text, &[("asyncio.put", name)]);
        }
        check(
            "pub enum When {\n  #[doc(alias = \"asyncio.ALL\")]\n  All,\n}",
            &[("asyncio.ALL", "When::All")],
        );
    }

    #[test]
    fn paths_are_those_of_re_exports() {
        let mut ws = clean();
        append(
            &mut ws,
            "crates/demo-low/src/lib.rs",
            "pub mod channel;\nmod made;\npub use queue::{Queue, Other};\npub use channel::{mpsc::channel, once};\n",
        );
        let item = |name: &str| {
            format!("//! A.\n#[doc(alias = \"asyncio.{name}\")]\npub struct {name};\n")
        };
        file(&mut ws, "crates/demo-low/src/queue.rs", &item("Queue"));
        file(
            &mut ws,
            "crates/demo-low/src/channel.rs",
            "//! A.\npub use mpsc::Sender;\npub mod watch;\n",
        );
        file(
            &mut ws,
            "crates/demo-low/src/channel/mpsc.rs",
            &item("Sender"),
        );
        file(
            &mut ws,
            "crates/demo-low/src/channel/watch.rs",
            &item("Watch"),
        );
        file(&mut ws, "crates/demo-low/src/made.rs", &item("channel"));
        file(&mut ws, "crates/demo-low/src/channel/once.rs", &item("One"));
        let table = index(&ws);
        for row in [
            "| `asyncio.One` | `demo_low::once::One` |",
            "| `asyncio.Queue` | `demo_low::Queue` | [crates/demo-low/src/queue.rs](../crates/demo-low/src/queue.rs) |",
            "| `asyncio.Sender` | `demo_low::channel::Sender` |",
            "| `asyncio.Watch` | `demo_low::channel::watch::Watch` |",
            "| `asyncio.do_it` | `demo_high::do_it` |",
            "| `asyncio.channel` | `demo_low::channel` | [crates/demo-low/src/made.rs]",
        ] {
            assert!(table.contains(row), "{row}\n{table}");
        }
    }
}
