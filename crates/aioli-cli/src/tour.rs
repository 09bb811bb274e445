//! `aioli tour`: runs the tutorial's programs and shows what they do.

mod colour;
mod run;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use aioli::Result;

use crate::USAGE;
use crate::errors::{cause, complain, is_broken_pipe};
use crate::fetch::url;
use crate::nearest::nearest;
use crate::programs::{PROGRAMS, Program, find};
use colour::Colour;

/// The program that takes URLs, and the name it may be called by.
const HTTP: (&str, &str) = ("http_gather", "fetch");

/// Run the programs of the asyncio tutorial, one after the other.
///
/// Shows the source of each, what it prints, and how long it takes. Each is a process of its own
/// in a temporary directory.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Programs to run, all of them if none is named. After `fetch` come URLs, which it gets
    /// instead of pages of a server of its own
    #[arg(value_name = "NAME|fetch URL")]
    words: Vec<String>,
    /// List the programs and run none
    #[arg(long)]
    list: bool,
}

/// What is to be run.
struct Plan {
    programs: Vec<&'static Program>,
    /// What the HTTP program is to get; none of them means the pages of our own server.
    urls: Vec<String>,
    /// How many words made no sense.
    n_unknown: usize,
}

/// Runs the tour, and returns its exit status: 2 if a name was not known, else 1 if a program
/// failed.
pub(crate) async fn tour(args: Args) -> Result<ExitCode> {
    let mut out = io::stdout();
    if args.list {
        list(&mut out)?;
        return Ok(ExitCode::SUCCESS);
    }
    let plan = plan(&args.words);
    let colour = Colour::for_terminal();
    let begin = Instant::now();
    let mut failed = Vec::new();
    for program in &plan.programs {
        show_source(&mut out, program, colour)?;
        let begin = Instant::now();
        let ended = run::run(program, &plan.urls, &mut out).await;
        match &ended {
            Err(error) if is_broken_pipe(error) => return ended.map(|()| ExitCode::SUCCESS),
            Err(error) => {
                complain(format_args!("tour: {}: {}", program.name, cause(error)));
                failed.push(program.name);
            }
            Ok(()) => {}
        }
        let took = format!("took {}", seconds(begin.elapsed()));
        writeln!(out, "{}\n", colour.dim(&took))?;
    }
    summary(&mut out, &plan, &failed, begin.elapsed())?;
    Ok(match (plan.n_unknown, failed.len()) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::FAILURE,
        _ => ExitCode::from(USAGE),
    })
}

fn list(out: &mut impl Write) -> io::Result<()> {
    let width = PROGRAMS.iter().map(|program| program.name.len()).max();
    for program in PROGRAMS {
        let (name, title) = (program.name, program.title());
        writeln!(out, "{name:width$}  {title}", width = width.unwrap_or(0))?;
    }
    Ok(())
}

/// Makes a plan of the words, and complains of those that make no sense.
fn plan(words: &[String]) -> Plan {
    let mut plan = Plan {
        programs: Vec::new(),
        urls: Vec::new(),
        n_unknown: 0,
    };
    let mut words = words.iter();
    for word in words.by_ref() {
        let name = if word == HTTP.1 { HTTP.0 } else { word };
        match find(name) {
            Some(program) => plan.programs.push(program),
            None => {
                plan.n_unknown += 1;
                complain(unknown(word));
            }
        }
        if word == HTTP.1 {
            break;
        }
    }
    for word in words {
        match url(word) {
            Ok(_) => plan.urls.push(word.clone()),
            Err(error) => {
                plan.n_unknown += 1;
                complain(format_args!("tour: fetch: {word:?}: {error}"));
            }
        }
    }
    if plan.urls.is_empty() && plan.n_unknown > 0 {
        // Nothing is left of what it was to get, and our own pages were not asked for.
        plan.programs.retain(|program| program.name != HTTP.0);
    }
    if plan.programs.is_empty() && plan.n_unknown == 0 {
        plan.programs.extend(PROGRAMS);
    }
    plan
}

fn unknown(word: &str) -> String {
    let near = nearest(word, PROGRAMS.iter().map(|program| program.name));
    let hint = match &near[..] {
        [] => "`aioli tour --list` lists them".to_owned(),
        near => format!("the nearest is {}", near.join(", or ")),
    };
    format!("tour: there is no program {word:?}; {hint}")
}

fn show_source(out: &mut impl Write, program: &Program, colour: Colour) -> io::Result<()> {
    let heading = format!("--- {}: {}", program.name, program.title());
    writeln!(out, "{}\n", colour.heading(&heading))?;
    for line in program.code().lines() {
        let line = format!("    {}", colour.code(line));
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out, "\n{}", colour.dim("prints"))?;
    out.flush()
}

fn summary(out: &mut impl Write, plan: &Plan, failed: &[&str], took: Duration) -> io::Result<()> {
    let n = plan.programs.len();
    let programs = if n == 1 { "program" } else { "programs" };
    write!(out, "{n} {programs} in {}", seconds(took))?;
    if !failed.is_empty() {
        write!(out, ", {} failed: {}", failed.len(), failed.join(", "))?;
    }
    if plan.n_unknown > 0 {
        write!(out, ", {} not known", plan.n_unknown)?;
    }
    writeln!(out)
}

fn seconds(duration: Duration) -> String {
    format!("{:.3} s", duration.as_secs_f64())
}
