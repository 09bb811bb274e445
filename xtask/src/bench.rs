//! `cargo xtask bench`: everything beside its peers, in one interleaved run.

mod cold;
mod counts;
mod guard;
mod page;
mod plot;
mod process;
mod programs;
mod results;
mod rounds;
mod spec;
mod table;

use std::fs;
use std::path::Path;

use crate::Result;
use crate::terminal::{Spinner, Terminal, Tone};
use crate::workspace::Workspace;
use counts::{Subject, Tools};
use process::Interrupt;
use programs::{Entrant, Places};
use results::{OURS, Results};
use rounds::{Cores, Plan};
use spec::{WORKLOADS, Workload};

/// What stands for the comparison of builds among the names of workloads.
const BUILD: &str = "build";
/// A machine with more to do than this is no place to take times.
const BUSY: f64 = 0.5;

/// What was asked for.
#[derive(Debug, Default, PartialEq)]
struct Options {
    names: Vec<String>,
    peers: Vec<String>,
    quick: bool,
    /// Only the counts of the hot paths.
    counts: bool,
    update_counts: bool,
    /// Whether the page goes into `docs/`.
    publish: bool,
}

/// Runs what the arguments ask for and returns whether all went well.
pub(crate) fn bench(ws: &Workspace, args: &[String]) -> Result<bool> {
    let options = parse(args)?;
    if std::env::consts::OS != "linux" {
        return Err("benchmarks need Linux: its clocks of processes, epoll and /proc".into());
    }
    let interrupt = Interrupt::listen()?;
    let places = Places::new(ws);
    fs::create_dir_all(&places.bench)?;
    if options.counts || options.update_counts {
        return guard::guard(ws, options.update_counts, &interrupt);
    }
    let load = load();
    if load.parse().is_ok_and(|load: f64| load > BUSY) {
        println!("the machine is busy (load {load}): times will be off, and so will ratios");
    }
    let entrants = programs::entrants(ws, &options.peers, &interrupt)?;
    let lines = fs::File::create(places.bench.join("run.jsonl"))?;
    let participants = entrants.iter().map(|e| e.who.clone()).collect();
    let mut results = Results::new(participants, Some(lines));
    let plan = Plan::new(options.quick);
    run(
        &options,
        &plan,
        &entrants,
        (&mut results, &interrupt, &places.bench),
    )?;
    let builds = options.wants(BUILD) && !options.quick && !interrupt.asked();
    let costs = match builds {
        true => cold::costs(ws, &places.bench, &interrupt)?,
        false => Vec::new(),
    };
    let about = page::About {
        plan: plan.about(),
        command: format!("cargo xtask bench {}", args.join(" "))
            .trim_end()
            .to_owned(),
        cores: Cores::detect().count(),
        interrupted: interrupt.asked(),
        load,
    };
    let to = match options.publish {
        true => ws.root.join("docs"),
        false => places.bench.clone(),
    };
    write(&results, &page::page(&results, &costs, &about), &to)?;
    println!("\n{}", to.join("BENCHMARKS.md").display());
    let ours = results.failures.iter().filter(|(_, peer, _)| peer == OURS);
    let mut well = ours.count() == 0;
    if options.quick && options.names.is_empty() && !interrupt.asked() {
        well &= guard::guard(ws, false, &interrupt)?;
    }
    Ok(well)
}

fn parse(args: &[String]) -> Result<Options> {
    let mut options = Options::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--quick" => options.quick = true,
            "--counts" => options.counts = true,
            "--update-counts" => options.update_counts = true,
            "--publish" => options.publish = true,
            "--peers" => {
                let list = args
                    .next()
                    .ok_or("--peers needs names, divided by commas")?;
                options.peers = list.split(',').map(str::to_owned).collect();
            }
            name if name == BUILD || WORKLOADS.iter().any(|w| named(w, name)) => {
                options.names.push(name.to_owned());
            }
            flag if flag.starts_with('-') => {
                return Err(format!("`{flag}` means nothing here").into());
            }
            name => {
                let names: Vec<_> = WORKLOADS.iter().map(|w| w.name).collect();
                let names = names.join(", ");
                return Err(format!(
                    "no workload `{name}`; there are tasks, tcp, http, files, {BUILD}, {names}"
                )
                .into());
            }
        }
    }
    Ok(options)
}

