//! The program `aioli`: the asyncio tutorial as a tour, an HTTP command, and a downloader.

// That of the benchmarks, file and all: there is one such piece of unsafe code. Until somebody asks
// for a count, all that it costs is a load an allocation.
#[path = "../../aioli-bench/src/alloc.rs"]
mod alloc;
mod errors;
mod fetch;
mod get;
mod nearest;
mod programs;
mod serve;
mod server;
mod tour;

use std::process::ExitCode;

use aioli::Result;
use clap::{Parser, Subcommand};

/// Bad usage, and names that are not known; what `clap` itself ends with.
const USAGE: u8 = 2;

/// asyncio's programming model for Rust: a tour of it, and a downloader made with it.
#[derive(Parser)]
#[command(name = "aioli", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Tour(tour::Args),
    Get(get::Args),
    Fetch(fetch::Args),
    Serve(serve::Args),
}

fn main() -> ExitCode {
    if let Some(program) = programs::requested() {
        return (program.main)();
    }
    let command = Cli::parse().command;
    let result = aioli::task::run(async {
        match command {
            Command::Tour(args) => tour::tour(args).await,
            Command::Get(args) => get::get(args).await,
            Command::Fetch(args) => fetch::fetch(args).await,
            Command::Serve(args) => serve::serve(args).await,
        }
    });
    end(result)
}

fn end(result: Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        // Whoever reads our output has seen enough.
        if !errors::is_broken_pipe(&error) {
            errors::complain(errors::cause(&error));
        }
        ExitCode::FAILURE
    })
}
