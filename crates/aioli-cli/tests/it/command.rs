//! Running the command, and folders to run it in.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{fs, process, thread};

/// How long something may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder that is removed at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}", process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The names of what is in it, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The command, to be run in `folder`.
pub(crate) fn aioli<S: AsRef<OsStr>>(
    folder: &Folder,
    args: impl IntoIterator<Item = S>,
) -> Command {
    let program = env!("CARGO_BIN_EXE_aioli");
    let mut command = if cfg!(target_os = "linux") {
        // Who starts the tests may ignore signals, which children inherit.
        let mut command = Command::new("env");
        command.args(["--default-signal=INT,TERM,HUP", program]);
        command
    } else {
        Command::new(program)
    };
    // Whoever starts the tests may be behind a proxy, and they are not.
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command
        .args(args)
        .current_dir(&folder.0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What has come of the command.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    /// The lines of its error messages.
    pub(crate) errors: Vec<String>,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Ended {
        let errors = String::from_utf8(output.stderr).unwrap();
        Ended {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            errors: errors.lines().map(str::to_owned).collect(),
        }
    }
}

/// Runs the command.
pub(crate) fn run<S: AsRef<OsStr>>(folder: &Folder, args: impl IntoIterator<Item = S>) -> Ended {
    aioli(folder, args).output().unwrap().into()
}

impl Ended {
    /// Checks the status, and that there is one line of error for each of `errors`, which holds
    /// all of its words.
    #[track_caller]
    pub(crate) fn check(&self, code: i32, errors: &[&[&str]]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert_eq!(self.errors.len(), errors.len(), "{self:#?}");
        for words in errors {
            let has_all = |line: &String| words.iter().all(|word| line.contains(word));
            let line = self.errors.iter().find(|line| has_all(line));
            let line = line.unwrap_or_else(|| panic!("no line with {words:?}: {self:#?}"));
            assert!(line.starts_with("aioli: "), "{line}");
        }
    }
}

/// Sends a signal, by the name that `kill` knows.
#[cfg(unix)]
pub(crate) fn send(signal: &str, pid: u32) {
    let pid = pid.to_string();
    let sent = Command::new("kill").args(["-s", signal, &pid]).status();
    assert!(sent.unwrap().success());
}

/// Waits for the process, which must end soon.
pub(crate) fn end_of(mut child: Child) -> Ended {
    until("the process has ended", || {
        child.try_wait().unwrap().is_some()
    });
    child.wait_with_output().unwrap().into()
}

/// Waits for something that another process does, of which it gives no other sign.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(2));
    }
}
