//! `aioli get`: curl's common options over the HTTP client.

mod body;
mod condition;
mod config;
mod cookies;
mod data;
mod disposition;
mod failure;
mod form;
mod glob;
mod hsts;
mod jsonl;
mod keys;
mod log;
mod options;
mod output;
mod pace;
mod progress;
mod report;
mod roots;
mod schemes;
mod session;
mod transfer;
mod validator;
mod way;

use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use aioli::http::HstsStore;
use aioli::prelude::*;

use crate::errors::{self, Instead, complain};
use failure::{Code, Failure};
use glob::{Asked, Urls};
use options::Options;
use progress::Bars;
use schemes::Schemes;
use session::session;
use transfer::transfer;

/// Get URLs, with the options and exit codes of curl; `aioli get --help` lists them.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// Options and URLs; `--next` begins a group with options of its own
    #[arg(
        value_name = "OPTION|URL",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    words: Vec<OsString>,
}

/// Carries out the transfers one after the other; the last one decides the exit code.
pub(crate) async fn get(args: Args) -> Result<ExitCode> {
    let words = match config::expanded(args.words).await {
        Ok(words) => words,
        Err(failure) => return Ok(ExitCode::from(report(failure))),
    };
    let groups = match options::parse(words) {
        Ok(groups) => groups,
        Err(error) => {
            // What is left to fail is the terminal.
            let _ = error.print();
            let code = if error.use_stderr() {
                Code::Usage as u8
            } else {
                0
            };
            return Ok(ExitCode::from(code));
        }
    };
    lead_messages(&groups);
    if groups.iter().any(|group| group.jsonl) {
        return jsonl::jsonl().await;
    }
    let mut code = 0;
    // As curl has it, the groups learn from each other.
    let known = HstsStore::new();
    for options in &groups {
        let ended = run(options, &known).await;
        code = ended.code;
        if ended.is_last || code != 0 && options.connection.fail_early {
            break;
        }
    }
    Ok(ExitCode::from(code))
}

/// Leads messages to where the last `--stderr` says, if they can go there.
fn lead_messages(groups: &[Options]) {
    let mut outputs = groups.iter().rev().map(|group| &group.output);
    let last = outputs.find_map(|output| Some((output, output.stderr.as_ref()?)));
    let Some((output, path)) = last else {
        return;
    };
    if path == Path::new("-") {
        return errors::go_to(Instead::Stdout);
    }
    match std::fs::File::create(path) {
        Ok(file) => errors::go_to(Instead::File(file)),
        // As curl has it, this keeps nothing from being done.
        Err(_) if output.silent => {}
        Err(error) => complain(format!("get: --stderr {}: {error}", path.display())),
    }
}

/// Says what has failed, and returns its exit code.
fn report(failure: Failure) -> u8 {
    complain(format!("get: ({}) {}", failure.code, failure.text));
    failure.code
}

/// How a group has ended.
struct Ended {
    code: u8,
    /// Whether no other group is begun: as curl has it, a URL was no pattern.
    is_last: bool,
}

/// Carries out a group, and returns the exit code of its last transfer.
async fn run(options: &Options, known: &HstsStore) -> Ended {
    let report = |failure: Failure| match options.output.silent && !options.output.show_error {
        true => failure.code,
        false => report(failure),
    };
    let failed = |failure| Ended {
        code: report(failure),
        is_last: false,
    };
    if options.urls.is_empty() {
        return failed(Failure::usage("no URL specified"));
    }
    let strict = &options.connection.hsts;
    let schemes = match hsts::load(strict, known).await {
        Ok(hosts) => Schemes::of(&options.request).with_hsts(hosts),
        Err(failure) => return failed(failure),
    };
    let (session, jar) = match session(options, &schemes).await {
        Ok(session) => session,
        Err(failure) => return failed(failure),
    };
    let bars = Bars::default();
    let is_last = Cell::new(false);
    let one = async |asked| match asked {
        Ok(asked) => {
            let result = transfer(options, &session, &schemes, &asked, &bars).await;
            result.map_or_else(report, |()| 0)
        }
        Err(failure) => {
            is_last.set(true);
            report(failure)
        }
    };
    let urls = Urls::of(&options.urls, !options.request.globoff);
    let code = match options.connection.parallel {
        true => at_the_same_time(options, urls, one).await,
        false => one_after_the_other(options, urls, one).await,
    };
    if let Some(path) = &options.identity.cookie_jar
        && let Err(error) = cookies::save(&jar, path).await
    {
        // As curl has it, this does not change how the transfers ended.
        report(Failure::write(&error));
    }
    if let Err(error) = hsts::save(strict, known).await {
        report(Failure::write(&error));
    }
    let is_last = is_last.get();
    Ended { code, is_last }
}

/// Carries out the transfers of a group in order; the last one decides the exit code.
async fn one_after_the_other(
    options: &Options,
    urls: Urls<'_>,
    one: impl AsyncFn(Result<Asked, Failure>) -> u8,
) -> u8 {
    let mut code = 0;
    for asked in urls {
        code = one(asked).await;
        if code != 0 && options.connection.fail_early {
            break;
        }
    }
    code
}

/// Carries out the transfers of a group at the same time, but not too many; the first URL that
/// fails decides the exit code.
async fn at_the_same_time(
    options: &Options,
    urls: Urls<'_>,
    one: impl AsyncFn(Result<Asked, Failure>) -> u8,
) -> u8 {
    let urls = RefCell::new(urls.enumerate());
    let first_failure = Cell::new(None);
    let (one, urls, first_failure) = (&one, &urls, &first_failure);
    // Each takes the next URL when it has ended with one: of many only few are there at a time.
    let workers = (0..options.connection.parallel_max).map(|_| async move {
        loop {
            if first_failure.get().is_some() && options.connection.fail_early {
                break;
            }
            let Some((at, asked)) = urls.borrow_mut().next() else {
                break;
            };
            let code = one(asked).await;
            let is_first = first_failure.get().is_none_or(|(first, _)| at < first);
            if code != 0 && is_first {
                first_failure.set(Some((at, code)));
            }
        }
    });
    workers.gather().await;
    first_failure.get().map_or(0, |(_, code)| code)
}
