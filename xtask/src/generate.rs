//! Generated parts of documents: `cargo xtask generate` writes them, tidy compares them.
//!
//! A part begins with a line `<!-- generated: NAME -->` and ends with a line `<!-- end -->`;
//! what stands between belongs to the generator of that name.

mod asyncio;
mod paths;

use std::fmt::Write;
use std::fs;

use crate::Result;
use crate::report::Report;
use crate::workspace::Workspace;

const BEGIN: &str = "<!-- generated: ";
const END: &str = "<!-- end -->";

type Generator = fn(&Workspace) -> String;

/// The generators by name, each with what it writes.
const GENERATORS: [(&str, Generator); 2] = [("crates", crates), ("asyncio", asyncio::index)];

/// Writes every generated part anew and returns the files that changed.
pub(crate) fn generate(ws: &Workspace) -> Result<Vec<String>> {
    let mut changed = Vec::new();
    for (path, text) in ws.files_ending(".md") {
        let (fresh, problems) = refreshed(ws, text);
        if let Some(problem) = problems.first() {
            return Err(format!("{path}:{}: {}", problem.0, problem.1).into());
        }
        if fresh != text {
            fs::write(ws.root.join(path), fresh)?;
            changed.push(path.to_owned());
        }
    }
    Ok(changed)
}

/// Checks that every generated part is what its generator writes, and that each is used.
pub(crate) fn check(ws: &Workspace, out: &mut Report) {
    for (path, text) in ws.files_ending(".md") {
        let (fresh, problems) = refreshed(ws, text);
        for (line, message) in problems {
            out.add(path, line, message);
        }
        if fresh != text {
            let differs = fresh.lines().zip(text.lines()).position(|(a, b)| a != b);
            let line = differs.unwrap_or_else(|| text.lines().count().min(fresh.lines().count()));
            out.add(
                path,
                line + 1,
                "a generated part is stale; run `cargo xtask generate`",
            );
        }
    }
    for (name, _) in GENERATORS {
        let begin = begin(name);
        if !ws
            .files_ending(".md")
            .any(|(_, text)| text.lines().any(|line| line == begin))
        {
            let message = format!(
                "no document has the generated part `{name}`; put `{begin}` and `{END}` where it belongs"
            );
            out.add("README.md", 1, message);
        }
    }
}

fn begin(name: &str) -> String {
    format!("{BEGIN}{name} -->")
}

/// Returns `text` with its generated parts written anew, and what is wrong with the marks.
pub(crate) fn refreshed(ws: &Workspace, text: &str) -> (String, Vec<(usize, String)>) {
    let mut fresh = String::new();
    let mut problems = Vec::new();
    let mut lines = text.split_inclusive('\n').enumerate();
    while let Some((i, line)) = lines.next() {
        fresh.push_str(line);
        let name = line
            .trim_end()
            .strip_prefix(BEGIN)
            .and_then(|rest| rest.strip_suffix(" -->"));
        let Some(name) = name else { continue };
        let generator = GENERATORS.iter().find(|(known, _)| *known == name);
        let mut old = String::new();
        let end = lines.by_ref().find(|(_, line)| {
            let end = line.trim_end() == END;
            if !end {
                old.push_str(line);
            }
            end
        });
        match (generator, end) {
            (Some((_, write)), Some(_)) => fresh.push_str(&format!("\n{}\n", write(ws).trim_end())),
            (None, _) => {
                problems.push((
                    i + 1,
                    format!("there is no generator `{name}`; correct the name"),
                ));
                fresh.push_str(&old);
            }
            (_, None) => {
                problems.push((
                    i + 1,
                    format!("the part does not end; write `{END}` on a line of its own"),
                ));
                fresh.push_str(&old);
            }
        }
        if let Some((_, line)) = end {
            if generator.is_some() {
                fresh.push('\n');
            }
            fresh.push_str(line);
        }
    }
    (fresh, problems)
}

/// The crate table by layer, the lowest row at the bottom, as one builds a house.
fn crates(ws: &Workspace) -> String {
    let mut table = String::from("| row | layer | crate | what it is |\n|---|---|---|---|\n");
    for (row, layer) in ws.layers().iter().enumerate().rev() {
        let packages = layer.crates.iter().filter_map(|name| ws.package(name));
        for package in packages.filter(|p| p.dir.starts_with("crates/")) {
            let _ = writeln!(
                table,
                "| {row} | {} | [`{}`]({}) | {} |",
                layer.name, package.name, package.dir, package.description
            );
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::refreshed;
    use crate::tidy::fixture::{append, clean, file, finds, finds_among, package, replace};

    #[test]
    fn stale_part() {
        let mut ws = clean();
        package(&mut ws, "demo-low").description = "Another thing".to_owned();
        finds(&ws, "README.md:7", "stale; run `cargo xtask generate`");
        let mut ws = clean();
        let line = ws.files["README.md"].lines().count() - 1;
        replace(
            &mut ws,
            "README.md",
            "\n\n<!-- end -->\n",
            "\n<!-- end -->\n",
        );
        append(&mut ws, "README.md", "\n");
        assert!(line > 0);
        finds_among(&ws, "README.md:8", "stale");
    }

    #[test]
    fn part_without_an_end() {
        let mut ws = clean();
        file(
            &mut ws,
            "docs/A.md",
            "text\n<!-- generated: crates -->\nmore\n",
        );
        finds(&ws, "docs/A.md:2", "does not end");
    }

    #[test]
    fn part_of_an_unknown_name() {
        let mut ws = clean();
        file(
            &mut ws,
            "docs/A.md",
            "text\n<!-- generated: nonsense -->\n<!-- end -->\n",
        );
        finds(&ws, "docs/A.md:2", "no generator `nonsense`");
    }

    #[test]
    fn part_that_no_document_has() {
        let mut ws = clean();
        file(
            &mut ws,
            "README.md",
            "<!-- generated: crates -->\n<!-- end -->\n",
        );
        let (fresh, _) = refreshed(&ws, &ws.files["README.md"]);
        file(&mut ws, "README.md", &fresh);
        finds(
            &ws,
            "README.md:1",
            "no document has the generated part `asyncio`",
        );
    }

    #[test]
    fn text_around_the_parts_stays() {
        let ws = clean();
        let text = "before\n<!-- generated: crates -->\nold\n<!-- end -->\nafter";
        let (fresh, problems) = refreshed(&ws, text);
        assert!(problems.is_empty());
        assert!(
            fresh.starts_with("before\n<!-- generated: crates -->\n\n| row |"),
            "{fresh}"
        );
        assert!(fresh.ends_with("|\n\n<!-- end -->\nafter"), "{fresh}");
        assert_eq!(refreshed(&ws, &fresh).0, fresh);
    }
}
