//! `aioli get`: curl's common options over the HTTP client.

mod body;
mod condition;
mod cookies;
mod data;
mod disposition;
mod failure;
mod form;
mod jsonl;
mod log;
mod options;
mod output;
mod pace;
mod progress;
mod report;
mod schemes;
mod session;
mod transfer;
mod validator;
mod way;

use std::cell::Cell;
use std::ffi::OsString;
use std::process::ExitCode;

use aioli::prelude::*;

use crate::errors::complain;
use failure::{Code, Failure};
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
    let groups = match options::parse(args.words) {
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
    if groups.iter().any(|group| group.jsonl) {
        return jsonl::jsonl().await;
    }
    let mut code = 0;
    for options in &groups {
        code = run(options).await;
        if code != 0 && options.connection.fail_early {
            break;
        }
    }
    Ok(ExitCode::from(code))
}

/// Carries out a group, and returns the exit code of its last transfer.
async fn run(options: &Options) -> u8 {
    let report = |failure: Failure| {
        if !options.output.silent || options.output.show_error {
            complain(format!("get: ({}) {}", failure.code, failure.text));
        }
        failure.code
    };
    if options.urls.is_empty() {
        return report(Failure::usage("no URL specified"));
    }
    let schemes = Schemes::of(&options.request);
    let (session, jar) = match session(options, &schemes).await {
        Ok(session) => session,
        Err(failure) => return report(failure),
    };
    let bars = Bars::default();
    let one = async |number| {
        let result = transfer(options, &session, &schemes, number, &bars).await;
        result.map_or_else(report, |()| 0)
    };
    let code = match options.connection.parallel {
        true => at_the_same_time(options, one).await,
        false => one_after_the_other(options, one).await,
    };
    if let Some(path) = &options.identity.cookie_jar
        && let Err(error) = cookies::save(&jar, path).await
    {
        // As curl has it, this does not change how the transfers ended.
        report(Failure::write(&error));
    }
    code
}

/// Carries out the transfers of a group in order; the last one decides the exit code.
async fn one_after_the_other(options: &Options, one: impl AsyncFn(usize) -> u8) -> u8 {
    let mut code = 0;
    for number in 0..options.urls.len() {
        code = one(number).await;
        if code != 0 && options.connection.fail_early {
            break;
        }
    }
    code
}

/// Carries out the transfers of a group at the same time, but not too many; the first URL that
/// fails decides the exit code.
async fn at_the_same_time(options: &Options, one: impl AsyncFn(usize) -> u8) -> u8 {
    let places = Semaphore::new(options.connection.parallel_max.into());
    let has_failed = Cell::new(false);
    let (one, places, has_failed) = (&one, &places, &has_failed);
    let transfers = (0..options.urls.len()).map(|number| async move {
        let _place = places.acquire().await;
        if has_failed.get() && options.connection.fail_early {
            return 0;
        }
        let code = one(number).await;
        has_failed.set(has_failed.get() || code != 0);
        code
    });
    let codes = transfers.gather().await;
    codes.into_iter().find(|code| *code != 0).unwrap_or(0)
}
