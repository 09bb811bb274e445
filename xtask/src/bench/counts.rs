//! Counts, which a busy machine does not change: allocations, system calls, instructions.
//!
//! Each is a slope: what the longer of two runs has more, divided by the operations it has more.
//! So nothing has to be known about what a program does before and after.

use std::process::Command;

use super::process::{Interrupt, Program, Setting, output};
use super::results::{Counts, Record};
use super::spec::Workload;
use crate::Result;
use crate::command::Cmd;

/// Which tools are here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tools {
    pub(super) strace: bool,
    pub(super) valgrind: bool,
}

impl Tools {
    pub(super) fn detect() -> Tools {
        let here = |name: &str| Cmd::new(name, "--version").read().is_ok();
        Tools {
            strace: here("strace"),
            valgrind: here("valgrind"),
        }
    }
}

/// One run with the total that a tool has counted.
struct Run {
    record: Record,
    total: Option<f64>,
}

/// Who runs what, and how.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    pub(super) program: &'a Program,
    pub(super) peer: &'a str,
    pub(super) workload: &'a Workload,
    pub(super) setting: &'a Setting,
    pub(super) interrupt: &'a Interrupt,
}

impl Subject<'_> {
    /// Counts allocations and system calls an operation.
    pub(super) fn counts(&self, tools: Tools) -> Result<Counts> {
        let (short, long) = self.pair(|ops| self.traced(tools, ops))?;
        let allocations = (short.record.allocations, long.record.allocations);
        Ok(Counts {
            allocations: Some(slope(&short, &long, allocations)),
            system_calls: match (short.total, long.total) {
                (Some(a), Some(b)) => Some(slope(&short, &long, (a, b))),
                _ => None,
            },
        })
    }

    /// Counts instructions an operation.
    pub(super) fn instructions(&self) -> Result<f64> {
        let (short, long) = self.pair(|ops| self.simulated(ops))?;
        let totals = short.total.zip(long.total).ok_or("nothing was counted")?;
        Ok(slope(&short, &long, totals))
    }

    /// Runs a short and a long time.
    fn pair(&self, run: impl Fn(u64) -> Result<Run>) -> Result<(Run, Run)> {
        let (first, more) = match (self.workload.ops, self.workload.family) {
            (Some(_), _) => (20_000, 20_000),
            (None, "tasks") if self.workload.name == "sleep_acc" => (50, 100),
            // A lap, and two laps more.
            (None, "tasks") => (1, 0),
            (None, _) => (4 * self.workload.concurrency as u64 + 100, 1000),
        };
        let short = run(first)?;
        let more = if more == 0 {
            2 * short.record.ops as u64
        } else {
            more
        };
        let long = run(short.record.ops as u64 + more)?;
        if long.record.ops <= short.record.ops {
            return Err("the long run was not longer".into());
        }
        Ok((short, long))
    }

    fn arguments(&self, ops: u64) -> Vec<String> {
        let peer = (self.peer, 1.0);
        let mut arguments = self.program.arguments(self.setting, self.workload, peer);
        // The last one counts.
        arguments.extend(["--count", "--ops"].map(str::to_owned));
        arguments.push(ops.to_string());
        arguments
    }

    fn traced(&self, tools: Tools, ops: u64) -> Result<Run> {
        if !tools.strace {
            let mut command = self.program.command();
            let text = output(command.args(self.arguments(ops)), self.interrupt)?;
            let record = parse(&text)?;
            return Ok(Run {
                record,
                total: None,
            });
        }
        let file = self
            .setting
            .disk
            .with_file_name(format!("strace-{}", std::process::id()));
        let mut command = Command::new("strace");
        // Detaching at `execve` leaves the process of the other end alone.
        command
            .args(["-f", "-b", "execve", "-c", "-o"])
            .arg(&file)
            .arg("--");
        command.arg(&self.program.path).args(&self.program.before);
        let text = output(command.args(self.arguments(ops)), self.interrupt)?;
        let table = std::fs::read_to_string(&file)?;
        std::fs::remove_file(&file)?;
        Ok(Run {
            record: parse(&text)?,
            total: calls(&table),
        })
    }

    fn simulated(&self, ops: u64) -> Result<Run> {
        let file = self
            .setting
            .disk
            .with_file_name(format!("callgrind-{}", std::process::id()));
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--quiet"]);
        command.arg(format!("--callgrind-out-file={}", file.display()));
        command.arg(&self.program.path).args(&self.program.before);
        let text = output(command.args(self.arguments(ops)), self.interrupt)?;
        let profile = std::fs::read_to_string(&file)?;
        std::fs::remove_file(&file)?;
        let total = profile
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix("totals: "));
        Ok(Run {
            record: parse(&text)?,
            total: total.and_then(|total| total.trim().parse().ok()),
        })
    }
}

fn parse(text: &str) -> Result<Record> {
    let line = text.lines().last().unwrap_or_default();
    let record: Record = serde_json::from_str(line).map_err(|e| format!("{e}: {line}"))?;
    if record.unsupported {
        return Err("it has no such workload".into());
    }
    Ok(record)
}

fn slope(short: &Run, long: &Run, (a, b): (f64, f64)) -> f64 {
    (b - a) / (long.record.ops - short.record.ops)
}

/// Returns the sum that strace writes under its table.
fn calls(table: &str) -> Option<f64> {
    let total = table
        .lines()
        .rev()
        .find(|line| line.trim_end().ends_with(" total"))?;
    // Seconds and their share come first; the column of errors may be empty.
    total.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::calls;

    #[test]
    fn sum_of_a_table() {
        let table = "% time     seconds  usecs/call     calls    errors syscall\n------ ------\n 60.00    0.000017          17      1004           epoll_wait\n------ ------\n100.00    0.035353          15      2351        30 total\n";
        assert_eq!(calls(table), Some(2351.0));
        assert_eq!(calls("strace: nothing"), None);
    }
}
