//! Sockets by a raw, edge-triggered epoll loop.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use harness::net::{EchoClient, HttpServer, SHORT};
use harness::os::Poller;
use harness::{Outcome, Result, Run, Tap};

/// An echo server.
pub(crate) fn echo(run: &Run) -> Result<Outcome> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    harness::os::deepen_backlog(&listener)?;
    let client = EchoClient::start(run, listener.local_addr()?.port())?;
    let mut poller = Poller::new()?;
    let mut streams = Vec::new();
    for token in 0..run.concurrency {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        poller.add(&stream, token, run.size > SHORT)?;
        streams.push(Echo {
            stream,
            held: 0,
            sent: 0,
        });
    }
    let mut buffers = vec![vec![0; run.size]; run.concurrency];
    let mut open = run.concurrency;
    while open > 0 {
        poller.wait(|token| {
            if !streams[token].drive(&mut buffers[token]) {
                open = open.saturating_sub(1);
            }
        })?;
    }
    client.finish()
}

struct Echo {
    stream: TcpStream,
    held: usize,
    sent: usize,
}

impl Echo {
    /// Returns whether the connection is still open.
    fn drive(&mut self, buffer: &mut [u8]) -> bool {
        loop {
            while self.sent < self.held {
                match self.stream.write(&buffer[self.sent..self.held]) {
                    Ok(n) => self.sent += n,
                    Err(e) => return e.kind() == ErrorKind::WouldBlock,
                }
            }
            match self.stream.read(buffer) {
                Ok(0) => return false,
                Ok(n) => (self.held, self.sent) = (n, 0),
                Err(e) => return e.kind() == ErrorKind::WouldBlock,
            }
            // A message that is whole is answered, and another cannot be here before that.
            if self.held == buffer.len() && self.held <= SHORT {
                return match self.stream.write(&buffer[..self.held]) {
                    Ok(n) => {
                        self.sent = n;
                        true
                    }
                    Err(_) => false,
                };
            }
        }
    }
}

/// An HTTP client that knows what the answer looks like.
pub(crate) fn get(run: &Run) -> Result<Outcome> {
    let server = HttpServer::start(run)?;
    let host = format!("127.0.0.1:{}", server.port());
    let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\naccept: */*\r\n\r\n").into_bytes();
    let tap = Tap::new(run);
    let mut poller = Poller::new()?;
    let mut clients = Vec::new();
    for token in 0..run.concurrency {
        let mut stream = TcpStream::connect(&host)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        poller.add(&stream, token, false)?;
        stream.write_all(&request)?;
        clients.push(Client { stream, left: None });
    }
    let mut buffer = vec![0; 64 * 1024];
    let mut dry = false;
    while !dry {
        let mut outcome = Ok(());
        poller.wait(|token| {
            match clients[token].receive(&mut buffer, run.size) {
                Ok(false) => return,
                Ok(true) => {}
                Err(e) => outcome = Err(e),
            }
            match tap.take() {
                Some(_) if outcome.is_ok() => {
                    outcome = clients[token]
                        .stream
                        .write_all(&request)
                        .map_err(Into::into);
                }
                _ => dry = true,
            }
        })?;
        outcome?;
    }
    Ok(tap.finish())
}

struct Client {
    stream: TcpStream,
    /// How much of the answer is still to come, once its head is here.
    left: Option<usize>,
}

impl Client {
    /// Returns whether the answer is complete.
    fn receive(&mut self, buffer: &mut [u8], body: usize) -> Result<bool> {
        loop {
            let n = match self.stream.read(buffer) {
                Ok(0) => return Err("the server has closed".into()),
                Ok(n) => n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(e) => return Err(e.into()),
            };
            let left = match self.left {
                Some(left) => left,
                None => {
                    let head = buffer[..n].windows(4).position(|w| w == b"\r\n\r\n");
                    head.ok_or("the head came in pieces")? + 4 + body
                }
            };
            self.left = left.checked_sub(n).filter(|left| *left > 0);
            if self.left.is_none() {
                return Ok(true);
            }
        }
    }
}
