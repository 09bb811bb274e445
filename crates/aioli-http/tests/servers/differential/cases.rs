//! Responses of all shapes, most of them good, and some with bytes changed.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

/// The next response.
pub(super) fn response(runner: &mut TestRunner) -> Vec<u8> {
    let tree = strategy().new_tree(runner).unwrap();
    tree.current()
}

fn strategy() -> impl Strategy<Value = Vec<u8>> {
    (good(), prop::collection::vec(change(), 0..3)).prop_map(|(mut bytes, changes)| {
        for change in changes {
            change.apply(&mut bytes);
        }
        bytes
    })
}

/// A response that is well-formed, or contradicts itself in its headers only.
fn good() -> impl Strategy<Value = Vec<u8>> {
    (status_line(), headers(), framing()).prop_map(|(line, headers, (framing, body))| {
        let mut bytes = format!("{line}\r\n").into_bytes();
        for header in headers.iter().chain(&framing) {
            bytes.extend(header.bytes());
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"\r\n");
        bytes.extend(body);
        bytes
    })
}

fn status_line() -> impl Strategy<Value = String> {
    let usual = Just("HTTP/1.1 200 OK".to_owned());
    let others = select(vec![
        "HTTP/1.0 200 OK",
        "HTTP/1.1 200",
        "HTTP/1.1 200 ",
        "HTTP/1.1 404 Not Found",
        "HTTP/1.1 204 No Content",
        "HTTP/1.1 304 Not Modified",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK",
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 201 Created",
        "HTTP/1.1 999 Odd",
        "HTTP/1.1 099 Low",
        "HTTP/1.1 20 Short",
        "HTTP/2.0 200 OK",
        "\r\nHTTP/1.1 200 OK",
    ]);
    prop_oneof![3 => usual, 2 => others.prop_map(str::to_owned)]
}

fn headers() -> impl Strategy<Value = Vec<String>> {
    let header = select(vec![
        "X-A: b",
        "x-a: c",
        "X-Empty:",
        "X-Spaces: \t padded \t ",
        "X-Obs: caf\u{e9}",
        "Connection: keep-alive",
        "Connection: close",
        "Set-Cookie: a=b; path=/",
        "X-Colon: a: b",
        "X-Long: 0123456789012345678901234567890123456789",
        "Date: Sun, 06 Nov 1994 08:49:37 GMT",
    ]);
    prop::collection::vec(header.prop_map(str::to_owned), 0..5)
}

/// Framing headers and a body that fits them, more or less.
fn framing() -> impl Strategy<Value = (Vec<String>, Vec<u8>)> {
    prop_oneof![
        4 => length(),
        4 => chunked(),
        1 => body().prop_map(|body| (Vec::new(), body)),
        2 => contradiction(),
    ]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let text = select(vec![
        &b""[..],
        b"hello",
        b"0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"5\r\nhello\r\n0\r\n\r\n",
        b"\r\n\r\n",
        b"\x00\xff",
    ]);
    text.prop_map(<[u8]>::to_vec)
}

fn length() -> impl Strategy<Value = (Vec<String>, Vec<u8>)> {
    body().prop_map(|body| (vec![format!("Content-Length: {}", body.len())], body))
}

fn chunked() -> impl Strategy<Value = (Vec<String>, Vec<u8>)> {
    let extension = select(vec!["", "", "", ";a", ";a=b", "; a=\"b c\"", " ", "\t;x"]);
    let size = select(vec!["{}", "0{}", "00{}"]);
    let trailer = select(vec!["", "", "X-T: u\r\n", "Content-Length: 3\r\n"]);
    let chunks = prop::collection::vec((body(), extension, size), 0..4);
    (chunks, trailer).prop_map(|(chunks, trailer)| {
        let mut bytes = Vec::new();
        for (data, extension, size) in chunks {
            if data.is_empty() {
                continue;
            }
            let size = size.replace("{}", &format!("{:X}", data.len()));
            bytes.extend(format!("{size}{extension}\r\n").bytes());
            bytes.extend(data);
            bytes.extend(b"\r\n");
        }
        bytes.extend(format!("0\r\n{trailer}\r\n").bytes());
        (vec!["Transfer-Encoding: chunked".to_owned()], bytes)
    })
}

/// Framing that says two things at once, or something odd.
fn contradiction() -> impl Strategy<Value = (Vec<String>, Vec<u8>)> {
    let headers = select(vec![
        vec!["Content-Length: 5", "Content-Length: 5"],
        vec!["Content-Length: 5", "Content-Length: 6"],
        vec!["Content-Length: 5, 5"],
        vec!["Content-Length: +5"],
        vec!["Content-Length: 05"],
        vec!["Content-Length: 5 5"],
        vec!["Content-Length:"],
        vec!["Content-Length: 5", "Transfer-Encoding: chunked"],
        vec!["Transfer-Encoding: chunked", "Content-Length: 3"],
        vec!["Transfer-Encoding: chunked, chunked"],
        vec!["Transfer-Encoding: gzip, chunked"],
        vec!["Transfer-Encoding: chunked, identity"],
        vec!["Transfer-Encoding: Chunked"],
        vec!["Transfer-Encoding: xchunked"],
        vec!["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
    ]);
    (headers, body()).prop_map(|(headers, body)| {
        let headers = headers.into_iter().map(str::to_owned).collect();
        (headers, body)
    })
}

/// A change of one place.
#[derive(Debug, Clone)]
enum Change {
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Cut(prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    let byte = || select(b"\r\n \t:;,+-0159afF\x00\x7f\xffHx".to_vec());
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), byte()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), byte()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        at().prop_map(Change::Remove),
        at().prop_map(Change::Cut),
    ]
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match self {
            Change::Set(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Change::Insert(at, byte) => bytes.insert(at.index(bytes.len()), *byte),
            Change::Remove(at) => drop(bytes.remove(at.index(bytes.len()))),
            Change::Cut(at) => bytes.truncate(at.index(bytes.len())),
        }
    }
}
