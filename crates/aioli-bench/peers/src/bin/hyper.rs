//! hyper on tokio's current-thread runtime: a connection for each task, and the pooled client.

#[path = "../../../src/workloads/http.rs"]
mod http;

use std::process::ExitCode;

use harness::{Outcome, Peer, Program, Run};

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
        run,
    })
}

fn run(run: &Run) -> Option<Outcome> {
    // A bare connection is HTTP/1.1 over TCP, and everything else is what the pool is for.
    match run.peer == "hyper" && !run.workload.starts_with("http_") {
        true => None,
        false => http::run(run),
    }
}

/// What the workload asks of a client.
mod rt {
    use std::sync::{Arc, OnceLock};

    use harness::Run;
    use harness::net::{CERTIFICATE, HttpServer, Protocol};
    use http_body_util::{BodyExt, Full};
    use hyper::body::Bytes;
    use hyper::client::conn::http1::{self, SendRequest};
    use hyper::header::HOST;
    use hyper::{Method, Request, Uri};
    use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
    use hyper_util::client::legacy::connect::HttpConnector;
    use hyper_util::client::legacy::{Client as Pool, Client as Legacy};
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use rustls::crypto::ring::default_provider;
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    use rustls::{ClientConfig, RootCertStore};
    use tokio::net::TcpStream;
    use tokio::runtime::Builder;
    use tokio::task::JoinHandle;

    pub(crate) use tokio::spawn;

    type Body = Full<Bytes>;

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
        Tls(Pool<HttpsConnector<HttpConnector>, Body>, Uri),
    }

    pub(crate) async fn clients(server: &HttpServer, n: usize) -> Vec<Client> {
        let uri: Uri = server.url().parse().expect("an address");
        if server.protocol() == Protocol::Tls {
            let pool = Legacy::builder(TokioExecutor::new()).build(connector());
            return (0..n)
                .map(|_| Client::Tls(pool.clone(), uri.clone()))
                .collect();
        }
        if POOLED.get() == Some(&true) {
            let pool = Legacy::builder(TokioExecutor::new())
                .http2_only(server.protocol() == Protocol::Http2)
                .build_http();
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

    /// TCP and TLS, with nobody to trust but the server.
    fn connector() -> HttpsConnector<HttpConnector> {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(CERTIFICATE).expect("a certificate");
        roots.add(root).expect("a certificate");
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows them")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(config);
        connector.https_only().enable_http1().build()
    }

    pub(crate) async fn get(client: &mut Client) -> usize {
        answer(client, Method::GET, Bytes::new()).await
    }

    pub(crate) async fn upload(client: &mut Client, body: &'static [u8]) -> usize {
        answer(client, Method::PUT, Bytes::from_static(body)).await
    }

    async fn answer(client: &mut Client, method: Method, body: Bytes) -> usize {
        let request = |uri: &Uri| {
            let host = uri.authority().expect("a host").as_str();
            let request = Request::builder().method(method).uri(uri.clone());
            let request = request.header(HOST, host).body(Body::new(body));
            request.expect("a request")
        };
        let response = match client {
            Client::Connection(sender, uri) => {
                sender.ready().await.expect("the connection is open");
                sender.send_request(request(uri)).await.ok()
            }
            Client::Pool(pool, uri) => pool.request(request(uri)).await.ok(),
            Client::Tls(pool, uri) => pool.request(request(uri)).await.ok(),
        };
        let body = response.expect("the server answers").into_body();
        let body = body.collect().await.expect("the body arrives");
        body.to_bytes().len()
    }
}
