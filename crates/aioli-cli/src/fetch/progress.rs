//! Progress: bars on a terminal, lines elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};

use super::download::Done;

/// How often the bars move when nothing comes.
const TICK: Duration = Duration::from_millis(200);

/// The progress of everything: a bar for each download that goes on, and one for all files.
pub(super) struct Progress {
    /// `None` where there is no terminal.
    bars: Option<(MultiProgress, ProgressBar)>,
}

/// The progress of a download. The bar goes away when this is dropped.
pub(super) struct Bar(Option<(MultiProgress, ProgressBar)>);

impl Progress {
    pub(super) fn new(n_files: usize) -> Progress {
        if !io::stderr().is_terminal() {
            return Progress { bars: None };
        }
        let multi = MultiProgress::new();
        let total = multi.add(ProgressBar::new(n_files as u64));
        total.set_style(style("{wide_bar} {pos}/{len} files, {elapsed}"));
        total.enable_steady_tick(TICK);
        Progress {
            bars: Some((multi, total)),
        }
    }

    /// Shows that a download begins.
    pub(super) fn start(&self, name: &str) -> Bar {
        Bar(self.bars.as_ref().map(|(multi, total)| {
            let bar = multi.insert_before(total, ProgressBar::no_length());
            bar.set_style(style("{msg:24!} {wide_bar:.green} {bytes}/{total_bytes}"));
            bar.set_message(name.to_owned());
            (multi.clone(), bar)
        }))
    }

    /// Shows that a file is there.
    pub(super) fn done(&self, name: &str, done: &Done) {
        if let Some((_, total)) = &self.bars {
            return total.inc(1);
        }
        let line = match done {
            Done::Skipped => format!("skipped {name}\n"),
            Done::Fetched { bytes, before: 0 } => {
                format!("fetched {name}, {}\n", HumanBytes(*bytes))
            }
            Done::Fetched { bytes, before } => {
                let (bytes, before) = (HumanBytes(*bytes), HumanBytes(*before));
                format!("resumed {name}, {bytes} after {before}\n")
            }
        };
        // Progress that nobody reads is no reason to stop.
        let _ = io::stdout().write_all(line.as_bytes());
    }

    /// Lets `write` write a line, above the bars if there are some.
    pub(super) fn above(&self, write: impl FnOnce()) {
        match &self.bars {
            Some((multi, total)) => {
                multi.suspend(write);
                total.inc(1);
            }
            None => write(),
        }
    }

    /// Takes the bars away.
    pub(super) fn finish(&self) {
        if let Some((multi, total)) = &self.bars {
            total.finish_and_clear();
            // What is left to fail is the terminal, which does not matter any more.
            let _ = multi.clear();
        }
    }
}

impl Bar {
    /// Shows that the download goes on from byte `from`, of so many.
    pub(super) fn begin(&self, from: u64, total: Option<u64>) {
        if let Some((_, bar)) = &self.0 {
            if let Some(total) = total {
                bar.set_length(total);
            }
            bar.set_position(from);
        }
    }

    pub(super) fn advance(&self, bytes: u64) {
        if let Some((_, bar)) = &self.0 {
            bar.inc(bytes);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some((multi, bar)) = &self.0 {
            bar.finish_and_clear();
            multi.remove(bar);
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates are constants")
}

#[cfg(test)]
mod tests {
    use super::style;

    #[test]
    fn templates_are_valid() {
        style("{wide_bar} {pos}/{len} files, {elapsed}");
        style("{msg:24!} {wide_bar:.green} {bytes}/{total_bytes}");
    }
}
