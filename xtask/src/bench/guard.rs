//! The guard against getting slower: counts of the hot paths beside those that are on file.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use serde::Deserialize;

use super::counts::{Subject, Tools};
use super::process::{Interrupt, Program};
use super::programs::{Entrant, Places};
use super::results::{Counts, OURS, Participant};
use super::rounds::{Cores, Plan, setting};
use super::spec::Workload;
use crate::Result;
use crate::command::Cmd;
use crate::terminal::{Spinner, Terminal, Tone};
use crate::workspace::Workspace;

/// The file with the counts.
const FILE: &str = "crates/aioli-bench/counts.toml";
/// The hot paths: workload, what one operation is, and by how much its instructions may vary;
/// where a kernel decides how much is ready at a time, they do by themselves.
const HOT: [(&str, &str, f64); 7] = [
    ("spawn_join", "a task is spawned and joined", 0.05),
    ("yield", "a task yields", 0.05),
    ("wake", "a task is woken", 0.05),
    ("mpsc", "an item goes through a channel", 0.05),
    ("timeout_yield", "a timer is set and cancelled", 0.05),
    ("tcp_echo_1", "a message is received and sent back", 0.15),
    ("http_get_1", "a request is sent and answered", 0.15),
];
/// What is too little to mean anything, of allocations and system calls an operation.
const SLACK: f64 = 0.05;

/// The counts of one hot path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Hot {
    instructions: Option<f64>,
    allocations: Option<f64>,
    system_calls: Option<f64>,
}

/// The file.
#[derive(Debug, Default, PartialEq, Deserialize)]
struct Counted {
    /// The compiler whose instructions are counted.
    #[serde(default)]
    compiler: String,
    #[serde(flatten)]
    hot: BTreeMap<String, Hot>,
}

/// Counts the hot paths, compares, or with `update` writes the file anew; returns whether all
/// are what they were.
pub(super) fn guard(ws: &Workspace, update: bool, interrupt: &Interrupt) -> Result<bool> {
    let places = Places::new(ws);
    let ours = places.ours()?;
    let now = Counted {
        compiler: compiler()?,
        hot: count(&places, &ours, interrupt)?,
    };
    let path = ws.root.join(FILE);
    if update {
        fs::write(&path, text(&now))?;
        println!("{FILE}: written anew");
        return Ok(true);
    }
    let before = fs::read_to_string(&path).map_err(|e| format!("{FILE}: {e}"))?;
    let before: Counted = toml::from_str(&before).map_err(|e| format!("{FILE}: {e}"))?;
    let (lines, well) = compare(&before, &now, Terminal::detect());
    println!("\n{}", lines.join("\n"));
    if !well {
        println!("if that has to be, `cargo xtask bench --update-counts` writes {FILE} anew");
    }
    Ok(well)
}

fn compiler() -> Result<String> {
    let said = Cmd::new("rustc", "-vV").read()?;
    let field = |name: &str| {
        said.lines()
            .find_map(|l| l.strip_prefix(name))
            .unwrap_or_default()
    };
    Ok(format!("{} {}", field("release: "), field("host: ")))
}

fn count(places: &Places, ours: &Program, interrupt: &Interrupt) -> Result<BTreeMap<String, Hot>> {
    let tools = Tools::detect();
    let (plan, cores) = (Plan::new(true), Cores::detect());
    let entrant = Entrant {
        who: Participant::ours(),
        cores: 1,
        scale: 1.0,
        program: ours.clone(),
    };
    let mut spinner = Spinner::start(Terminal::detect(), "counts");
    let mut hot = BTreeMap::new();
    for (name, _, _) in HOT {
        spinner.tick(Some(name));
        let workload = Workload::find(name).ok_or("a hot path without a workload")?;
        let subject = Subject {
            program: ours,
            peer: OURS,
            workload,
            setting: &setting(&plan, &cores, workload, &entrant, &places.bench),
            interrupt,
        };
        let mut found = Hot::default();
        if tools.valgrind {
            found.instructions = Some(subject.instructions()?);
        }
        // On sockets a busy machine adds a little now and then, and never takes anything away.
        for _ in 0..if workload.is_net() { 3 } else { 1 } {
            found.lower(subject.counts(tools)?);
        }
        hot.insert(name.to_owned(), found);
    }
    Ok(hot)
}

impl Hot {
    /// Keeps the lower of what is here and what another measurement says.
    fn lower(&mut self, other: Counts) {
        let lower = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.allocations = lower(self.allocations, other.allocations);
        self.system_calls = lower(self.system_calls, other.system_calls);
    }
}

