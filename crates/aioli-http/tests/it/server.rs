//! A scriptable HTTP server on plain threads: what it sends is whatever the test says.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use aioli_http::{IntoUrl, Session};
use futures::future::{Either, select};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A server; dropping it stops accepting, and fails the test when a script has failed.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    accepted: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    failed: Arc<AtomicBool>,
}

/// One accepted connection, in the hands of the script.
pub(crate) struct Conn {
    /// How many were accepted before this one.
    pub(crate) index: usize,
    stream: Stream,
    buffer: Vec<u8>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, Stream>>),
    /// For the moment at which a layer is put on it.
    Taken,
}

impl Stream {
    fn secure(self, config: Arc<ServerConfig>) -> Stream {
        let server = ServerConnection::new(config).unwrap();
        Stream::Tls(Box::new(StreamOwned::new(server, self)))
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.sock.socket(),
            Stream::Taken => unreachable!("a layer is put on it at once"),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read(bytes),
            Stream::Tls(stream) => stream.read(bytes),
            Stream::Taken => unreachable!("a layer is put on it at once"),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.write(bytes),
            Stream::Tls(stream) => stream.write(bytes),
            Stream::Taken => unreachable!("a layer is put on it at once"),
        }
    }

    /// TLS hands over all its records at once, the last one an alert.
    fn write_vectored(&mut self, bytes: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.write_vectored(bytes),
            Stream::Tls(stream) => stream.write_vectored(bytes),
            Stream::Taken => unreachable!("a layer is put on it at once"),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(stream) => stream.flush(),
            Stream::Tls(stream) => stream.flush(),
            Stream::Taken => unreachable!("a layer is put on it at once"),
        }
    }
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) version: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Server {
    /// Runs `script` for each connection, on a thread of its own.
    pub(crate) fn start(script: impl Fn(&mut Conn) + Send + Sync + 'static) -> Server {
        Server::launch(None, script)
    }

    pub(crate) fn tls(
        config: Arc<ServerConfig>,
        script: impl Fn(&mut Conn) + Send + Sync + 'static,
    ) -> Server {
        Server::launch(Some(config), script)
    }

    /// Answers each request with `answer(request)`, until the client leaves.
    pub(crate) fn answering(answer: impl Fn(&Request) -> String + Send + Sync + 'static) -> Server {
        Server::start(move |conn| {
            while let Some(request) = conn.request() {
                conn.send(answer(&request));
            }
        })
    }

    /// Sends `bytes` on the first connection and ends it; answers `ok` on all later ones.
    pub(crate) fn bad_once(bytes: impl Into<Vec<u8>>) -> Server {
        Server::bad_once_in(&[&bytes.into()])
    }

    /// As [`bad_once`](Server::bad_once), but piece by piece.
    pub(crate) fn bad_once_in(pieces: &[&[u8]]) -> Server {
        let pieces: Vec<_> = pieces.iter().map(|piece| piece.to_vec()).collect();
        Server::start(move |conn| {
            if conn.index == 0 {
                conn.request();
                for piece in &pieces {
                    conn.send(piece);
                    thread::yield_now();
                }
            } else {
                while conn.request().is_some() {
                    conn.send(ok("fine"));
                }
            }
        })
    }

    fn launch(
        tls: Option<Arc<ServerConfig>>,
        script: impl Fn(&mut Conn) + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let server = Server {
            addr,
            accepted: accepted.clone(),
            stop: stop.clone(),
            failed: Arc::default(),
        };
        let failed = server.failed.clone();
        let script = Arc::new(script);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { continue };
                stream.set_nodelay(true).unwrap();
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let index = accepted.fetch_add(1, Ordering::SeqCst);
                let script = script.clone();
                let tls = tls.clone();
                let failed = failed.clone();
                thread::spawn(move || {
                    let stream = match tls {
                        None => Stream::Plain(stream),
                        Some(config) => Stream::Plain(stream).secure(config),
                    };
                    let mut conn = Conn {
                        index,
                        stream,
                        buffer: Vec::new(),
                    };
                    let outcome = catch_unwind(AssertUnwindSafe(|| script(&mut conn)));
                    failed.fetch_or(outcome.is_err(), Ordering::SeqCst);
                });
            }
        });
        server
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// How many connections there have been.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.addr);
        if !thread::panicking() {
            assert!(
                !self.failed.load(Ordering::SeqCst),
                "a script of the server has failed"
            );
        }
    }
}

impl Conn {
    /// Reads one request; `None` when the client has left.
    pub(crate) fn request(&mut self) -> Option<Request> {
        let mut request = self.head()?;
        self.body(&mut request)?;
        Some(request)
    }

    /// Reads the head of one request, and leaves its body to [`body`](Conn::body).
    pub(crate) fn head(&mut self) -> Option<Request> {
        let head_end = loop {
            if let Some(at) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            self.fill()?;
        };
        let head: Vec<u8> = self.buffer.drain(..head_end).collect();
        let head = String::from_utf8(head).expect("heads are ASCII");
        let mut lines = head.trim_end().split("\r\n");
        let mut first = lines.next().unwrap().split(' ');
        let (method, target) = (
            first.next().unwrap().to_owned(),
            first.next().unwrap().to_owned(),
        );
        let version = first.next().unwrap().to_owned();
        assert!(["HTTP/1.0", "HTTP/1.1"].contains(&&version[..]));
        let headers = lines
            .map(|line| {
                line.split_once(": ")
                    .map(|(k, v)| (k.to_owned(), v.to_owned()))
                    .unwrap()
            })
            .collect();
        Some(Request {
            method,
            target,
            version,
            headers,
            body: Vec::new(),
        })
    }

