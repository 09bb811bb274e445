//! What a program was asked to do: its command line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Result;

/// One measurement that was asked for.
#[derive(Debug, Clone)]
pub struct Run {
    /// Which of the program's peers is to run.
    pub peer: String,
    /// The name of the workload.
    pub workload: String,
    /// How long is measured, where [`ops`](Run::ops) does not say how much.
    pub time: Duration,
    /// How long the workload runs before anything is measured.
    pub warm_up: Duration,
    /// How many operations are measured: for counts, which a time would not make comparable.
    pub ops: Option<u64>,
    /// The size of what is sent or read at once.
    pub size: usize,
    /// How many tasks, connections or requests there are at a time.
    pub concurrency: usize,
    /// The cores this process may use; empty for all.
    pub pin: Vec<usize>,
    /// The cores the other end may use.
    pub helper_pin: Vec<usize>,
    /// The program that plays the other end; this one where none is named.
    pub helper: Option<PathBuf>,
    /// Where files are read and written.
    pub dir: PathBuf,
    /// Whether allocations are counted.
    pub count: bool,
    /// The address of the other end, in the role of a helper.
    pub address: String,
    /// The process whose clock a helper reads too.
    pub watch: Option<u32>,
}

/// What a command line asks for.
#[derive(Debug)]
pub(crate) enum Request {
    /// To say who takes part.
    List,
    /// To measure.
    Measure(Run),
    /// To be the other end of a socket.
    Help(String, Run),
}

impl Default for Run {
    fn default() -> Run {
        Run {
            peer: String::new(),
            workload: String::new(),
            time: Duration::from_millis(500),
            warm_up: Duration::from_millis(100),
            ops: None,
            size: 64,
            concurrency: 1,
            pin: Vec::new(),
            helper_pin: Vec::new(),
            helper: None,
            dir: std::env::temp_dir(),
            count: false,
            address: String::new(),
            watch: None,
        }
    }
}

impl Run {
    /// Returns `ops`, or `otherwise` where the command line does not say.
    pub fn ops_or(&self, otherwise: u64) -> u64 {
        self.ops.unwrap_or(otherwise)
    }

    /// Returns the program that plays the other end.
    pub(crate) fn helper(&self) -> Result<PathBuf> {
        match &self.helper {
            Some(path) => Ok(path.clone()),
            None => Ok(std::env::current_exe()?),
        }
    }

    /// Returns the directory of files that workloads read, which outlives a run.
    pub fn files(&self) -> &Path {
        &self.dir
    }
}

/// Reads a command line.
pub(crate) fn parse(args: impl Iterator<Item = String>) -> Result<Request> {
    let mut run = Run::default();
    let mut role = None;
    let mut args = args;
    while let Some(arg) = args.next() {
        if arg == "--list" {
            return Ok(Request::List);
        }
        if arg == "--count" {
            run.count = true;
            continue;
        }
        let value = args.next().ok_or_else(|| format!("{arg} needs a value"))?;
        let wrong = |_| format!("`{value}` is no value for {arg}");
        let seconds = || value.parse().map(Duration::from_secs_f64).map_err(|_| ());
        match arg.as_str() {
            "--peer" => run.peer = value,
            "--workload" => run.workload = value,
            "--role" => role = Some(value),
            "--seconds" => run.time = seconds().map_err(wrong)?,
            "--warm-up" => run.warm_up = seconds().map_err(wrong)?,
            "--ops" => run.ops = Some(value.parse().map_err(|_| ()).map_err(wrong)?),
            "--size" => run.size = value.parse().map_err(|_| ()).map_err(wrong)?,
            "--concurrency" => run.concurrency = value.parse().map_err(|_| ()).map_err(wrong)?,
            "--pin" => run.pin = cpus(&value).map_err(wrong)?,
            "--helper-pin" => run.helper_pin = cpus(&value).map_err(wrong)?,
            "--helper" => run.helper = Some(value.into()),
            "--dir" => run.dir = value.into(),
            "--address" => run.address = value,
            "--watch" => run.watch = Some(value.parse().map_err(|_| ()).map_err(wrong)?),
            _ => return Err(format!("{arg} means nothing here").into()),
        }
    }
    Ok(match role {
        Some(role) => Request::Help(role, run),
        None => Request::Measure(run),
    })
}

fn cpus(value: &str) -> Result<Vec<usize>, ()> {
    let list = value.split(',').filter(|cpu| !cpu.is_empty());
    list.map(|cpu| cpu.parse().map_err(|_| ())).collect()
}

#[cfg(test)]
mod tests {
    use super::{Request, parse};

    fn words(line: &str) -> Result<Request, String> {
        parse(line.split(' ').map(str::to_owned)).map_err(|e| e.to_string())
    }

    #[test]
    fn every_option_is_read() {
        let line = "--peer p --workload w --seconds 0.5 --ops 7 --size 9 --concurrency 3 --pin 0,1";
        let Request::Measure(run) = words(line).unwrap() else {
            panic!("{line}")
        };
        assert_eq!((run.peer.as_str(), run.workload.as_str()), ("p", "w"));
        assert_eq!(run.time.as_millis(), 500);
        assert_eq!((run.ops, run.size, run.concurrency), (Some(7), 9, 3));
        assert_eq!(run.pin, [0, 1]);
        assert!(matches!(words("--list"), Ok(Request::List)));
        assert!(matches!(words("--role echo-client"), Ok(Request::Help(..))));
    }

    #[test]
    fn nonsense_is_refused() {
        for (line, what) in [
            ("--size many", "`many` is no value for --size"),
            ("--size", "needs a value"),
            ("--speed 3", "means nothing"),
        ] {
            assert!(words(line).unwrap_err().contains(what), "{line}");
        }
    }
}
