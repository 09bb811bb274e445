//! A server for the examples of this documentation; no part of the crate's interface.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Answers every request with `body`, until the process ends; returns the URL.
#[must_use]
pub fn serve(body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let address = listener.local_addr().expect("it was bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream, body));
        }
    });
    format!("http://{address}/")
}

fn answer(mut stream: TcpStream, body: &str) -> io::Result<()> {
    let response = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            read(&mut stream, &mut head, 1)?;
        }
        let head = String::from_utf8_lossy(&head);
        if let Some((_, rest)) = head.split_once("content-length: ") {
            let length = rest.lines().next().and_then(|n| n.parse().ok());
            read(&mut stream, &mut Vec::new(), length.unwrap_or(0))?;
        } else if head.contains("transfer-encoding: chunked") {
            let mut chunks = Vec::new();
            while !chunks.ends_with(b"\r\n\r\n") {
                read(&mut stream, &mut chunks, 1)?;
            }
        }
        stream.write_all(response.as_bytes())?;
    }
}

fn read(stream: &mut TcpStream, into: &mut Vec<u8>, n: usize) -> io::Result<()> {
    let before = into.len();
    into.resize(before + n, 0);
    stream.read_exact(&mut into[before..])
}
