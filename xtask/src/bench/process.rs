//! One run of one program: started, watched, and ended if it takes too long.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::results::Record;
use super::spec::{Place, Workload};
use crate::Result;

/// The longest that a run may take. The slowest takes seconds, and valgrind ten times that.
const LIMIT: Duration = Duration::from_secs(60);
/// How often a waiting caller looks whether it is to stop.
const TICK: Duration = Duration::from_millis(200);

/// Whether somebody has asked for the end.
#[derive(Debug, Clone, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Notes Ctrl-C from now on; the second one ends the process at once.
    pub(super) fn listen() -> Result<Interrupt> {
        let interrupt = Interrupt::default();
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register_conditional_shutdown(signal, 130, interrupt.0.clone())?;
            signal_hook::flag::register(signal, interrupt.0.clone())?;
        }
        Ok(interrupt)
    }

    pub(super) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A program with what always stands before its arguments.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) before: Vec<String>,
    /// Plays the other end for a program that cannot.
    pub(super) helper: Option<PathBuf>,
}

/// How much is measured, and where.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) time: f64,
    pub(super) warm_up: f64,
    /// Whether fixed numbers of operations are the small ones.
    pub(super) quick: bool,
    pub(super) pin: Vec<usize>,
    pub(super) helper_pin: Vec<usize>,
    pub(super) disk: PathBuf,
    pub(super) memory: PathBuf,
}

impl Program {
    /// Returns the command of this program.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.before);
        command
    }

    /// Returns the arguments that measure a workload; `scale` is for those who are slow.
    pub(super) fn arguments(
        &self,
        setting: &Setting,
        workload: &Workload,
        (peer, scale): (&str, f64),
    ) -> Vec<String> {
        let cpus = |list: &[usize]| {
            list.iter()
                .map(usize::to_string)
                .collect::<Vec<_>>()
                .join(",")
        };
        let place = match workload.place {
            Place::Disk => &setting.disk,
            Place::Memory => &setting.memory,
        };
        let mut options = vec![
            ("--peer", peer.to_owned()),
            ("--workload", workload.name.to_owned()),
            ("--seconds", setting.time.to_string()),
            ("--warm-up", setting.warm_up.to_string()),
            ("--size", workload.size.to_string()),
            ("--concurrency", workload.concurrency.to_string()),
            ("--pin", cpus(&setting.pin)),
            ("--helper-pin", cpus(&setting.helper_pin)),
            ("--dir", place.to_string_lossy().into_owned()),
        ];
        if let Some((full, quick)) = workload.ops {
            let ops = if setting.quick { quick } else { full };
            options.push(("--ops", ((ops as f64 * scale) as u64).to_string()));
        }
        if let Some(helper) = &self.helper {
            options.push(("--helper", helper.to_string_lossy().into_owned()));
        }
        let options = options.into_iter();
        options
            .flat_map(|(key, value)| [key.to_owned(), value])
            .collect()
    }
}

/// Runs a command to its end and returns the record that it prints.
pub(super) fn record(command: &mut Command, interrupt: &Interrupt) -> Result<Record> {
    let output = output(command, interrupt)?;
    let line = output.lines().last().ok_or("it printed nothing")?;
    Ok(serde_json::from_str(line).map_err(|e| format!("{e}: {line}"))?)
}

/// Runs a command to its end and returns what it prints.
pub(super) fn output(command: &mut Command, interrupt: &Interrupt) -> Result<String> {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|e| format!("it does not start: {e}"))?;
    let (tx, ended) = mpsc::channel();
    let errors = child.stderr.take().map(read_all);
    let mut out = child.stdout.take().ok_or("it has no output")?;
    thread::spawn(move || {
        let mut text = String::new();
        let _ = out.read_to_string(&mut text);
        let _ = tx.send(text);
    });
    let began = Instant::now();
    let text = loop {
        match ended.recv_timeout(TICK) {
            Ok(text) => break text,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err("its output is lost".into()),
        }
        let late = began.elapsed() > LIMIT;
        if late || interrupt.asked() {
            child.kill()?;
            child.wait()?;
            return Err(if late {
                "it took too long"
            } else {
                "interrupted"
            }
            .into());
        }
    };
    let status = child.wait()?;
    if status.success() {
        return Ok(text);
    }
    let said = errors.and_then(|e| e.join().ok()).unwrap_or_default();
    let said = said.lines().find(|line| !line.trim().is_empty());
    Err(format!("{status}: {}", said.unwrap_or("it said nothing").trim()).into())
}

fn read_all(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::atomic::Ordering;

    use super::{Interrupt, output};

    #[test]
    fn failures_carry_what_was_said() {
        let mut command = Command::new("cargo");
        let error = output(
            command.arg("no-such-subcommand-here"),
            &Interrupt::default(),
        );
        assert!(error.unwrap_err().to_string().contains("no such command"));
        let error = output(
            &mut Command::new("no-such-program-here"),
            &Interrupt::default(),
        );
        assert!(error.unwrap_err().to_string().contains("does not start"));
    }

    #[test]
    fn output_is_returned_whole() {
        let mut command = Command::new("cargo");
        let text = output(command.arg("--version"), &Interrupt::default()).unwrap();
        assert!(text.starts_with("cargo "), "{text}");
        let interrupt = Interrupt::default();
        interrupt.0.store(true, Ordering::Relaxed);
        assert!(interrupt.asked());
    }
}
