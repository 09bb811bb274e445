//! The other ends of sockets: a client and a server, each in a process of its own.

mod echo_client;
mod frames;
mod http_server;
mod tls;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::json::number_in;
use crate::{Outcome, Result, Run, alloc};

pub use tls::CERTIFICATE;

/// A message up to this size fits into the buffers of a socket, whatever they are.
pub const SHORT: usize = 4096;

/// A client that is about to ask an echo server of this process.
#[derive(Debug)]
pub struct EchoClient(Helper);

/// What a server speaks, and whether it is asked or sent to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Protocol {
    /// HTTP/1.1, and requests have no body.
    Http1,
    /// HTTP/1.1, and each request has a body.
    Upload,
    /// HTTP/1.1 over TLS, by [`CERTIFICATE`].
    Tls,
    /// HTTP/2 without TLS, which a client has to know beforehand.
    Http2,
}

/// A server that gives one answer to whoever asks.
#[derive(Debug)]
pub struct HttpServer {
    helper: Helper,
    protocol: Protocol,
    port: u16,
}

impl EchoClient {
    /// Starts it: it makes [`Run::concurrency`] connections to `port` of this machine, and closes
    /// them when it has measured.
    ///
    /// # Errors
    ///
    /// The process does not start.
    pub fn start(run: &Run, port: u16) -> Result<EchoClient> {
        let address = format!("127.0.0.1:{port}");
        Ok(EchoClient(Helper::start(run, "echo-client", &address)?))
    }

    /// Waits until it has ended and returns what it saw: the time is the time of this process.
    ///
    /// # Errors
    ///
    /// It has failed.
    pub fn finish(mut self) -> Result<Outcome> {
        let line = self.0.line()?;
        let number = |key: &str| {
            let missing = || format!("no `{key}` in what the client said: {line}");
            number_in(&line, key).ok_or_else(missing)
        };
        let nanoseconds = |key: &str| number(key).map(|n| Duration::from_nanos(n as u64));
        let (allocations, allocated_bytes) = alloc::counted();
        let outcome = Outcome {
            ops: number("ops")? as u64,
            wall: nanoseconds("wall_ns")?,
            cpu: nanoseconds("server_cpu_ns")?,
            switches: number("server_switches")? as u64,
            allocations,
            allocated_bytes,
            figures: Vec::new(),
        };
        let outcome = outcome.figure("client_cpu_ns", number("client_cpu_ns")?);
        let outcome = outcome.figure("p50_ns", number("p50_ns")?);
        Ok(outcome.figure("p99_ns", number("p99_ns")?))
    }
}

impl HttpServer {
    /// Starts it, to speak what the name of the workload begins with: its answers have
    /// [`Run::size`] bytes, or else the requests have if it is an upload.
    ///
    /// # Errors
    ///
    /// The process does not start.
    pub fn start(run: &Run) -> Result<HttpServer> {
        let protocol = Protocol::of(&run.workload);
        let mut helper = Helper::start(run, protocol.role(), "127.0.0.1:0")?;
        let line = helper.line()?;
        let port = line.trim().parse();
        let port = port.map_err(|_| format!("the server said {line:?} and not its port"))?;
        Ok(HttpServer {
            helper,
            protocol,
            port,
        })
    }

    /// Returns the port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the address of its one page.
    pub fn url(&self) -> String {
        let scheme = match self.protocol {
            Protocol::Tls => "https",
            _ => "http",
        };
        format!("{scheme}://127.0.0.1:{}/", self.port)
    }

    /// Returns what it speaks.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Returns how many bytes an answer of [`Protocol::Upload`] has.
    pub fn uploaded(&self) -> usize {
        http_server::UPLOADED
    }

    /// Returns the process it runs in.
    pub fn id(&self) -> u32 {
        self.helper.child.id()
    }
}

impl Protocol {
    const ALL: [Protocol; 4] = [
        Protocol::Http1,
        Protocol::Upload,
        Protocol::Tls,
        Protocol::Http2,
    ];

    fn of(workload: &str) -> Protocol {
        match workload.split_once("_") {
            Some(("https", _)) => Protocol::Tls,
            Some(("h2", _)) => Protocol::Http2,
            Some((_, what)) if what.starts_with("put_") => Protocol::Upload,
            _ => Protocol::Http1,
        }
    }

    fn role(self) -> &'static str {
        match self {
            Protocol::Http1 => "http-server",
            Protocol::Upload => "upload-server",
            Protocol::Tls => "https-server",
            Protocol::Http2 => "http2-server",
        }
    }
}

/// A second process of this harness; it ends with this one.
#[derive(Debug)]
struct Helper {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Helper {
    fn start(run: &Run, role: &str, address: &str) -> Result<Helper> {
        let seconds = |d: Duration| d.as_secs_f64().to_string();
        let cpus: Vec<_> = run.helper_pin.iter().map(usize::to_string).collect();
        let mut command = Command::new(run.helper()?);
        command.args(["--role", role, "--address", address]);
        command.args(["--seconds", &seconds(run.time)]);
        command.args(["--warm-up", &seconds(run.warm_up)]);
        command.args(["--size", &run.size.to_string()]);
        command.args(["--concurrency", &run.concurrency.to_string()]);
        command.args(["--watch", &std::process::id().to_string()]);
        command.args(["--pin", &cpus.join(",")]);
        if let Some(ops) = run.ops {
            command.args(["--ops", &ops.to_string()]);
        }
        // Its input is never written: that it ends tells the helper that this process has.
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|e| format!("the helper does not start: {e}"))?;
        let output = child.stdout.take().ok_or("the helper has no output")?;
        Ok(Helper {
            child,
            output: BufReader::new(output),
        })
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        match self.output.read_line(&mut line)? {
            0 => Err("the helper has ended before it said anything".into()),
            _ => Ok(line),
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is the other end.
pub(crate) fn help(role: &str, run: &Run) -> Result {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(3);
    });
    match role {
        "echo-client" => echo_client::run(run),
        _ => match Protocol::ALL.into_iter().find(|p| p.role() == role) {
            Some(protocol) => http_server::run(protocol, run),
            None => Err(format!("there is no role `{role}`").into()),
        },
    }
}
