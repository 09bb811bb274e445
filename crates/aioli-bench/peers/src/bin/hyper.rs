//! hyper on tokio's current-thread runtime: a connection for each task, and the pooled client.

#[path = "../../../src/workloads/http.rs"]
mod http;

use std::process::ExitCode;

use harness::{Peer, Program};

fn main() -> ExitCode {
    harness::main(&Program {
        peers: &[
            Peer {
                name: "hyper",
                families: &["http"],
                kind: "shared",
                cores: 1,
            },
            Peer {
                name: "hyper-util",
                families: &["http"],
                kind: "shared",
                cores: 1,
            },
        ],
        packages: &["hyper", "hyper-util", "tokio"],
        run: http::run,
    })
}

/// What the workload asks of a client.
mod rt {
    use std::sync::OnceLock;

    use harness::Run;
    use http_body_util::{BodyExt, Empty};
    use hyper::body::Bytes;
    use hyper::client::conn::http1::{self, SendRequest};
    use hyper::header::HOST;
    use hyper::{Request, Uri};
    use hyper_util::client::legacy::connect::HttpConnector;
    use hyper_util::client::legacy::{Client as Pool, Client as Legacy};
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use tokio::net::TcpStream;
    use tokio::runtime::Builder;
    use tokio::task::JoinHandle;

    pub(crate) use tokio::spawn;

    type Body = Empty<Bytes>;

    /// Which of the two is measured.
    static POOLED: OnceLock<bool> = OnceLock::new();

    pub(crate) fn block_on<F: Future>(run: &Run, main: F) -> F::Output {
        POOLED.get_or_init(|| run.peer == "hyper-util");
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.expect("the runtime starts").block_on(main)
    }

    pub(crate) async fn join<T>(task: JoinHandle<T>) -> T {
        task.await.expect("the task ends")
    }

    pub(crate) enum Client {
        Connection(SendRequest<Body>, Uri),
        Pool(Pool<HttpConnector, Body>, Uri),
    }

    pub(crate) async fn clients(url: &str, n: usize) -> Vec<Client> {
        let uri: Uri = url.parse().expect("an address");
        if POOLED.get() == Some(&true) {
            let pool = Legacy::builder(TokioExecutor::new()).build_http();
            return (0..n)
                .map(|_| Client::Pool(pool.clone(), uri.clone()))
                .collect();
        }
        let host = uri.authority().expect("a host").to_string();
        let mut clients = Vec::new();
        for _ in 0..n {
            let stream = TcpStream::connect(&host)
                .await
                .expect("the server is there");
            let _ = stream.set_nodelay(true);
            let connection = http1::handshake(TokioIo::new(stream)).await;
            let (sender, connection) = connection.expect("the connection is new");
            tokio::spawn(connection);
            clients.push(Client::Connection(sender, uri.clone()));
        }
        clients
    }

    pub(crate) async fn get(client: &mut Client) -> usize {
        let request = |uri: &Uri| {
            let host = uri.authority().expect("a host").as_str();
            let request = Request::get(uri.clone()).header(HOST, host);
            request.body(Body::new()).expect("a request")
        };
        let response = match client {
            Client::Connection(sender, uri) => {
                sender.ready().await.expect("the connection is open");
                sender.send_request(request(uri)).await.ok()
            }
            Client::Pool(pool, uri) => pool.request(request(uri)).await.ok(),
        };
        let body = response.expect("the server answers").into_body();
        let body = body.collect().await.expect("the body arrives");
        body.to_bytes().len()
    }
}
