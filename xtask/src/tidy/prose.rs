//! Lines of documents: short enough that a change of one shows what has changed.

use super::Module;
use crate::report::Report;
use crate::workspace::Workspace;

/// Most characters in a line.
const LINE_MAX: usize = 120;

/// A document that a program writes as a whole.
const WRITTEN: &str = "docs/BENCHMARKS.md";

/// Checks the documents, but for tables and what is shown as code.
pub(super) fn check(ws: &Workspace, _: &[Module<'_>], out: &mut Report) {
    for (path, text) in ws.files_ending(".md").filter(|(path, _)| *path != WRITTEN) {
        let mut is_code = false;
        for (i, line) in text.lines().enumerate() {
            let is_fence = line.trim_start().starts_with("```");
            is_code ^= is_fence;
            let is_prose = !is_code && !is_fence && !line.starts_with('|');
            if is_prose && line.chars().count() > LINE_MAX {
                let message = format!("the line is longer than {LINE_MAX} characters; break it");
                out.add(path, i + 1, message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::tidy::fixture::{clean, file, finds, passes};

    const PATH: &str = "docs/GUIDE.md";

    #[test]
    fn lines_that_are_too_long() {
        let mut ws = clean();
        let longest = "é".repeat(120);
        file(&mut ws, PATH, &format!("# Guide\n\n{longest}\n"));
        passes(&ws);
        file(&mut ws, PATH, &format!("# Guide\n\n{longest}.\n"));
        finds(&ws, &format!("{PATH}:3"), "longer than 120 characters");
    }

    #[test]
    fn tables_and_code_may_be_wide() {
        let mut ws = clean();
        let wide = "x".repeat(200);
        let text = format!("| {wide} |\n\n```text\n{wide}\n```\n");
        file(&mut ws, PATH, &text);
        passes(&ws);
        file(&mut ws, PATH, &format!("{text}\n{wide}\n"));
        finds(&ws, &format!("{PATH}:7"), "longer than 120 characters");
        let mut ws = clean();
        file(&mut ws, super::WRITTEN, &wide);
        passes(&ws);
    }
}
