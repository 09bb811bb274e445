//! A server that knows one answer, and counts blank lines to know how often to give it.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::net::SHORT;
use crate::os::{self, Poller};
use crate::{Result, Run};

/// The token of the listener; those of connections are small.
const LISTENER: usize = usize::MAX;

struct Connection {
    stream: TcpStream,
    /// How many bytes of a blank line the input ended in.
    matched: usize,
    /// How many answers are due, and how much of the first is sent.
    due: usize,
    sent: usize,
}

/// Serves until this process is ended.
pub(super) fn run(run: &Run) -> Result {
    let listener = TcpListener::bind(&run.address)?;
    os::deepen_backlog(&listener)?;
    listener.set_nonblocking(true)?;
    println!("{}", listener.local_addr()?.port());
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n",
        run.size
    )
    .into_bytes();
    answer.resize(answer.len() + run.size, b'x');
    let mut poller = Poller::new()?;
    poller.add(&listener, LISTENER, false)?;
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut ready = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        poller.wait(|token| ready.push(token))?;
        for token in ready.drain(..) {
            if token == LISTENER {
                accept(&listener, &poller, (&mut connections, run.size > SHORT))?;
                continue;
            }
            let slot = &mut connections[token];
            let open = slot
                .as_mut()
                .is_some_and(|c| c.serve(&answer, &mut buffer).is_ok());
            if !open {
                *slot = None;
            }
        }
    }
}

fn accept(
    listener: &TcpListener,
    poller: &Poller,
    (connections, writing): (&mut Vec<Option<Connection>>, bool),
) -> Result {
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(e) => return Err(e.into()),
        };
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        poller.add(&stream, connections.len(), writing)?;
        connections.push(Some(Connection {
            stream,
            matched: 0,
            due: 0,
            sent: 0,
        }));
    }
}

impl Connection {
    /// Reads what has come and answers it; an error is the end of the connection.
    fn serve(&mut self, answer: &[u8], buffer: &mut [u8]) -> Result {
        loop {
            let n = match self.stream.read(buffer) {
                Ok(0) => return Err("the client has closed".into()),
                Ok(n) => n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => 0,
                Err(e) => return Err(e.into()),
            };
            self.count(&buffer[..n]);
            self.answer(answer)?;
            // Less than there was room for was all there is; what comes later is an event.
            if n < buffer.len() {
                return Ok(());
            }
        }
    }

    fn count(&mut self, input: &[u8]) {
        const END: &[u8] = b"\r\n\r\n";
        for byte in input {
            self.matched = match *byte == END[self.matched] {
                true => self.matched + 1,
                false => usize::from(*byte == END[0]),
            };
            if self.matched == END.len() {
                self.matched = 0;
                self.due += 1;
            }
        }
    }

    fn answer(&mut self, answer: &[u8]) -> Result {
        while self.due > 0 {
            match self.stream.write(&answer[self.sent..]) {
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
