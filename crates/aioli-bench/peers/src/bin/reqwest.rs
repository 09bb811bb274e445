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
    use reqwest::Client;
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
    pub(crate) async fn clients(url: &str, n: usize) -> Vec<(Client, String)> {
        let client = Client::builder().no_proxy().build();
        let client = client.expect("nothing about it can be wrong");
        (0..n).map(|_| (client.clone(), url.to_owned())).collect()
    }

    pub(crate) async fn get((client, url): &mut (Client, String)) -> usize {
        let response = client.get(url.as_str()).send().await;
        let body = response.expect("the server answers").bytes().await;
        body.expect("the body arrives").len()
    }
}
