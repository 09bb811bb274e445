//! reqwest on tokio's current-thread runtime.

#[path = "../../../src/workloads/http.rs"]
mod http;

use std::process::ExitCode;

use harness::{Peer, Program};

fn main() -> ExitCode {
    harness::main(&Program {
        peers: &[Peer {
            name: "reqwest",
            families: &["http"],
            kind: "shared",
            cores: 1,
        }],
        packages: &["reqwest", "hyper", "tokio"],
        run: http::run,
    })
}

/// What the workload asks of a client.
mod rt {
    use harness::Run;
    use harness::net::{CERTIFICATE, HttpServer, Protocol};
    use reqwest::{Certificate, Client};
    use rustls::crypto::ring;
    use tokio::runtime::Builder;
    use tokio::task::JoinHandle;

    pub(crate) use tokio::spawn;

    pub(crate) fn block_on<F: Future>(_run: &Run, main: F) -> F::Output {
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.expect("the runtime starts").block_on(main)
    }

    pub(crate) async fn join<T>(task: JoinHandle<T>) -> T {
        task.await.expect("the task ends")
    }

    /// One client for all tasks, as its documentation advises.
    pub(crate) async fn clients(server: &HttpServer, n: usize) -> Vec<(Client, String)> {
        // The first provider of a process is its only one, and there is none before this.
        let _ = ring::default_provider().install_default();
        let root = Certificate::from_pem(CERTIFICATE).expect("a certificate");
        let client = Client::builder().no_proxy().tls_certs_only([root]);
        let client = match server.protocol() {
            Protocol::Http2 => client.http2_prior_knowledge(),
            _ => client,
        };
        let client = client.build().expect("nothing about it can be wrong");
        (0..n).map(|_| (client.clone(), server.url())).collect()
    }

    pub(crate) async fn get((client, url): &mut (Client, String)) -> usize {
        let response = client.get(url.as_str()).send().await;
        let body = response.expect("the server answers").bytes().await;
        body.expect("the body arrives").len()
    }

    pub(crate) async fn upload((client, url): &mut (Client, String), body: &'static [u8]) -> usize {
        let response = client.put(url.as_str()).body(body).send().await;
        let body = response.expect("the server answers").bytes().await;
        body.expect("the body arrives").len()
    }
}
