//! `aioli get`: curl's common options over the HTTP client.

mod body;
mod cookies;
mod data;
mod failure;
mod form;
mod jsonl;
mod log;
mod options;
mod output;
mod progress;
mod session;
mod transfer;
mod way;

use std::ffi::OsString;
use std::process::ExitCode;

use aioli::prelude::*;

use crate::errors::complain;
use failure::Failure;
use options::Options;
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
                Failure::USAGE
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
    let (session, jar) = match session(options).await {
        Ok(session) => session,
        Err(failure) => return report(failure),
    };
    let mut code = 0;
    for number in 0..options.urls.len() {
        let result = transfer(options, &session, number).await;
        code = result.map_or_else(report, |()| 0);
    }
    if let Some(path) = &options.identity.cookie_jar
        && let Err(error) = cookies::save(&jar, path).await
    {
        // As curl has it, this does not change how the transfers ended.
        report(Failure::write(&error));
    }
    code
}
