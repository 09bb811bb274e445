//! Our side of the benchmarks: the facade `aioli`, as a program would use it.

#![forbid(unsafe_code)]

mod echo;
#[path = "workloads/files.rs"]
mod files;
#[path = "workloads/http.rs"]
mod http;
mod rt;
#[path = "workloads/tasks.rs"]
mod tasks;

use std::process::ExitCode;

use harness::{Outcome, Peer, Program, Run};

fn main() -> ExitCode {
    harness::main(&Program {
        peers: &[Peer {
            name: "aioli",
            families: &["tasks", "tcp", "http", "files"],
            kind: "shared",
            cores: 1,
        }],
        packages: &["aioli"],
        run,
    })
}

fn run(run: &Run) -> Option<Outcome> {
    tasks::run(run)
        .or_else(|| files::run(run))
        .or_else(|| http::run(run))
        .or_else(|| echo::run(run))
}