    /// Reads the body of a request.
    pub(crate) fn body(&mut self, request: &mut Request) -> Option<()> {
        if request.header("transfer-encoding").is_some() {
            loop {
                let line_end = self.find(b"\r\n")?;
                let line: Vec<u8> = self.buffer.drain(..line_end + 2).collect();
                let size = std::str::from_utf8(&line[..line_end]).unwrap();
                let size = usize::from_str_radix(size, 16).unwrap();
                self.need(size + 2)?;
                request.body.extend(self.buffer.drain(..size));
                assert_eq!(self.buffer.drain(..2).collect::<Vec<_>>(), b"\r\n");
                if size == 0 {
                    return Some(());
                }
            }
        }
        let length = request
            .header("content-length")
            .map_or(0, |n| n.parse().unwrap());
        self.need(length)?;
        request.body.extend(self.buffer.drain(..length));
        Some(())
    }

    fn find(&mut self, pattern: &[u8]) -> Option<usize> {
        loop {
            if let Some(at) = self
                .buffer
                .windows(pattern.len())
                .position(|w| w == pattern)
            {
                return Some(at);
            }
            self.fill()?;
        }
    }

    /// Reads until the buffer holds `n` bytes.
    pub(crate) fn need(&mut self, n: usize) -> Option<()> {
        while self.buffer.len() < n {
            self.fill()?;
        }
        Some(())
    }

    /// How many bytes have been read and not used.
    pub(crate) fn buffered(&self) -> usize {
        self.buffer.len()
    }

    fn fill(&mut self) -> Option<usize> {
        let mut bytes = [0; 16 * 1024];
        let n = self.stream.read(&mut bytes);
        let n = n.ok().filter(|n| *n > 0)?;
        self.buffer.extend_from_slice(&bytes[..n]);
        Some(n)
    }

    /// Sends everything; whether the client still listens is its own affair.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.try_send(bytes);
    }

    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())?;
        self.stream.flush()
    }

    /// Takes `n` bytes of what came; `None` when the client has left before.
    pub(crate) fn take(&mut self, n: usize) -> Option<Vec<u8>> {
        self.need(n)?;
        Some(self.buffer.drain(..n).collect())
    }

    /// Sends a key update of TLS, which asks for one in return.
    pub(crate) fn change_keys(&mut self) -> io::Result<()> {
        let Stream::Tls(stream) = &mut self.stream else {
            unreachable!("only TLS has keys")
        };
        stream
            .conn
            .refresh_traffic_keys()
            .map_err(io::Error::other)?;
        while stream.conn.wants_write() {
            stream.conn.write_tls(&mut stream.sock)?;
        }
        Ok(())
    }

    /// Speaks TLS from now on, on what there is.
    pub(crate) fn start_tls(&mut self, config: Arc<ServerConfig>) {
        assert!(self.buffer.is_empty(), "the client waits for us");
        let stream = std::mem::replace(&mut self.stream, Stream::Taken);
        self.stream = stream.secure(config);
    }

    /// Ends the sending direction in an orderly way (over TLS: with close_notify).
    pub(crate) fn finish(&mut self) {
        match &mut self.stream {
            Stream::Plain(stream) => {
                let _ = stream.shutdown(Shutdown::Write);
            }
            Stream::Tls(stream) => {
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
            Stream::Taken => unreachable!("a layer is put on it at once"),
        }
    }

    /// Waits until something can be read, and leaves it there.
    pub(crate) fn wait_readable(&mut self) {
        let _ = self.stream.socket().peek(&mut [0]);
    }

    /// Waits until the client has closed the connection.
    pub(crate) fn wait_closed(&mut self) {
        while self.fill().is_some() {}
    }

    pub(crate) fn tls_connection(&self) -> Option<&ServerConnection> {
        match &self.stream {
            Stream::Tls(stream) => Some(&stream.conn),
            _ => None,
        }
    }
}

impl Request {
    /// The one value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self
            .headers
            .iter()
            .filter(|(k, _)| k == name)
            .map(|(_, v)| &v[..]);
        let value = values.next();
        assert_eq!(values.next(), None, "{name} came twice");
        value
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// A response with a length.
pub(crate) fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Asks for `url`; what the answer says.
pub(crate) async fn text(session: &Session, url: impl IntoUrl) -> String {
    session.get(url).await.unwrap().text().await.unwrap()
}

/// Runs a future on a loop of ours.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    aioli_task::run(future)
}

/// Runs a future on a loop with a virtual clock, which suits what needs no sockets.
pub(crate) fn run_virtual<F: Future>(future: F) -> F::Output {
    let mut runner = aioli_task::Runner::builder().virtual_clock().build();
    runner.run(future).expect("nobody cancels it")
}

/// Waits for a future that is to be there before a timer of the same loop: whoever is kept from
/// running for a while is late for both.
#[track_caller]
pub(crate) fn before<F: IntoFuture>(limit: Duration, future: F) -> impl Future<Output = F::Output> {
    let place = std::panic::Location::caller();
    let future = future.into_future();
    async move {
        let (future, late) = (pin!(future), pin!(aioli_time::sleep(limit)));
        match select(future, late).await {
            Either::Left((output, _)) => output,
            Either::Right(_) => panic!("{place}: it is not there after {limit:?}"),
        }
    }
}
