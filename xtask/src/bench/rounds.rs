//! The measuring itself: round by round, peer by peer.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::process::{Interrupt, Setting, record};
use super::programs::Entrant;
use super::results::{OURS, Results};
use super::spec::{Place, Workload};
use crate::Result;
use crate::terminal::{Spinner, Terminal};

/// Ratios whose range is wider than this get more rounds.
const WIDE: f64 = 0.15;

/// How much is run.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) quick: bool,
    /// Rounds that every workload gets, those of TCP and of HTTP between two cores, and the most
    /// there can be.
    rounds: usize,
    tcp_rounds: usize,
    http_rounds: usize,
    most_rounds: usize,
    time: f64,
    warm_up: f64,
    /// When no more rounds are added.
    until: Instant,
}

impl Plan {
    pub(super) fn new(quick: bool) -> Plan {
        let minutes = |m: u64| Instant::now() + Duration::from_secs(60 * m);
        match quick {
            true => Plan {
                quick,
                rounds: 2,
                tcp_rounds: 2,
                http_rounds: 2,
                most_rounds: 2,
                time: 0.08,
                warm_up: 0.02,
                until: minutes(2),
            },
            false => Plan {
                quick,
                rounds: 4,
                tcp_rounds: 10,
                http_rounds: 6,
                most_rounds: 10,
                time: 0.25,
                warm_up: 0.05,
                until: minutes(7),
            },
        }
    }

    /// Returns how this is said to a reader.
    pub(super) fn about(&self) -> String {
        format!(
            "{} rounds of {} s after {} s of warm-up ({} rounds for TCP, {} for HTTP; up to {} where the ratios are spread wider than {:.0} %)",
            self.rounds,
            self.time,
            self.warm_up,
            self.tcp_rounds,
            self.http_rounds,
            self.most_rounds,
            WIDE * 100.0
        )
    }
}

/// The cores of this machine: where programs are measured, and where their other ends run.
#[derive(Debug, Clone)]
pub(super) struct Cores {
    all: Vec<usize>,
}

impl Cores {
    pub(super) fn detect() -> Cores {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let list = status
            .lines()
            .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        Cores {
            all: cores_in(list.unwrap_or("0").trim()),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    fn measured(&self, workload: &Workload, entrant: &Entrant) -> Vec<usize> {
        // Files are read by pools of threads, which one core would put at a disadvantage.
        if matches!(workload.family, "files" | "threads") || entrant.cores > 1 {
            return self.all.clone();
        }
        self.all.last().copied().into_iter().collect()
    }

    fn helper(&self) -> Vec<usize> {
        self.all.first().copied().into_iter().collect()
    }
}

fn cores_in(list: &str) -> Vec<usize> {
    let ranges = list.split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
    });
    ranges.flatten().collect()
}

/// Measures one workload with all entrants, and keeps what they say.
pub(super) fn measure(
    plan: &Plan,
    workload: &Workload,
    entrants: &[Entrant],
    (results, interrupt, dir): (&mut Results, &Interrupt, &Path),
) -> Result {
    let cores = Cores::detect();
    let mut taking_part: Vec<_> = entrants
        .iter()
        .filter(|e| takes_part(e, workload))
        .collect();
    let mut spinner = Spinner::start(Terminal::detect(), workload.name);
    let rounds = match workload.family {
        "tcp" => plan.tcp_rounds,
        "http" => plan.http_rounds,
        // A fixed number of operations is a large one, and its memory does not vary.
        _ if workload.ops.is_some() => plan.rounds.min(3),
        _ => plan.rounds,
    };
    let mut round = 0;
    while round < rounds || more(plan, workload, round, results) {
        // Not always in the same order: nobody is to run in another's wake every time.
        if round > 0 && !taking_part.is_empty() {
            taking_part.rotate_left(1);
        }
        for entrant in taking_part.clone() {
            spinner.tick(Some(&format!("round {} · {}", round + 1, entrant.who.name)));
            let setting = setting(plan, &cores, workload, entrant, dir);
            let mut command = entrant.program.command();
            let peer = (entrant.who.name.as_str(), entrant.scale);
            command.args(entrant.program.arguments(&setting, workload, peer));
            let outcome = record(&mut command, interrupt);
            if workload.place == Place::Memory {
                clean(&setting.memory);
            }
            match outcome {
                _ if interrupt.asked() => return Ok(()),
                Ok(record) if record.unsupported => {
                    taking_part.retain(|e| e.who.name != entrant.who.name);
                }
                Ok(mut record) => {
                    record.round = round;
                    results.add(record)?;
                }
                Err(error) => {
                    let name = entrant.who.name.clone();
                    results
                        .failures
                        .push((workload.name.to_owned(), name, error.to_string()));
                    taking_part.retain(|e| e.who.name != entrant.who.name);
                }
            }
        }
        round += 1;
    }
    Ok(())
}

/// Removes what workloads have written.
pub(super) fn clean(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("written-") {
            // What cannot be removed takes up room, and disturbs nobody's figures.
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Returns how one run of an entrant is set up.
pub(super) fn setting(
    plan: &Plan,
    cores: &Cores,
    workload: &Workload,
    entrant: &Entrant,
    dir: &Path,
) -> Setting {
    Setting {
        time: plan.time,
        warm_up: plan.warm_up,
        quick: plan.quick,
        pin: cores.measured(workload, entrant),
        helper_pin: cores.helper(),
        disk: dir.join("files"),
        memory: memory_dir(),
    }
}

/// Returns a directory that is kept in memory.
pub(super) fn memory_dir() -> std::path::PathBuf {
    Path::new("/dev/shm").join("aioli-bench")
}

pub(super) fn takes_part(entrant: &Entrant, workload: &Workload) -> bool {
    entrant.who.absent.is_none() && entrant.who.families.iter().any(|f| f == workload.family)
}

/// Returns whether another round is worth its time: the ratio to the best peer is not settled.
fn more(plan: &Plan, workload: &Workload, round: usize, results: &Results) -> bool {
    let time_is_left = round < plan.most_rounds && Instant::now() < plan.until;
    if !time_is_left || workload.ops.is_some() {
        return false;
    }
    let figure = &workload.figures[0];
    let best = results.best(workload, figure, None);
    let ratio = best.and_then(|best| results.ratio(workload, figure, best));
    ratio.is_some_and(|ratio| ratio.width() > WIDE)
        && results.participants.iter().any(|p| p.name == OURS)
}

#[cfg(test)]
mod tests {
    use super::cores_in;

    #[test]
    fn lists_of_cores() {
        assert_eq!(cores_in("0-2,5"), [0, 1, 2, 5]);
        assert_eq!(cores_in("3"), [3]);
    }
}