/// Returns the lines of a comparison and whether nothing has become more.
fn compare(before: &Counted, now: &Counted, terminal: Terminal) -> (Vec<String>, bool) {
    let mut lines = Vec::new();
    let mut well = true;
    let same_compiler = before.compiler == now.compiler;
    for (name, about, tolerance) in HOT {
        let (Some(a), Some(b)) = (before.hot.get(name), now.hot.get(name)) else {
            well = false;
            lines.push(format!("{name}: not in {FILE}"));
            continue;
        };
        let figures = [
            (
                "instructions",
                a.instructions,
                b.instructions,
                a.instructions.unwrap_or(0.0) * tolerance,
            ),
            ("allocations", a.allocations, b.allocations, SLACK),
            ("system calls", a.system_calls, b.system_calls, SLACK),
        ];
        let mut line = format!("{about:<40}");
        for (figure, a, b, room) in figures {
            let text = match (a, b) {
                (_, Some(b)) => format!("{:>9}", exact(b)),
                _ => format!("{:>9}", "–"),
            };
            let counts = figure != "instructions" || same_compiler;
            let (text, more) = match a.zip(b) {
                Some((a, b)) if counts && b > a + room => {
                    (format!("{text} (was {})", exact(a)), true)
                }
                _ => (text, false),
            };
            well &= !more;
            let text = if more {
                terminal.paint(Tone::Bad, &text)
            } else {
                text
            };
            let _ = write!(line, " {text} {figure}");
        }
        lines.push(line);
    }
    if !same_compiler {
        lines.push(format!(
            "instructions are those of {}, and {FILE} has those of {}: not compared",
            now.compiler, before.compiler
        ));
    }
    (lines, well)
}

fn exact(value: f64) -> String {
    // Nothing can be negative but by the noise of a slope.
    let value = value.max(0.0);
    if value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

fn text(counted: &Counted) -> String {
    let mut text = format!(
        "# Counts an operation of the hot paths, written by `cargo xtask bench --update-counts` and\n\
         # compared by `cargo xtask ci --full`.\n\ncompiler = \"{}\"\n",
        counted.compiler
    );
    for (name, about, _) in HOT {
        let Some(hot) = counted.hot.get(name) else {
            continue;
        };
        let _ = write!(text, "\n# {about}\n[{name}]\n");
        let figures = [
            ("instructions", hot.instructions),
            ("allocations", hot.allocations),
            ("system-calls", hot.system_calls),
        ];
        for (figure, value) in figures {
            if let Some(value) = value {
                let _ = writeln!(text, "{figure} = {}", exact(value));
            }
        }
    }
    text
}

impl Participant {
    fn ours() -> Participant {
        Participant {
            name: OURS.to_owned(),
            kind: "shared".to_owned(),
            families: Vec::new(),
            versions: Vec::new(),
            absent: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Counted, HOT, Hot, compare, text};
    use crate::bench::results::Counts;
    use crate::terminal::Terminal;

    fn counted(instructions: f64, allocations: f64) -> Counted {
        let hot = Hot {
            instructions: Some(instructions),
            allocations: Some(allocations),
            system_calls: None,
        };
        Counted {
            compiler: "1.95.0 x".to_owned(),
            hot: HOT
                .iter()
                .map(|(name, ..)| ((*name).to_owned(), hot))
                .collect(),
        }
    }

    #[test]
    fn file_is_read_as_it_was_written() {
        let before = counted(1234.0, 1.5);
        assert_eq!(toml::from_str::<Counted>(&text(&before)).unwrap(), before);
    }

    #[test]
    fn lower_counts_are_kept() {
        let mut hot = Hot::default();
        for system_calls in [None, Some(2.0), Some(3.0)] {
            hot.lower(Counts {
                allocations: Some(1.0),
                system_calls,
            });
        }
        assert_eq!((hot.allocations, hot.system_calls), (Some(1.0), Some(2.0)));
    }

    #[test]
    fn more_is_an_error_and_less_is_none() {
        let terminal = Terminal::detect();
        let before = counted(1000.0, 1.0);
        for (instructions, allocations, well) in [
            (1000.0, 1.0, true),
            (500.0, 0.0, true),
            (1040.0, 1.04, true),
            (1200.0, 1.0, false),
            (1000.0, 1.2, false),
        ] {
            let now = counted(instructions, allocations);
            assert_eq!(
                compare(&before, &now, terminal).1,
                well,
                "{instructions} {allocations}"
            );
        }
        let mut other = counted(9000.0, 1.0);
        other.compiler.clear();
        let (lines, well) = compare(&before, &other, terminal);
        assert!(
            well && lines.last().unwrap().contains("not compared"),
            "{lines:?}"
        );
        other.hot.remove("yield");
        assert!(!compare(&before, &other, terminal).1);
    }
}
