//! Drives hyper's HTTP/1 client on our loop, over a server of our own.

use std::error::Error;

use aioli_net::hyper::Executor;
use aioli_net::{Server, TcpListener, TcpStream};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::rt::Executor as _;
use hyper::{Request, client::conn::http1};

/// Answers every request with its first line.
async fn answer(stream: TcpStream) -> Result<(), Box<dyn Error>> {
    let (mut reader, mut writer) = stream.into_streams();
    loop {
        let Ok(head) = reader.readuntil("\r\n\r\n").await else {
            return Ok(());
        };
        let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let length = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", line.len());
        writer.writelines([length.as_bytes(), line]);
        writer.drain().await?;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    aioli_task::run(async {
        let server = Server::start(TcpListener::bind("127.0.0.1:0").await?, answer);
        let host = server.local_addr().to_string();
        let stream = TcpStream::connect(server.local_addr()).await?;
        let (mut sender, connection) = http1::handshake(stream).await?;
        Executor::new().execute(connection);
        for path in ["/one", "/two"] {
            sender.ready().await?;
            let request = Request::get(path).header("Host", &host);
            let response = sender
                .send_request(request.body(Empty::<Bytes>::new())?)
                .await?;
            let body = response.into_body().collect().await?.to_bytes();
            println!("{}", String::from_utf8_lossy(&body));
            assert_eq!(body, format!("GET {path} HTTP/1.1"));
        }
        server.stop().await;
        Ok(())
    })
}
