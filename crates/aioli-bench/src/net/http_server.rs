//! A server that knows one answer, and counts requests to know how often to give it.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::net::frames::Frames;
use crate::net::{Protocol, SHORT, tls};
use crate::os::{self, Poller};
use crate::{Result, Run};

/// The token of the listener; those of connections are small.
const LISTENER: usize = usize::MAX;

/// What connections have in common.
struct Server {
    protocol: Protocol,
    tls: Option<tls::Server>,
    /// What an answer carries, and the whole of it in HTTP/1.1.
    body: Vec<u8>,
    answer: Vec<u8>,
    /// How long the body of a request is.
    upload: usize,
}

struct Connection {
    stream: Box<dyn Stream>,
    state: State,
}

/// A socket, or TLS on one.
trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

enum State {
    Http1(Lines),
    Http2 { frames: Frames, output: Vec<u8> },
}

#[derive(Default)]
struct Lines {
    /// How many bytes of a blank line the input ended in.
    matched: usize,
    /// How much of the body of a request is still to come.
    body: usize,
    /// How many answers are due, and how much of the first is sent.
    due: usize,
    sent: usize,
}

/// Serves until this process is ended.
pub(super) fn run(protocol: Protocol, run: &Run) -> Result {
    let server = Server::new(protocol, run)?;
    let listener = TcpListener::bind(&run.address)?;
    os::deepen_backlog(&listener)?;
    listener.set_nonblocking(true)?;
    println!("{}", listener.local_addr()?.port());
    let mut poller = Poller::new()?;
    poller.add(&listener, LISTENER, false)?;
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut ready = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        poller.wait(|token| ready.push(token))?;
        for token in ready.drain(..) {
            if token == LISTENER {
                server.accept(&listener, &poller, &mut connections)?;
                continue;
            }
            let slot = &mut connections[token];
            let open = slot
                .as_mut()
                .is_some_and(|c| c.serve(&server, &mut buffer).is_ok());
            if !open {
                *slot = None;
            }
        }
    }
}

impl Server {
    fn new(protocol: Protocol, run: &Run) -> Result<Server> {
        let uploads = protocol == Protocol::Upload;
        let (upload, size) = match uploads {
            true => (run.size, UPLOADED),
            false => (0, run.size),
        };
        let body = vec![b'x'; size];
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {size}\r\n\r\n"
        )
        .into_bytes();
        answer.extend_from_slice(&body);
        let tls = match protocol {
            Protocol::Tls => Some(tls::Server::new()?),
            _ => None,
        };
        Ok(Server {
            protocol,
            tls,
            body,
            answer,
            upload,
        })
    }

    fn accept(
        &self,
        listener: &TcpListener,
        poller: &Poller,
        connections: &mut Vec<Option<Connection>>,
    ) -> Result {
        loop {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e.into()),
            };
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let writing = self.answer.len() > SHORT || self.protocol == Protocol::Http2;
            poller.add(&stream, connections.len(), writing)?;
            connections.push(Some(self.connection(stream)?));
        }
    }

    fn connection(&self, stream: TcpStream) -> Result<Connection> {
        let stream: Box<dyn Stream> = match &self.tls {
            Some(tls) => Box::new(tls.accept(stream)?),
            None => Box::new(stream),
        };
        let state = match self.protocol {
            Protocol::Http2 => State::Http2 {
                frames: Frames::default(),
                output: Vec::new(),
            },
            _ => State::Http1(Lines::default()),
        };
        Ok(Connection { stream, state })
    }
}

/// How long the answer to an upload is.
pub(super) const UPLOADED: usize = 2;

impl Connection {
    /// Reads what has come and answers it; an error is the end of the connection.
    fn serve(&mut self, server: &Server, buffer: &mut [u8]) -> Result {
        loop {
            let n = match self.stream.read(buffer) {
                Ok(0) => return Err("the client has closed".into()),
                Ok(n) => n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => 0,
                Err(e) => return Err(e.into()),
            };
            match &mut self.state {
                State::Http1(lines) => {
                    lines.count(&buffer[..n], server.upload);
                    lines.answer(&mut self.stream, &server.answer)?;
                }
                State::Http2 { frames, output } => {
                    frames.feed(&buffer[..n], &server.body, output)?;
                    send(&mut self.stream, output)?;
                }
            }
            // Less than there was room for was all there is; what comes later is an event.
            if n < buffer.len() {
                return Ok(());
            }
        }
    }
}

/// Writes what can be written, and removes it from `output`.
fn send(stream: &mut dyn Stream, output: &mut Vec<u8>) -> Result {
    while !output.is_empty() {
        match stream.write(output) {
            Ok(n) => drop(output.drain(..n)),
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

impl Lines {
    fn count(&mut self, input: &[u8], upload: usize) {
        const END: &[u8] = b"\r\n\r\n";
        let mut input = input;
        while !input.is_empty() {
            let skipped = self.body.min(input.len());
            self.body -= skipped;
            input = &input[skipped..];
            if skipped > 0 && self.body == 0 {
                self.due += 1;
            }
            let Some((byte, rest)) = input.split_first() else {
                return;
            };
            input = rest;
            self.matched = match *byte == END[self.matched] {
                true => self.matched + 1,
                false => usize::from(*byte == END[0]),
            };
            if self.matched == END.len() {
                (self.matched, self.body) = (0, upload);
                self.due += usize::from(upload == 0);
            }
        }
    }

    fn answer(&mut self, stream: &mut dyn Stream, answer: &[u8]) -> Result {
        while self.due > 0 {
            match stream.write(&answer[self.sent..]) {
                Ok(n) => self.sent += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e.into()),
            }
            if self.sent == answer.len() {
                self.sent = 0;
                self.due -= 1;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn a_body_is_part_of_its_request() {
        let request = b"PUT / HTTP/1.1\r\ncontent-length: 6\r\n\r\n\r\n\r\n--";
        let mut lines = Lines::default();
        for byte in request.repeat(2) {
            lines.count(&[byte], 6);
        }
        assert_eq!((lines.due, lines.body), (2, 0));
        lines.count(&request.repeat(3), 6);
        assert_eq!(lines.due, 5);
        lines.count(&request[..request.len() - 1], 6);
        assert_eq!((lines.due, lines.body), (5, 1));
    }
}
