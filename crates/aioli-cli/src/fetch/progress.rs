//! Progress: bars on a terminal, lines elsewhere.

use std::cell::{Cell, OnceCell};
use std::io::{self, IsTerminal, Write};
use std::rc::Rc;
use std::time::Duration;

use aioli::time::{TimerHandle, call_later};
use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};

use super::download::Done;

/// How often the bars move when nothing comes.
const TICK: Duration = Duration::from_millis(200);
/// How long a download goes on before it has a bar: many short ones would only flicker.
const PATIENCE: Duration = Duration::from_millis(100);

/// The progress of everything: a bar for each download that goes on, and one for all files.
pub(super) struct Progress {
    /// `None` where there is no terminal.
    bars: Option<(MultiProgress, ProgressBar)>,
}

/// The progress of a download. The bar goes away when this is dropped.
pub(super) struct Bar(Option<(Rc<Active>, TimerHandle)>);

/// A download that goes on.
struct Active {
    multi: MultiProgress,
    total: ProgressBar,
    name: String,
    position: Cell<u64>,
    length: Cell<Option<u64>>,
    /// How often it was tried again.
    tries: Cell<u32>,
    /// Made when the download has gone on for a while.
    bar: OnceCell<ProgressBar>,
}

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
            let active = Rc::new(Active {
                multi: multi.clone(),
                total: total.clone(),
                name: name.to_owned(),
                position: Cell::default(),
                length: Cell::default(),
                tries: Cell::default(),
                bar: OnceCell::new(),
            });
            let show = active.clone();
            (active, call_later(PATIENCE, move || show.show()))
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

    /// Tells that something is tried again.
    pub(super) fn again(&self, write: impl FnOnce()) {
        match &self.bars {
            Some((multi, _)) => multi.suspend(write),
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
    /// Shows the number of the try.
    pub(super) fn again(&self, number: u32) {
        if let Some((active, _)) = &self.0 {
            active.tries.set(number);
            active.update();
        }
    }

    /// Shows that the download goes on from byte `from`, of so many.
    pub(super) fn begin(&self, from: u64, length: Option<u64>) {
        if let Some((active, _)) = &self.0 {
            active.position.set(from);
            active.length.set(length);
            active.update();
        }
    }

    pub(super) fn advance(&self, bytes: u64) {
        if let Some((active, _)) = &self.0 {
            active.position.update(|position| position + bytes);
            active.update();
        }
    }
}

impl Active {
    fn show(&self) {
        let bar = ProgressBar::no_length();
        let bar = self.multi.insert_before(&self.total, bar);
        bar.set_style(style("{msg:24!} {wide_bar:.green} {bytes}/{total_bytes}"));
        bar.set_message(self.name.clone());
        // The timer that calls this is called once.
        let _ = self.bar.set(bar);
        self.update();
    }

    fn update(&self) {
        let Some(bar) = self.bar.get() else { return };
        if self.tries.get() > 0 {
            bar.set_message(format!("retry {}: {}", self.tries.get(), self.name));
        }
        if let Some(length) = self.length.get() {
            bar.set_length(length);
        }
        bar.set_position(self.position.get());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        let Some((active, timer)) = &self.0 else {
            return;
        };
        timer.cancel();
        if let Some(bar) = active.bar.get() {
            bar.finish_and_clear();
            active.multi.remove(bar);
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
