//! hyper's connections over our streams, on our loop and on tokio's.

use std::convert::Infallible;
use std::time::Duration;

use aioli_net::hyper::{Executor, Sleep, Timer};
use aioli_net::{TcpStream, serve};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::rt::{Executor as _, Timer as _};
use hyper::service::service_fn;
use hyper::{Request, Response, client, server};

use crate::connection;

async fn echo(request: Request<Incoming>) -> Result<Response<Incoming>, Infallible> {
    Ok(Response::new(request.into_body()))
}

/// Sends a long body twice over one connection, and gets it back.
async fn exchange(mut sender: client::conn::http1::SendRequest<Full<Bytes>>) {
    let body = Bytes::from(vec![b'x'; 3_000_000]);
    for _ in 0..2 {
        let request = Request::post("/").body(Full::new(body.clone())).unwrap();
        sender.ready().await.unwrap();
        let response = sender.send_request(request).await.unwrap();
        let answer = response.into_body().collect().await.unwrap().to_bytes();
        assert!(answer == body);
    }
}

#[test]
fn requests_and_answers_on_our_loop() {
    aioli_task::run(async {
        let server = serve("127.0.0.1:0", async |stream| {
            let http = server::conn::http1::Builder::new();
            http.serve_connection(stream, service_fn(echo)).await
        });
        let server = server.await.unwrap();
        let stream = TcpStream::connect(server.local_addr()).await.unwrap();
        let (sender, connection) = client::conn::http1::handshake(stream).await.unwrap();
        Executor::new().execute(connection);
        exchange(sender).await;
        server.stop().await;
    });
}

#[test]
fn requests_and_answers_on_tokios_threads() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let (client, server) = connection().await;
        let http = server::conn::http1::Builder::new();
        tokio::spawn(http.serve_connection(server, service_fn(echo)));
        let (sender, connection) = client::conn::http1::handshake(client).await.unwrap();
        tokio::spawn(connection);
        tokio::spawn(exchange(sender)).await.unwrap();
    });
}

#[test]
fn a_timeout_of_hyper_is_an_instant_on_a_virtual_clock() {
    let mut runner = aioli_task::Runner::builder().virtual_clock().build();
    let outcome = runner.run(async {
        let (_client, stream) = connection().await;
        let start = aioli_task::now();
        let mut http = server::conn::http1::Builder::new();
        http.timer(Timer::new());
        http.header_read_timeout(Duration::from_secs(3600));
        let served = http.serve_connection(stream, service_fn(echo)).await;
        assert!(served.unwrap_err().is_timeout());
        assert_eq!(aioli_task::now() - start, Duration::from_secs(3600));
    });
    outcome.unwrap();
}

#[test]
fn a_sleep_is_reset_in_its_place() {
    let mut runner = aioli_task::Runner::builder().virtual_clock().build();
    let outcome = runner.run(async {
        let (timer, start) = (Timer::new(), aioli_task::now());
        let mut sleep = timer.sleep(Duration::from_secs(1));
        let address = std::ptr::from_ref(&*sleep).cast::<()>();
        timer.reset(&mut sleep, start + Duration::from_secs(5));
        assert_eq!(std::ptr::from_ref(&*sleep).cast::<()>(), address);
        sleep.await;
        assert_eq!(aioli_task::now() - start, Duration::from_secs(5));
        let never = timer.sleep(Duration::MAX);
        let waited = aioli_flow::timeout(Duration::from_secs(9), never).await;
        assert!(waited.is_err());
    });
    outcome.unwrap();
}

#[test]
fn types_are_shared() {
    fn shared<T: Send + Sync + Unpin>() {}
    shared::<Executor>();
    shared::<Sleep>();
    shared::<Timer>();
}
