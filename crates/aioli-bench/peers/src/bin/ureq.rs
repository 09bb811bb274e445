//! ureq, which blocks: a thread for each request that is under way.

use std::process::ExitCode;
use std::thread;

use harness::net::HttpServer;
use harness::{Outcome, Peer, Program, Run, Tap};
use ureq::Agent;

fn main() -> ExitCode {
    harness::main(&Program {
        peers: &[Peer {
            name: "ureq",
            families: &["http"],
            kind: "shared",
            cores: 1,
        }],
        packages: &["ureq"],
        run,
    })
}

fn run(run: &Run) -> Option<Outcome> {
    if !run.workload.starts_with("http_get") {
        return None;
    }
    let server = HttpServer::start(run).expect("the server starts");
    let url = server.url();
    let agent: Agent = Agent::config_builder()
        .max_idle_connections(run.concurrency)
        .max_idle_connections_per_host(run.concurrency)
        .proxy(None)
        .build()
        .into();
    let tap = Tap::new(run);
    thread::scope(|scope| {
        for _ in 0..run.concurrency {
            scope.spawn(|| {
                while tap.take().is_some() {
                    let response = agent.get(&url).call();
                    let mut response = response.expect("the server answers");
                    let body = response.body_mut().read_to_vec();
                    let read = body.expect("the body arrives").len();
                    assert_eq!(read, run.size, "a body is incomplete");
                }
            });
        }
    });
    Some(tap.finish())
}
