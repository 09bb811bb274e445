//! A run of steps, one line each; what failed is shown with the command that repeats it.

use std::time::{Duration, Instant};

use crate::Result;
use crate::command::{Captured, Cmd};
use crate::terminal::{Spinner, Terminal, Tone};

/// Steps that have run, and how they ended.
#[derive(Debug)]
pub(crate) struct Steps {
    terminal: Terminal,
    started: Instant,
    /// Name and command to repeat of each step that failed.
    failed: Vec<(String, String)>,
    count: usize,
}

impl Steps {
    /// Starts without a step.
    pub(crate) fn start() -> Steps {
        Steps {
            terminal: Terminal::detect(),
            started: Instant::now(),
            failed: Vec::new(),
            count: 0,
        }
    }

    /// Runs a command and returns what came of it; a failure is shown and noted.
    pub(crate) fn command(&mut self, name: &str, cmd: &Cmd) -> Captured {
        let mut spinner = Spinner::start(self.terminal, name);
        let captured = cmd
            .capture(|line| spinner.tick(line))
            .unwrap_or_else(|error| Captured {
                success: false,
                output: format!("it does not start: {error}\n"),
            });
        let took = spinner.elapsed();
        drop(spinner);
        self.ended(name, captured.success, took, &cmd.shell(), &captured.output);
        captured
    }

    /// Runs a check of ours, which fails with what it has to say; `repeat` runs it alone.
    pub(crate) fn check(&mut self, name: &str, repeat: &str, check: impl FnOnce() -> Result<()>) {
        let spinner = Spinner::start(self.terminal, name);
        let outcome = check();
        let took = spinner.elapsed();
        drop(spinner);
        let said = outcome.as_ref().err().map(|error| format!("{error}\n"));
        self.ended(
            name,
            outcome.is_ok(),
            took,
            repeat,
            &said.unwrap_or_default(),
        );
    }

    /// Says of a step that it does not run, and why.
    pub(crate) fn skip(&self, name: &str, why: &str) {
        println!(
            "{}  {name:<26}          {why}",
            self.terminal.paint(Tone::Quiet, "skip")
        );
    }

    /// Says how all went and returns whether it went well.
    pub(crate) fn finish(self) -> bool {
        let took = self.started.elapsed().as_secs_f64();
        let (bad, count) = (self.failed.len(), self.count);
        if self.failed.is_empty() {
            let good = self.terminal.paint(Tone::Good, "all well");
            println!("\n{good}: {count} steps in {took:.1} s");
            return true;
        }
        let head = self
            .terminal
            .paint(Tone::Bad, &format!("{bad} of {count} steps failed"));
        println!("\n{head} in {took:.1} s; each again by itself:");
        for (name, repeat) in &self.failed {
            println!("  {name:<26} {repeat}");
        }
        false
    }

    fn ended(&mut self, name: &str, ok: bool, took: Duration, repeat: &str, output: &str) {
        self.count += 1;
        let (tone, word) = if ok {
            (Tone::Good, "ok  ")
        } else {
            (Tone::Bad, "FAIL")
        };
        println!(
            "{}  {name:<26} {:>6.1} s",
            self.terminal.paint(tone, word),
            took.as_secs_f64()
        );
        if !ok {
            println!("{}\n      again: {repeat}", indented(output));
            self.failed.push((name.to_owned(), repeat.to_owned()));
        }
    }
}

fn indented(text: &str) -> String {
    text.trim_end()
        .lines()
        .map(|line| format!("      {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::Steps;
    use crate::command::Cmd;

    #[test]
    fn failed_steps_are_noted_with_the_command_that_repeats_them() {
        let mut steps = Steps::start();
        let said = steps.command("version", &Cmd::cargo("--version"));
        assert!(
            said.success && said.output.starts_with("cargo "),
            "{said:?}"
        );
        steps.command("nonsense", &Cmd::cargo("no-such-subcommand-here"));
        steps.command("ghost", &Cmd::new("no-such-program-here", "-v"));
        steps.check("fine", "cargo xtask fine", || Ok(()));
        steps.check("sour", "cargo xtask sour", || Err("grapes".into()));
        let failed: Vec<_> = steps
            .failed
            .iter()
            .map(|(name, repeat)| format!("{name}: {repeat}"))
            .collect();
        let expected = [
            "nonsense: cargo no-such-subcommand-here",
            "ghost: no-such-program-here -v",
            "sour: cargo xtask sour",
        ];
        assert_eq!(failed, expected);
        assert_eq!(steps.count, 5);
        assert!(!steps.finish());
    }
}
