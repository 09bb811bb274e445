//! The floor: the least code that does the same work, sound or not.
//!
//! A bare executor whose wakers are plain numbers, `RefCell`s for channels and locks, a raw epoll
//! loop for sockets, the standard library for files. Nobody could offer this to users: a wake-up
//! from another thread is lost, nothing is fair by intent, nothing can be cancelled with care.

#[path = "floor/executor.rs"]
mod executor;
#[path = "../../../src/workloads/files.rs"]
mod files;
#[path = "floor/net.rs"]
mod net;
#[path = "floor/rt.rs"]
mod rt;
#[path = "floor/sync.rs"]
mod sync;
#[path = "../../../src/workloads/tasks.rs"]
mod tasks;
#[path = "floor/timers.rs"]
mod timers;

use std::process::ExitCode;

use harness::{Outcome, Peer, Program, Run};

fn main() -> ExitCode {
    harness::main(&Program {
        peers: &[Peer {
            name: "floor",
            families: &["tasks", "tcp", "http", "files"],
            kind: "bare",
            cores: 1,
        }],
        packages: &[],
        run,
    })
}

fn run(run: &Run) -> Option<Outcome> {
    let outcome = tasks::run(run).or_else(|| files::run(run));
    outcome.or_else(|| match run.workload.as_str() {
        name if name.starts_with("tcp_") => Some(net::echo(run).expect("the server runs")),
        name if name.starts_with("http_get_") => Some(net::get(run).expect("the client runs")),
        _ => None,
    })
}
