//! Serves an axum router on our loop, by hyper's HTTP/1 server, and asks it once.

use std::error::Error;

use aioli_net::hyper::Timer;
use aioli_net::{TcpStream, open_connection, serve};
use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tower_service::Service;

async fn hello(Path(name): Path<String>) -> String {
    format!("hello, {name}\n")
}

async fn connection(stream: TcpStream, router: Router) -> hyper::Result<()> {
    // A router is ready at any time, so each request has one of its own.
    let service = service_fn(move |request| router.clone().call(request));
    let mut server = http1::Builder::new();
    server
        .timer(Timer::new())
        .serve_connection(stream, service)
        .await
}

fn main() -> Result<(), Box<dyn Error>> {
    aioli_task::run(async {
        let router = Router::new().route("/hello/{name}", get(hello));
        let handler = async move |stream| connection(stream, router.clone()).await;
        let server = serve("127.0.0.1:0", handler).await?;

        let (mut reader, mut writer) = open_connection(server.local_addr()).await?;
        writer.write("GET /hello/aioli HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
        writer.drain().await?;
        let answer = String::from_utf8(reader.read_to_end().await?)?;
        println!("{answer}");
        assert!(answer.ends_with("hello, aioli\n"));
        writer.close().await?;
        server.stop().await;
        Ok(())
    })
}
