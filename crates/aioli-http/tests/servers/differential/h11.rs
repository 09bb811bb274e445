//! h11, a sans-IO implementation of HTTP/1.1 in Python, as a process that is asked.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use super::Read;
use crate::part::program;

/// Reads hexadecimal lines, and answers each with what h11 makes of the bytes.
const SCRIPT: &str = r#"
import json, sys
import h11

def read(data):
    connection = h11.Connection(h11.CLIENT)
    request = h11.Request(method="GET", target="/", headers=[("host", "a")])
    connection.send(request)
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    connection.receive_data(b"")
    head, body = None, b""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            headers = [[name.decode("ascii"), value.hex()] for name, value in head.headers]
            return {"status": head.status_code, "headers": headers, "body": body.hex()}
        elif not isinstance(event, h11.InformationalResponse):
            return {"error": repr(event)}

for line in sys.stdin:
    try:
        answer = read(bytes.fromhex(line))
    except h11.ProtocolError as error:
        answer = {"error": repr(error)}
    print(json.dumps(answer), flush=True)
"#;

pub(super) struct H11 {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Starts it; the variable names a Python that has h11.
pub(super) fn start() -> Option<H11> {
    let mut command = Command::new(program("H11")?);
    command.args(["-c", SCRIPT]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    Some(H11 {
        ask: child.stdin.take().unwrap(),
        answers: BufReader::new(child.stdout.take().unwrap()),
        child,
    })
}

impl H11 {
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<Read, String> {
        let line = bytes.iter().fold(String::new(), |mut line, byte| {
            let _ = write!(line, "{byte:02x}");
            line
        });
        writeln!(self.ask, "{line}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        if let Some(error) = answer["error"].as_str() {
            return Err(error.to_owned());
        }
        let headers = answer["headers"].as_array().unwrap().iter();
        let headers = headers.map(|pair| (text(&pair[0]), unhex(&pair[1])));
        let status = answer["status"].as_u64().unwrap();
        Ok(Read::new(
            status.try_into().unwrap(),
            headers.collect(),
            unhex(&answer["body"]),
        ))
    }
}

impl Drop for H11 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn unhex(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap().as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}
