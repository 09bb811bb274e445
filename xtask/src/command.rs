//! Child processes: how they are written down, run, and repeated by hand.

use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use crate::Result;

/// How often a caller that waits for output is called although there is none.
const TICK: Duration = Duration::from_millis(100);

/// A command line with the environment that makes it what it is.
#[derive(Debug, Clone)]
pub(crate) struct Cmd {
    program: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
    dir: Option<PathBuf>,
}

/// What a command said, standard output and standard error as they came.
#[derive(Debug)]
pub(crate) struct Captured {
    pub(crate) success: bool,
    pub(crate) output: String,
}

impl Cmd {
    /// Starts a command line of `program`, its words divided by single spaces.
    pub(crate) fn new(program: &str, words: &str) -> Cmd {
        Cmd {
            program: program.to_owned(),
            args: words.split_whitespace().map(str::to_owned).collect(),
            env: Vec::new(),
            dir: None,
        }
    }

    /// Starts a command line of cargo.
    pub(crate) fn cargo(words: &str) -> Cmd {
        Cmd::new("cargo", words)
    }

    /// Appends one argument as it is, spaces and all.
    pub(crate) fn arg(mut self, arg: impl Into<String>) -> Cmd {
        self.args.push(arg.into());
        self
    }

    /// Appends arguments as they are.
    pub(crate) fn args<I: IntoIterator<Item: Into<String>>>(mut self, args: I) -> Cmd {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable, which becomes part of the command to repeat.
    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Cmd {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Runs in `dir` and not in the directory of the caller.
    pub(crate) fn dir(mut self, dir: impl Into<PathBuf>) -> Cmd {
        self.dir = Some(dir.into());
        self
    }

    /// Returns the line to type into a shell to run this again.
    pub(crate) fn shell(&self) -> String {
        let dir = self.dir.iter().map(|dir| dir.to_string_lossy());
        let dir = dir.map(|dir| format!("cd {} &&", quoted(&dir)));
        let env = self.env.iter().map(|(k, v)| format!("{k}={}", quoted(v)));
        let words = std::iter::once(&self.program).chain(&self.args);
        dir.chain(env)
            .chain(words.map(|w| quoted(w)))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Runs to the end and returns standard output; an error carries standard error.
    pub(crate) fn read(&self) -> Result<String> {
        let out = self.command().stdin(Stdio::null()).output();
        let out = out.map_err(|e| format!("`{}` does not start: {e}", self.shell()))?;
        if !out.status.success() {
            let said = String::from_utf8_lossy(&out.stderr);
            return Err(format!("`{}` failed:\n{}", self.shell(), said.trim_end()).into());
        }
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    }

    /// Runs with this process's own input and output and returns whether it succeeded.
    pub(crate) fn pass_through(&self) -> Result<bool> {
        let status = self.command().status();
        let status = status.map_err(|e| format!("`{}` does not start: {e}", self.shell()))?;
        Ok(status.success())
    }

    /// Runs to the end, keeping what it says; `tick` is called with each line, and with
    /// `None` now and then while there is none.
    pub(crate) fn capture(&self, mut tick: impl FnMut(Option<&str>)) -> io::Result<Captured> {
        let mut child = self
            .command()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (tx, lines) = mpsc::channel();
        forward(child.stdout.take(), tx.clone());
        forward(child.stderr.take(), tx);
        let mut output = String::new();
        loop {
            match lines.recv_timeout(TICK) {
                Ok(line) => {
                    tick(Some(&line));
                    output.push_str(&line);
                    output.push('\n');
                }
                Err(RecvTimeoutError::Timeout) => tick(None),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let success = child.wait()?.success();
        Ok(Captured { success, output })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        // `cargo run` describes this very package to us in the environment. Build scripts that
        // watch those names (ring's does) would take a cargo that inherits them for a change,
        // and everything above them would be built anew at each turn from shell to xtask.
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(describes_this_package) {
                command.env_remove(name);
            }
        }
        command.envs(self.env.iter().map(|(k, v)| (k, v)));
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command
    }
}

fn describes_this_package(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
        .iter()
        .any(|p| name.starts_with(p))
        || ["CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE"].contains(&name)
}

fn forward(from: Option<impl Read + Send + 'static>, to: Sender<String>) {
    let Some(from) = from else { return };
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while matches!(from.read_until(b'\n', &mut line), Ok(n) if n > 0) {
            let text = String::from_utf8_lossy(&line);
            if to
                .send(text.trim_end_matches(['\n', '\r']).to_owned())
                .is_err()
            {
                return;
            }
            line.clear();
        }
    });
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::Cmd;

    #[test]
    fn shell_line_repeats_the_command() {
        let cmd = Cmd::cargo("doc --no-deps")
            .env("RUSTDOCFLAGS", "-D warnings")
            .arg("it's");
        assert_eq!(
            cmd.shell(),
            r"RUSTDOCFLAGS='-D warnings' cargo doc --no-deps 'it'\''s'"
        );
        let cmd = Cmd::new("./it", "").dir("a b").env("AIOLI_DRIVER", "epoll");
        assert_eq!(cmd.shell(), "cd 'a b' && AIOLI_DRIVER=epoll ./it");
    }

    #[test]
    fn capture_keeps_every_line_and_the_status() {
        let mut seen = Vec::new();
        let cmd = Cmd::cargo("no-such-subcommand-here");
        let captured = cmd
            .capture(|line| seen.extend(line.map(str::to_owned)))
            .unwrap();
        assert!(!captured.success);
        assert!(captured.output.contains("no-such-subcommand-here"));
        assert_eq!(captured.output.lines().collect::<Vec<_>>(), seen);
    }

    #[test]
    fn read_reports_what_the_command_said() {
        assert!(
            Cmd::cargo("--version")
                .read()
                .unwrap()
                .starts_with("cargo ")
        );
        let error = Cmd::cargo("no-such-subcommand-here").read().unwrap_err();
        assert!(error.to_string().contains("no such command"), "{error}");
    }
}
