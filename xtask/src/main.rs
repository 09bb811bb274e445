//! Builds, checks and describes the workspace: `cargo xtask help` lists the commands.

mod alone;
mod bench;
mod ci;
mod command;
mod conformance;
mod doc;
mod drivers;
mod generate;
mod loom;
mod python;
mod report;
mod sanitize;
mod servers;
mod source;
mod steps;
mod suites;
mod terminal;
mod tidy;
mod workspace;

use std::path::Path;
use std::process::ExitCode;

use command::Cmd;
use terminal::{Terminal, Tone};
use workspace::Workspace;

/// An outcome whose error is a sentence for the person at the terminal.
type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

const HELP: &str = "\
cargo xtask COMMAND

  ci [--full]            everything that has to hold: format, tidy, conformance, clippy,
                         docs, tests, suites by driver, servers, each crate alone,
                         loom; --full adds the declared rust-version, every feature,
                         sanitizers, other systems, the fuzzers
  tidy                   the rules of the house: layers, modules, unsafe code, documents
  generate               writes the generated parts of documents anew
  test CRATE [ARG…]      the tests of one crate; ARGs go to `cargo test`
  build [CRATE…]         each crate alone, its dependencies counted, with its seconds;
      [--fresh]          into an empty directory, for the seconds of a first build
  doc                    the documentation of all crates, a landing page by layer
  loom [CRATE…]          the models of atomics
  drivers                the suites of the crates that wait, once with each driver
  servers                the HTTP client and `aioli fetch` against nginx, proxies and
                         httpbin, which are fetched if they are not installed
  sanitize               tests under the address and thread sanitizers, and valgrind;
      [--miri [PART…]]   in Miri instead, those with a PART in their names; all: an hour
  conformance [LETTER…]  asyncio's behaviours: kept, adapted, cannot be written, open
  bench [NAME…]          every workload beside its peers, in one interleaved run;
      [--peers A,B]      only these peers, besides ourselves and the floor
      [--quick]          roughly, and with the counts of the hot paths compared
      [--counts]         these counts alone; --update-counts writes them anew
      [--publish]        the page and its plots go into `docs/`
  help                   this text

A CRATE may be named without its `aioli-`.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{}: {error}", Terminal::detect().paint(Tone::Bad, "error"));
            ExitCode::from(2)
        }
    }
}

fn run(args: &[String]) -> Result<bool> {
    let (command, rest) = match args {
        [] => ("help", args),
        [command, rest @ ..] => (command.as_str(), rest),
    };
    if matches!(command, "help" | "--help" | "-h") {
        print!("{HELP}");
        return Ok(true);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .ok_or("xtask lies in no workspace")?;
    // Commands run in the root from wherever they were asked for, so that paths mean one thing.
    std::env::set_current_dir(root)?;
    let load = || Workspace::load(root);
    match command {
        "ci" => ci::ci(&load()?, flag(rest, "--full")?),
        "tidy" => none(rest).and_then(|()| tidy(&load()?)),
        "generate" => none(rest).and_then(|()| generate(&load()?)),
        "test" => test(&load()?, rest),
        "build" => {
            let (flags, names): (Vec<_>, Vec<_>) =
                rest.iter().cloned().partition(|a| a.starts_with('-'));
            alone::build(&load()?, &names, flag(&flags, "--fresh")?)
        }
        "doc" => none(rest).and_then(|()| doc::doc(&load()?)),
        "drivers" => none(rest).and_then(|()| drivers::drivers(&load()?)),
        "loom" => loom::loom(&load()?, rest),
        "servers" => none(rest).and_then(|()| servers::servers(&load()?)),
        "sanitize" => match rest {
            [flag, parts @ ..] if flag == "--miri" => sanitize::miri(&load()?, parts),
            _ => none(rest).and_then(|()| sanitize::sanitize(&load()?)),
        },
        "bench" => bench::bench(&load()?, rest),
        "conformance" => conformance::print(&load()?, rest),
        _ => Err(format!("no command `{command}`; `cargo xtask help` lists them").into()),
    }
}

fn tidy(ws: &Workspace) -> Result<bool> {
    let found = tidy::tidy(ws);
    for violation in &found {
        println!("{violation}");
    }
    match found.len() {
        0 => println!("tidy: {} files, nothing to say", ws.files.len()),
        n => println!("tidy: {n} violations"),
    }
    Ok(found.is_empty())
}

fn generate(ws: &Workspace) -> Result<bool> {
    let changed = generate::generate(ws)?;
    for path in &changed {
        println!("{path}: written anew");
    }
    if changed.is_empty() {
        println!("all generated parts are fresh");
    }
    Ok(true)
}

fn test(ws: &Workspace, args: &[String]) -> Result<bool> {
    let [name, rest @ ..] = args else {
        return Err("`test` needs the name of a crate".into());
    };
    let package = ws.find(name)?;
    Cmd::cargo("test -p")
        .arg(&package.name)
        .args(rest)
        .pass_through()
}

/// Returns whether the one flag that is allowed was given.
fn flag(args: &[String], name: &str) -> Result<bool> {
    match args {
        [] => Ok(false),
        [arg] if arg == name => Ok(true),
        [arg, ..] => Err(format!("`{arg}` means nothing here; {name} does").into()),
    }
}

fn none(args: &[String]) -> Result {
    match args {
        [] => Ok(()),
        [arg, ..] => Err(format!("`{arg}` means nothing here").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{HELP, flag, none, run};

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn unknown_words_are_refused() {
        assert!(run(&words("no-such-command")).is_err());
        assert!(flag(&words("--fast"), "--full").is_err());
        assert!(flag(&words("--full --full"), "--full").is_err());
        assert!(flag(&words("--full"), "--full").unwrap());
        assert!(none(&words("x")).is_err());
    }

    #[test]
    fn help_fits_a_terminal() {
        assert!(run(&[]).unwrap());
        assert!(HELP.lines().all(|line| line.chars().count() <= 88));
    }
}
