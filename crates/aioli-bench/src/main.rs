//! Our side of the benchmarks: the facade `aioli`, as a program would use it.

#![forbid(unsafe_code)]

mod echo;
#[path = "workloads/files.rs"]
mod files;
#[path = "workloads/http.rs"]
mod http;
mod local;
mod rt;
#[path = "workloads/tasks.rs"]
mod tasks;
#[path = "workloads/threads.rs"]
mod threads;

use std::process::ExitCode;

use harness::{Outcome, Peer, Program, Run};

fn main() -> ExitCode {
    harness::main(&Program {
        peers: &[
            Peer {
                name: "aioli",
                families: &["tasks", "threads", "tcp", "http", "files"],
                kind: "shared",
                cores: 1,
            },
            Peer {
                name: local::NAME,
                families: &["tasks"],
                kind: "local",
                cores: 1,
            },
            Peer {
                name: rt::SPINNING,
                families: &["tcp", "http"],
                kind: "spinning",
                cores: 1,
            },
        ],
        packages: &["aioli"],
        run,
    })
}

fn run(run: &Run) -> Option<Outcome> {
    // To spin is for one request at a time; with many there is always something to do.
    if run.peer == rt::SPINNING && run.concurrency > 1 {
        return None;
    }
    if run.peer == local::NAME {
        return local::run(run);
    }
    tasks::run(run)
        .or_else(|| files::run(run))
        .or_else(|| http::run(run))
        .or_else(|| echo::run(run))
        .or_else(|| threads::run::<rt::Channel>(run))
}
