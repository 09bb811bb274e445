//! The bar of a transfer that goes to a file, where a terminal can show it.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::errors;

/// The bars of all transfers, one below the other.
#[derive(Default)]
pub(super) struct Bars(MultiProgress);

/// A bar, or none.
pub(super) struct Progress(Option<ProgressBar>);

impl Bars {
    /// Shows a bar if it is `wanted` and the standard error stream is a terminal.
    pub(super) fn start(&self, wanted: bool, length: Option<u64>) -> Progress {
        if !wanted || !errors::is_terminal() {
            return Progress(None);
        }
        let (bar, template) = match length {
            Some(length) => (
                ProgressBar::new(length),
                "{wide_bar:.green} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left",
            ),
            None => (
                ProgressBar::no_length(),
                "{spinner:.green} {bytes}, {bytes_per_sec}",
            ),
        };
        bar.set_style(ProgressStyle::with_template(template).expect("the templates are constants"));
        Progress(Some(self.0.add(bar)))
    }
}

impl Progress {
    pub(super) fn advance(&self, bytes: usize) {
        if let Some(bar) = &self.0 {
            bar.inc(bytes as u64);
        }
    }

    pub(super) fn finish(self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
