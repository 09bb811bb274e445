//! What a check found: a place, what is wrong there, and what to do about it.

use std::fmt;

/// One thing that is not as it has to be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    /// Path relative to the root of the workspace, with `/` on every system.
    pub(crate) file: String,
    /// Counted from 1; 1 too where the file as a whole is meant.
    pub(crate) line: usize,
    /// What is wrong and what to do, in one line.
    pub(crate) message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Everything the checks found; no check stops at the first.
#[derive(Debug, Default)]
pub(crate) struct Report {
    violations: Vec<Violation>,
}

impl Report {
    /// Notes one violation.
    pub(crate) fn add(&mut self, file: impl Into<String>, line: usize, message: impl Into<String>) {
        self.violations.push(Violation {
            file: file.into(),
            line,
            message: message.into(),
        });
    }

    /// Returns what was found, by file and line, each once.
    pub(crate) fn into_sorted(mut self) -> Vec<Violation> {
        self.violations.sort();
        self.violations.dedup();
        self.violations
    }
}
