//! What has been fetched and what has failed, and the summary of it.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use indicatif::{HumanBytes, HumanDuration};

use super::download::{Done, Job};

/// How many failures the summary names.
const NAMED_MAX: usize = 20;

/// Counts of a run.
pub(super) struct Tally {
    begin: Instant,
    n_files: usize,
    /// What could not even be tried.
    n_bad: usize,
    n_fetched: Cell<usize>,
    n_skipped: Cell<usize>,
    bytes: Cell<u64>,
    failed: RefCell<Vec<String>>,
}

impl Tally {
    pub(super) fn new(n_files: usize, n_bad: usize) -> Tally {
        Tally {
            begin: Instant::now(),
            n_files,
            n_bad,
            n_fetched: Cell::default(),
            n_skipped: Cell::default(),
            bytes: Cell::default(),
            failed: RefCell::default(),
        }
    }

    pub(super) fn done(&self, done: &Done) {
        match done {
            Done::Skipped => self.n_skipped.update(|n| n + 1),
            Done::Fetched { bytes, .. } => {
                self.n_fetched.update(|n| n + 1);
                self.bytes.update(|n| n + bytes);
            }
        }
    }

    pub(super) fn failed(&self, job: &Job) {
        self.failed.borrow_mut().push(job.shown());
    }

    /// Success, if nothing failed.
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(u8::from(self.n_bad > 0 || !self.failed.borrow().is_empty()))
    }

    /// Says what came of the run.
    pub(super) fn summary(&self) -> io::Result<()> {
        let mut out = io::stdout();
        let (fetched, skipped) = (self.n_fetched.get(), self.n_skipped.get());
        let failed = self.failed.borrow();
        let took = self.begin.elapsed();
        let rate = (self.bytes.get() as f64 / took.as_secs_f64().max(0.001)) as u64;
        let (bytes, rate) = (HumanBytes(self.bytes.get()), HumanBytes(rate));
        write!(out, "{fetched} fetched ({bytes} in ")?;
        if took.as_secs() < 60 {
            write!(out, "{:.1} s", took.as_secs_f64())?;
        } else {
            write!(out, "{}", HumanDuration(took))?;
        }
        write!(out, ", {rate}/s), {skipped} skipped")?;
        let n_failed = failed.len() + self.n_bad;
        if n_failed > 0 {
            write!(out, ", {n_failed} failed")?;
        }
        let n_left = self.n_files - fetched - skipped - failed.len();
        if n_left > 0 {
            write!(out, ", {n_left} left; the same command goes on with them")?;
        }
        writeln!(out)?;
        for url in failed.iter().take(NAMED_MAX) {
            writeln!(out, "  failed {url}")?;
        }
        if failed.len() > NAMED_MAX {
            writeln!(out, "  and {} more", failed.len() - NAMED_MAX)?;
        }
        Ok(())
    }
}
