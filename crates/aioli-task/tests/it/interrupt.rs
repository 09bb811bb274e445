//! Ctrl-C, on a child process whose main thread runs a loop.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

/// The example `ctrl_c`. A plain `cargo test` has built it; one that names its targets has not.
fn program() -> PathBuf {
    let mut path = env::current_exe().unwrap();
    path.pop(); // the test binary
    path.pop(); // deps
    let program = path.join("examples").join("ctrl_c");
    if !program.exists() {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let arguments = [
            "build",
            "--quiet",
            "--example",
            "ctrl_c",
            "--manifest-path",
            manifest,
        ];
        let target = path.parent().unwrap();
        let mut build = Command::new(env!("CARGO"));
        build.args(arguments).arg("--target-dir").arg(target);
        assert!(build.status().unwrap().success());
    }
    program
}

struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
}

fn start(mode: &str) -> Running {
    // Who starts the tests may ignore the signal, which children inherit.
    let mut command = if cfg!(target_os = "linux") {
        let mut command = Command::new("env");
        command.arg("--default-signal=INT").arg(program());
        command
    } else {
        Command::new(program())
    };
    let command = command.arg(mode).stdout(Stdio::piped()).spawn();
    let mut child = command.expect("`cargo test` builds the examples first");
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    Running { child, output }
}

impl Running {
    fn interrupt(&self) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-INT", &pid]).status().unwrap();
        assert!(status.success());
    }

    fn end(mut self) -> (String, ExitStatus) {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        (rest, self.child.wait().unwrap())
    }
}

#[test]
fn the_first_one_cancels_main_and_the_process_ends_by_it_after_cleanup() {
    let running = start("clean");
    running.interrupt();
    let (output, status) = running.end();
    assert_eq!(output, "cleaned up\n");
    assert_eq!(status.signal(), Some(2));
}

#[test]
fn a_main_that_catches_it_goes_on() {
    let running = start("caught");
    running.interrupt();
    let (output, status) = running.end();
    assert_eq!(output, "caught\n");
    assert!(status.success());
}

#[test]
fn a_program_that_handles_the_signal_has_it_for_itself() {
    let running = start("handled");
    running.interrupt();
    let (output, status) = running.end();
    assert_eq!(output, "handled\n");
    assert!(status.success());
}

#[test]
fn the_second_one_drops_a_main_that_does_not_end() {
    let running = start("stubborn");
    running.interrupt();
    // Two signals that are pending at once are one: send until the process is gone.
    let pid = running.child.id().to_string();
    let sender = std::thread::spawn(move || {
        let send = || {
            Command::new("kill")
                .args(["-INT", &pid])
                .stderr(Stdio::null())
                .status()
        };
        while send().unwrap().success() {
            std::thread::sleep(std::time::Duration::from_millis(20));
            if !std::path::Path::new(&format!("/proc/{pid}/cmdline")).exists() {
                break;
            }
        }
    });
    let (_, status) = running.end();
    assert_eq!(status.signal(), Some(2));
    sender.join().unwrap();
}
