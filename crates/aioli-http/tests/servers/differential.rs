//! The same bytes, read by this client, by hyper and by h11: who accepts must read the same.
//!
//! Refusing more than others is a choice, reading something else is how responses are smuggled.
//! So whenever two of them take a response for good, status, headers and body must be equal. The
//! bytes are responses of all shapes, well-formed ones and ones with some bytes changed.

mod cases;
mod h11;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use aioli_http::{Limits, Session};
use aioli_net::TcpStream;
use aioli_task::run;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use proptest::test_runner::{Config, TestRunner};

/// What a client has made of a response.
#[derive(Debug, PartialEq)]
struct Read {
    status: u16,
    /// In lower case, sorted; the framing headers are left out, which clients drop or keep.
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Read {
    fn new(status: u16, mut headers: Vec<(String, Vec<u8>)>, body: Vec<u8>) -> Read {
        headers.retain(|(name, _)| name != "content-length" && name != "transfer-encoding");
        headers.sort();
        Read {
            status,
            headers,
            body,
        }
    }
}

/// A server that answers every connection with the bytes of the moment, and ends it.
struct Server {
    address: SocketAddr,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Server {
    fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let bytes = Arc::<Mutex<Vec<u8>>>::default();
        let shared = bytes.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = Vec::new();
                let mut piece = [0; 4096];
                while !request.ends_with(b"\r\n\r\n") {
                    match stream.read(&mut piece) {
                        Ok(n) if n > 0 => request.extend_from_slice(&piece[..n]),
                        _ => break,
                    }
                }
                let bytes = shared.lock().unwrap().clone();
                // Who has seen enough leaves before the end.
                let _ = stream.write_all(&bytes);
                let _ = stream.shutdown(Shutdown::Write);
                while stream.read(&mut piece).is_ok_and(|n| n > 0) {}
            }
        });
        Server { address, bytes }
    }

    fn answers(&self, bytes: &[u8]) {
        *self.bytes.lock().unwrap() = bytes.to_vec();
    }
}

async fn ours(session: &Session, address: SocketAddr) -> Result<Read, String> {
    let response = session.get(format!("http://{address}/")).await;
    let mut response = response.map_err(|error| format!("{error:?}"))?;
    let mut body = Vec::new();
    while let Some(piece) = response
        .chunk()
        .await
        .map_err(|error| format!("{error:?}"))?
    {
        body.extend_from_slice(&piece);
    }
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    Ok(Read::new(
        response.status().as_u16(),
        headers.collect(),
        body,
    ))
}

async fn hyper(address: SocketAddr) -> Result<Read, String> {
    let stream = TcpStream::connect(address).await.unwrap();
    let shake = http1::handshake(stream).await;
    let (mut sender, connection) = shake.map_err(|error| format!("{error:?}"))?;
    let request = hyper::Request::get("/").header("host", "a");
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let exchange = async {
        let response = sender.send_request(request).await;
        let (head, body) = response.map_err(|error| format!("{error:?}"))?.into_parts();
        let body = body.collect().await.map_err(|error| format!("{error:?}"))?;
        let headers = head.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
        let body = body.to_bytes().to_vec();
        Ok(Read::new(head.status.as_u16(), headers.collect(), body))
    };
    let connection = std::pin::pin!(async {
        let _ = connection.await;
        std::future::pending::<()>().await;
    });
    let exchange = std::pin::pin!(exchange);
    match futures::future::select(exchange, connection).await {
        futures::future::Either::Left((read, _)) => read,
        futures::future::Either::Right(((), _)) => unreachable!("it pends for ever"),
    }
}

/// Runs `check` over `n` generated responses, with this client's reading of each.
fn over_cases(n: u32, mut check: impl FnMut(&[u8], &Server, &Result<Read, String>)) {
    let server = Server::start();
    // Each response has a connection of its own.
    let session = Session::builder().limits(Limits::default().idle(0));
    let session = session.build().unwrap();
    let mut runner = TestRunner::new(Config::with_cases(n));
    let mut accepted = 0;
    for _ in 0..n {
        let bytes = cases::response(&mut runner);
        server.answers(&bytes);
        let read = run(ours(&session, server.address));
        accepted += u32::from(read.is_ok());
        check(&bytes, &server, &read);
    }
    assert!(
        accepted > n / 10 && accepted < n - n / 10,
        "{accepted} of {n} were accepted: the cases are too good or too bad"
    );
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[test]
fn what_hyper_accepts_too_is_read_the_same() {
    let mut both = 0;
    over_cases(1500, |bytes, server, ours| {
        let theirs = run(hyper(server.address));
        if let (Ok(ours), Ok(theirs)) = (ours, &theirs) {
            assert_eq!(ours, theirs, "{}", shown(bytes));
            both += 1;
        }
    });
    assert!(both > 200, "only {both} were accepted by both");
}

#[test]
fn what_h11_accepts_too_is_read_the_same() {
    let Some(mut theirs) = h11::start() else {
        return;
    };
    let mut both = 0;
    over_cases(1500, |bytes, _, ours| {
        let theirs = theirs.read(bytes);
        if let (Ok(ours), Ok(theirs)) = (ours, &theirs) {
            assert_eq!(ours, theirs, "{}", shown(bytes));
            both += 1;
        }
    });
    assert!(both > 200, "only {both} were accepted by both");
}
