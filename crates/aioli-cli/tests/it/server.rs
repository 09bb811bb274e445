//! A web server of threads, which does what a test tells it to.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::vacant::vacant;

/// A request that has come.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Without the first slash.
    pub(crate) name: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The first byte of the range that is asked for.
    pub(crate) fn first(&self) -> Option<usize> {
        let range = self.header("range")?;
        let first = range.strip_prefix("bytes=")?.strip_suffix('-')?;
        Some(first.parse().expect("a number"))
    }
}

/// A server that runs until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
    is_over: Arc<AtomicBool>,
}

impl Server {
    /// Answers each request with `answer`. An error closes the connection.
    pub(crate) fn start(
        answer: impl Fn(&Request, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            is_over: Arc::default(),
        };
        let (seen, is_over) = (server.seen.clone(), server.is_over.clone());
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
                let (stream, seen, answer) = (stream.unwrap(), seen.clone(), answer.clone());
                thread::spawn(move || {
                    // A client that breaks off is no concern of the server.
                    let _ = talk(&stream, &seen, &*answer);
                });
            }
        });
        server
    }

    /// Serves files by name, with their versions, and parts of them.
    pub(crate) fn of_files(files: HashMap<String, Vec<u8>>) -> Server {
        Server::start(move |request, stream| match files.get(&request.name) {
            Some(content) => file(request, stream, content, "\"1\""),
            None => reply(stream, "404 Not Found", "", b""),
        })
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// The requests so far, which are forgotten by this.
    pub(crate) fn take_seen(&self) -> Vec<Request> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

/// A URL where nobody listens.
pub(crate) fn refused() -> String {
    format!("http://{}/refused", vacant())
}

fn talk(
    stream: &TcpStream,
    seen: &Mutex<Vec<Request>>,
    answer: &dyn Fn(&Request, &mut TcpStream) -> io::Result<()>,
) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut writer = stream.try_clone()?;
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let mut words = lines[0].split(' ');
        let (method, target) = (words.next().expect("a method"), words.next());
        let Some(target) = target.map(|target| target.trim_start_matches('/')) else {
            // It is not HTTP/1.1.
            return Ok(());
        };
        let headers = lines[1..].iter().map(|line| {
            let (name, value) = line.split_once(':').expect("a header");
            (name.to_ascii_lowercase(), value.trim().to_owned())
        });
        let mut request = Request {
            method: method.to_owned(),
            name: target.to_owned(),
            headers: headers.collect(),
            body: Vec::new(),
        };
        read_body(&mut request, &mut reader)?;
        seen.lock().unwrap().push(request.clone());
        answer(&request, &mut writer)?;
    }
}

/// Reads a body of known length, or in chunks.
fn read_body(request: &mut Request, reader: &mut impl BufRead) -> io::Result<()> {
    if let Some(length) = request.header("content-length") {
        request.body = vec![0; length.parse().expect("a length")];
        return reader.read_exact(&mut request.body);
    }
    if request.header("transfer-encoding").is_none() {
        return Ok(());
    }
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = usize::from_str_radix(line.trim_end(), 16).expect("a size");
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk)?;
        request.body.extend(&chunk[..size]);
        if size == 0 {
            return Ok(());
        }
    }
}

/// Sends a whole answer; each of `headers` ends in CR LF.
pub(crate) fn reply(
    stream: &mut TcpStream,
    status: &str,
    headers: &str,
    body: &[u8],
) -> io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), body].concat())
}

/// Sends a file, or the part of it that is asked for, as a good server does.
pub(crate) fn file(
    request: &Request,
    stream: &mut TcpStream,
    content: &[u8],
    tag: &str,
) -> io::Result<()> {
    let tag_header = format!("etag: {tag}\r\n");
    match request.first() {
        Some(first) if request.header("if-range") == Some(tag) => {
            let total = content.len();
            if first >= total {
                let headers = format!("content-range: bytes */{total}\r\n");
                return reply(stream, "416 Range Not Satisfiable", &headers, b"");
            }
            let range = format!("content-range: bytes {first}-{}/{total}\r\n", total - 1);
            let headers = tag_header + &range;
            reply(stream, "206 Partial Content", &headers, &content[first..])
        }
        _ => reply(stream, "200 OK", &tag_header, content),
    }
}

/// Bytes that differ from file to file and from place to place.
pub(crate) fn content(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    (0..length).map(|_| next()).collect()
}
