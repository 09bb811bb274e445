//! ureq, which blocks: a thread for each request that is under way.

use std::process::ExitCode;
use std::thread;

use harness::net::{CERTIFICATE, HttpServer, Protocol};
use harness::{Outcome, Peer, Program, Run, Tap};
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

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
    if !run.workload.starts_with("http") {
        return None;
    }
    let server = HttpServer::start(run).expect("the server starts");
    let url = server.url();
    let upload = (server.protocol() == Protocol::Upload).then(|| vec![b'x'; run.size]);
    let answer = upload.as_ref().map_or(run.size, |_| server.uploaded());
    let root = Certificate::from_pem(CERTIFICATE).expect("a certificate");
    let roots = RootCerts::new_with_certs(&[root]);
    let agent: Agent = Agent::config_builder()
        .max_idle_connections(run.concurrency)
        .max_idle_connections_per_host(run.concurrency)
        .proxy(None)
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .build()
        .into();
    let tap = Tap::new(run);
    thread::scope(|scope| {
        for _ in 0..run.concurrency {
            scope.spawn(|| {
                while tap.take().is_some() {
                    let response = match &upload {
                        Some(body) => agent.put(&url).send(body.as_slice()),
                        None => agent.get(&url).call(),
                    };
                    let mut response = response.expect("the server answers");
                    let body = response.body_mut().read_to_vec();
                    let read = body.expect("the body arrives").len();
                    assert_eq!(read, answer, "a body is incomplete");
                }
            });
        }
    });
    Some(tap.finish())
}
