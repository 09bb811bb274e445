//! A client that sends messages and waits for each to come back, on many connections.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::json::Object;
use crate::net::SHORT;
use crate::os::{self, Poller};
use crate::{Result, Run};

/// How many waiting times are kept at most, for the quantiles.
const KEPT: usize = 1 << 20;
/// How long a server that is traced needs to go to sleep.
const THOUGHT: Duration = Duration::from_micros(300);

struct Connection {
    stream: TcpStream,
    sent: usize,
    received: usize,
    since: Instant,
}

/// What the clocks said.
struct Mark {
    at: Instant,
    server_cpu: Duration,
    client_cpu: Duration,
    switches: u64,
}

struct Client {
    run: Run,
    message: Vec<u8>,
    buffer: Vec<u8>,
    measuring: bool,
    ops: u64,
    waits: Vec<u32>,
}

/// Measures the echo server at the address and prints what came of it.
pub(super) fn run(run: &Run) -> Result {
    let mut poller = Poller::new()?;
    let mut connections = Vec::new();
    for token in 0..run.concurrency {
        let stream = TcpStream::connect(&run.address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        poller.add(&stream, token, run.size > SHORT)?;
        connections.push(Connection {
            stream,
            sent: 0,
            received: 0,
            since: Instant::now(),
        });
    }
    let mut client = Client {
        run: run.clone(),
        message: vec![b'x'; run.size],
        buffer: vec![0; run.size],
        measuring: false,
        ops: 0,
        waits: Vec::with_capacity(KEPT),
    };
    let began = Instant::now();
    for connection in &mut connections {
        client.drive(connection)?;
    }
    let mut start: Option<Mark> = None;
    let end = loop {
        let mut outcome = Ok(());
        poller.wait(|token| {
            if outcome.is_ok() {
                outcome = client.drive(&mut connections[token]);
            }
        })?;
        outcome?;
        match &start {
            None => {
                let warm = match run.ops {
                    Some(_) => client.ops >= run.concurrency as u64,
                    None => began.elapsed() >= run.warm_up,
                };
                if warm {
                    start = Some(Mark::take(run));
                    client.measuring = true;
                    client.ops = 0;
                }
            }
            Some(mark) if client.enough(mark) => break Mark::take(run),
            Some(_) => {}
        }
    };
    let start = start.ok_or("the measurement has no beginning")?;
    println!("{}", client.line(&start, &end));
    Ok(())
}

impl Client {
    fn enough(&self, start: &Mark) -> bool {
        match self.run.ops {
            Some(ops) => self.ops >= ops,
            None => start.at.elapsed() >= self.run.time,
        }
    }

    /// Sends and receives on a connection until its server has to do something.
    fn drive(&mut self, connection: &mut Connection) -> Result {
        loop {
            self.send(connection)?;
            if !self.receive(connection)? {
                return Ok(());
            }
            self.note(connection);
            (connection.sent, connection.received) = (0, 0);
            // The answer to a short message is another event: asking for it now would be a call
            // for nothing.
            if self.message.len() <= SHORT {
                self.think();
                return self.send(connection);
            }
        }
    }

    /// Lets the server go to sleep where it is counted what it does: a server that is traced is
    /// slow, and would find the next message without having waited for it.
    fn think(&self) {
        if self.run.ops.is_some() && self.run.concurrency == 1 {
            thread::sleep(THOUGHT);
        }
    }

    fn send(&mut self, connection: &mut Connection) -> Result {
        while connection.sent < self.message.len() {
            match connection.stream.write(&self.message[connection.sent..]) {
                Ok(n) => connection.sent += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }

    /// Returns whether the whole answer is here.
    fn receive(&mut self, connection: &mut Connection) -> Result<bool> {
        while connection.received < self.message.len() {
            match connection.stream.read(&mut self.buffer) {
                Ok(0) => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
                Ok(n) => connection.received += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(e) => return Err(e.into()),
            }
        }
        Ok(true)
    }

    fn note(&mut self, connection: &mut Connection) {
        self.ops += 1;
        let now = Instant::now();
        if self.measuring && self.waits.len() < KEPT {
            let waited = (now - connection.since).as_nanos();
            self.waits.push(waited.min(u32::MAX.into()) as u32);
        }
        connection.since = now;
    }

    fn line(&mut self, start: &Mark, end: &Mark) -> String {
        self.waits.sort_unstable();
        let quantile = |q: f64| {
            let at = (self.waits.len() as f64 * q) as usize;
            self.waits.get(at).map_or(f64::NAN, |n| f64::from(*n))
        };
        let nanoseconds = |d: Duration| d.as_nanos() as f64;
        let server_cpu = end.server_cpu.saturating_sub(start.server_cpu);
        let client_cpu = end.client_cpu.saturating_sub(start.client_cpu);
        let switches = end.switches.saturating_sub(start.switches);
        Object::new()
            .number("ops", self.ops as f64)
            .number("wall_ns", nanoseconds(end.at - start.at))
            .number("server_cpu_ns", nanoseconds(server_cpu))
            .number("client_cpu_ns", nanoseconds(client_cpu))
            .number("server_switches", switches as f64)
            .number("p50_ns", quantile(0.5))
            .number("p99_ns", quantile(0.99))
            .end()
    }
}

impl Mark {
    fn take(run: &Run) -> Mark {
        let server = run.watch.unwrap_or(0);
        Mark {
            switches: os::switches(server),
            server_cpu: os::cpu_time_of(server).unwrap_or_default(),
            client_cpu: os::cpu_time(),
            at: Instant::now(),
        }
    }
}
