//! Documentation that readers rely on: front pages, and what a cancelled future leaves.

use super::Module;
use crate::report::Report;
use crate::source::{Function, words};
use crate::workspace::{Package, Workspace};

/// The top-level headings of a front page, in order, and whether each must be there.
const HEADINGS: [(&str, Need); 7] = [
    ("Should I depend on this crate?", Need::Always),
    ("In scope / Out of scope", Need::Always),
    ("Examples", Need::Always),
    ("Cancellation", Need::Always),
    ("Implementation", Need::Always),
    ("Features", Need::WithFeatures),
    ("Asyncio correspondence", Need::Always),
];

#[derive(Clone, Copy, PartialEq)]
enum Need {
    Always,
    WithFeatures,
}

/// Checks front pages and public futures of the libraries that are published.
pub(super) fn check(ws: &Workspace, modules: &[Module<'_>], out: &mut Report) {
    for package in ws.packages.iter().filter(|p| p.published && p.has_lib) {
        for module in modules {
            match module.in_src(&package.dir) {
                Some("lib.rs") => front_page(package, module, out),
                Some(_) => {}
                None => continue,
            }
            cancel_safety(module, out);
        }
    }
}

fn front_page(package: &Package, module: &Module<'_>, out: &mut Report) {
    let headings = headings(&module.source.text);
    let mut next = 0;
    for (line, heading) in &headings {
        match HEADINGS.iter().position(|(known, _)| known == heading) {
            Some(i) if i >= next => next = i + 1,
            Some(_) => {
                let message = format!("`# {heading}` belongs before `# {}`", HEADINGS[next - 1].0);
                out.add(module.path, *line, message);
            }
            None => {
                let message = format!("`# {heading}` is no heading of a front page; make it `##`");
                out.add(module.path, *line, message);
            }
        }
    }
    let is_missing = |(heading, need): &(&str, Need)| {
        let wanted = match need {
            Need::Always => true,
            Need::WithFeatures => package.features.iter().any(|f| f != "default"),
        };
        wanted && !headings.iter().any(|(_, there)| there == heading)
    };
    let missing = HEADINGS.iter().filter(|heading| is_missing(heading));
    let missing: Vec<_> = missing
        .map(|(heading, _)| format!("`# {heading}`"))
        .collect();
    if !missing.is_empty() {
        let message = format!(
            "the front page lacks {}; write what belongs there",
            missing.join(", ")
        );
        out.add(module.path, 1, message);
    }
}

/// Returns the top-level headings of the crate's documentation with their lines.
fn headings(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (i, line) in text.lines().enumerate() {
        let Some(doc) = line.strip_prefix("//!") else {
            break;
        };
        if doc.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if let Some(heading) = doc.strip_prefix(" # ").filter(|_| !fenced) {
            found.push((i + 1, heading.trim().to_owned()));
        }
    }
    found
}

fn cancel_safety(module: &Module<'_>, out: &mut Report) {
    for function in module.source.functions() {
        let public = function.prefix.split(' ').next() == Some("pub");
        if !public || !is_future(module, &function) || module.tests_at(function.line) {
            continue;
        }
        let lead = module.source.lead(function.line);
        let says = |what: &str| {
            lead.iter()
                .any(|line| module.source.text_line(*line).contains(what))
        };
        if !says("# Cancel safety") && !says("#[doc(hidden)]") {
            let message = format!(
                "`{}` returns a future; say under `# Cancel safety` what remains when it is dropped",
                function.name
            );
            out.add(module.path, function.line + 1, message);
        }
    }
}

/// Returns whether the function is async or returns some `impl Future`.
fn is_future(module: &Module<'_>, function: &Function) -> bool {
    if function.prefix.split(' ').any(|word| word == "async") {
        return true;
    }
    let signature = &module.source.code[function.signature.clone()];
    let bounds = output_of(signature).and_then(|output| output.strip_prefix("impl "));
    bounds.is_some_and(|bounds| words(bounds, "Future").next().is_some())
}

/// Returns what a signature says of the function's output.
fn output_of(signature: &str) -> Option<&str> {
    let (mut angles, mut parentheses) = (0_i32, 0_i32);
    let mut before = 0;
    for (i, byte) in signature.bytes().enumerate() {
        match byte {
            b'<' => angles += 1,
            b'>' if before != b'-' => angles -= 1,
            b'(' => parentheses += 1,
            b')' => parentheses -= 1,
            _ => {}
        }
        before = byte;
        // Generics may hold parentheses too; those of the parameters stand outside of them.
        if byte == b')' && parentheses == 0 && angles == 0 {
            let output = signature[i + 1..]
                .trim_start()
                .strip_prefix("->")?
                .trim_start();
            let bounds = words(output, "where").next();
            return Some(&output[..bounds.unwrap_or(output.len())]);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::tidy::fixture::{append, clean, file, finds, package, passes, replace};

    const LIB: &str = "crates/demo-low/src/lib.rs";

    #[test]
    fn front_page_without_a_heading() {
        let mut ws = clean();
        replace(&mut ws, LIB, "//! # Cancellation\n", "");
        finds(&ws, &format!("{LIB}:1"), "lacks `# Cancellation`");
        let mut ws = clean();
        package(&mut ws, "demo-low")
            .features
            .push("default".to_owned());
        passes(&ws);
        package(&mut ws, "demo-low")
            .features
            .push("tokio".to_owned());
        finds(&ws, &format!("{LIB}:1"), "lacks `# Features`");
    }

    #[test]
    fn front_page_with_a_heading_out_of_place() {
        let mut ws = clean();
        replace(&mut ws, LIB, "//! # Cancellation\n", "");
        replace(
            &mut ws,
            LIB,
            "//! # Asyncio",
            "//! # Cancellation\n//! # Asyncio",
        );
        finds(
            &ws,
            &format!("{LIB}:14"),
            "`# Cancellation` belongs before `# Implementation`",
        );
    }

    #[test]
    fn front_page_with_a_heading_of_its_own() {
        let mut ws = clean();
        replace(
            &mut ws,
            LIB,
            "//! # Cancellation",
            "//! # History\n//! # Cancellation",
        );
        finds(&ws, &format!("{LIB}:11"), "make it `##`");
    }

    #[test]
    fn public_future_that_does_not_say_what_remains() {
        for text in [
            "/// Docs.\n///\n///\npub async fn f() {}\n",
            "/// Docs.\n///\n///\npub fn f<F>(f: F) -> impl Future<Output = F::Output> + Send where F: Future {}\n",
            "///\n///\nimpl A {\n    pub const unsafe fn f(self) -> impl std::future::Future<Output = ()>\n    {}\n}\n",
        ] {
            let mut ws = clean();
            // The words in a string must not count as the section.
            append(&mut ws, LIB, &text.replace("unsafe ", ""));
            finds(&ws, &format!("{LIB}:28"), "`f` returns a future");
        }
    }

    #[test]
    fn futures_that_need_not_say() {
        let mut ws = clean();
        for text in [
            "pub(crate) async fn a() {}\n",
            "async fn b() {}\n",
            "pub fn c<F: Future>(f: F) -> Result<F, ()> {}\n",
            "pub fn c2(f: impl Fn() -> impl Future) -> bool {}\n",
            "#[doc(hidden)]\npub async fn d() {}\n",
            "#[cfg(test)]\nmod tests {\n    pub async fn e() {}\n}\n",
            "pub fn g() -> impl Iterator<Item = MyFuture> {}\n",
            "pub fn h<A: Fn() -> B, B>(a: A) -> bool where A: Fn() -> impl Future {}\n",
        ] {
            append(&mut ws, LIB, text);
        }
        file(
            &mut ws,
            "crates/demo-low/tests/it/main.rs",
            "//! Tests.\npub async fn f() {}\n",
        );
        passes(&ws);
        package(&mut ws, "demo-low").published = false;
        append(&mut ws, LIB, "pub async fn f() {}\n");
        passes(&ws);
    }
}