/// Returns whether a name means a workload: its own, or that of its family.
fn named(workload: &Workload, name: &str) -> bool {
    name == workload.name || name == workload.family
}

impl Options {
    fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|n| n == name)
    }
}

/// Measures all that was asked for, and shows it as it comes.
fn run(
    options: &Options,
    plan: &Plan,
    entrants: &[Entrant],
    (results, interrupt, dir): (&mut Results, &Interrupt, &Path),
) -> Result {
    let terminal = Terminal::detect();
    for entrant in entrants {
        if let Some(why) = &entrant.who.absent {
            println!(
                "{}: {why}",
                terminal.paint(Tone::Bad, &format!("{} is absent", entrant.who.name))
            );
        }
    }
    // How the kernel keeps the pages of a file, and what a copy of them takes, depends on how they came into
    // memory; those of an earlier run may have been read back since.
    let _ = fs::remove_dir_all(dir.join("files"));
    println!("{}", table::head());
    let is_asked_for =
        |w: &&Workload| options.names.is_empty() || options.names.iter().any(|n| named(w, n));
    for workload in WORKLOADS.iter().filter(is_asked_for) {
        if interrupt.asked() {
            break;
        }
        rounds::measure(plan, workload, entrants, (results, interrupt, dir))?;
        for line in table::lines(results, workload, terminal) {
            println!("{line}");
        }
        if !plan.quick {
            count(plan, workload, entrants, (results, interrupt, dir));
        }
        rounds::clean(&dir.join("files"));
        for (_, peer, what) in results.failures.iter().filter(|f| f.0 == workload.name) {
            println!("  {}: {what}", terminal.paint(Tone::Bad, peer));
        }
    }
    let _ = fs::remove_dir_all(rounds::memory_dir());
    Ok(())
}

/// Counts what can be counted of one workload.
fn count(
    plan: &Plan,
    workload: &'static Workload,
    entrants: &[Entrant],
    (results, interrupt, dir): (&mut Results, &Interrupt, &Path),
) {
    let (tools, cores) = (Tools::detect(), Cores::detect());
    let mut spinner = Spinner::start(Terminal::detect(), workload.name);
    // An interpreter allocates in its own way, and makes the calls of its interpreter.
    let is_rust = |e: &&Entrant| e.program.helper.is_none();
    let taking_part = entrants.iter().filter(|e| rounds::takes_part(e, workload));
    for entrant in taking_part.filter(is_rust) {
        let name = &entrant.who.name;
        spinner.tick(Some(&format!("counting · {name}")));
        let subject = Subject {
            program: &entrant.program,
            peer: name,
            workload,
            setting: &rounds::setting(plan, &cores, workload, entrant, dir),
            interrupt,
        };
        // Who has no such workload, or fails at it, is known from the rounds.
        if let Ok(counts) = subject.counts(tools) {
            let key = (workload.name.to_owned(), name.clone());
            results.counts.insert(key, counts);
        }
    }
}

fn write(results: &Results, page: &str, dir: &Path) -> Result {
    let plots = dir.join("benchmarks");
    fs::create_dir_all(&plots)?;
    for (family, _) in page::FAMILIES {
        if let Some(svg) = plot::plot(results, family) {
            fs::write(plots.join(format!("{family}.svg")), svg)?;
        }
    }
    fs::write(dir.join("BENCHMARKS.md"), page)?;
    Ok(())
}

/// Returns how busy the machine has been in the last minute.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Options, parse};

    fn words(line: &str) -> Result<Options, String> {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        parse(&words).map_err(|e| e.to_string())
    }

    #[test]
    fn arguments_are_read() {
        let options = words("pingpong tcp --peers tokio,monoio --quick").unwrap();
        assert_eq!(options.names, ["pingpong", "tcp"]);
        assert_eq!(options.peers, ["tokio", "monoio"]);
        assert!(options.quick && !options.publish && !options.wants("build"));
        assert!(words("").unwrap().wants("build"));
        assert!(words("--update-counts").unwrap().update_counts);
    }

    #[test]
    fn nonsense_is_refused() {
        for (line, what) in [
            ("ping", "no workload `ping`; there are tasks"),
            ("--slow", "`--slow` means nothing here"),
            ("--peers", "needs names"),
        ] {
            let error = words(line).unwrap_err();
            assert!(error.contains(what), "{error}");
        }
    }
}
