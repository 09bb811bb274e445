//! Tables of heads and what they decide.

use http::{HeaderMap, HeaderName};

use super::*;

/// Parses `name: value` lines.
fn headers(lines: &[&str]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        map.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            value.trim_matches(' ').parse().unwrap(),
        );
    }
    map
}

fn decide(
    method: &Method,
    version: Version,
    status: u16,
    lines: &[&str],
) -> Result<Framing, ProtocolErrorKind> {
    let headers = Fields::from(headers(lines));
    let status = StatusCode::from_u16(status).unwrap();
    framing(method, version, status, &headers, Marks::of(&headers))
}

#[track_caller]
fn ok(lines: &[&str], delimiter: Delimiter, reusable: bool) {
    let framing = decide(&Method::GET, Version::HTTP_11, 200, lines).unwrap();
    assert_eq!(
        (framing.delimiter, framing.reusable),
        (delimiter, reusable),
        "{lines:?}"
    );
}

#[track_caller]
fn refused(lines: &[&str], kind: ProtocolErrorKind) {
    assert_eq!(
        decide(&Method::GET, Version::HTTP_11, 200, lines),
        Err(kind),
        "{lines:?}"
    );
}

use Delimiter::{Chunked, Eof, Length};

#[test]
fn n036_to_n041_content_length() {
    refused(
        &["content-length: 5", "content-length: 6"],
        ProtocolErrorKind::ContentLength,
    );
    ok(&["content-length: 5, 5"], Length(5), true);
    ok(&["content-length: 5", "content-length: 5"], Length(5), true);
    for bad in [
        "5, 6", "+5", "-5", "0x5", "5 5", "", "５", "5;", "5,", ",5", "5.0", "1e3",
    ] {
        refused(
            &[&format!("content-length: {bad}")],
            ProtocolErrorKind::ContentLength,
        );
    }
    for bad in [
        "18446744073709551616",
        "18446744073709551621",
        "999999999999999999999999999999",
    ] {
        refused(
            &[&format!("content-length: {bad}")],
            ProtocolErrorKind::ContentLength,
        );
    }
    ok(
        &["content-length: 18446744073709551615"],
        Length(u64::MAX),
        true,
    );
    ok(
        &["content-length: 0000000000000000000000005"],
        Length(5),
        true,
    );
}

#[test]
fn n046_chunked_beats_length_and_is_never_reused() {
    let lines = ["transfer-encoding: chunked", "content-length: 5"];
    ok(&lines, Chunked, false);
    assert!(
        decide(&Method::GET, Version::HTTP_11, 200, &lines)
            .unwrap()
            .drop_content_length
    );
}

#[test]
fn n047_to_n051_transfer_encoding_is_exactly_chunked() {
    ok(&["transfer-encoding: chunked"], Chunked, true);
    ok(&["transfer-encoding: Chunked"], Chunked, true);
    for bad in [
        "chunked, chunked",
        "chunked, gzip",
        "gzip",
        "gzip, chunked",
        "xchunked",
        "chunkedchunked",
        "\"chunked\"",
        "identity",
        "",
        "chunked,",
        "chunked;q=1",
    ] {
        refused(
            &[&format!("transfer-encoding: {bad}")],
            ProtocolErrorKind::TransferEncoding,
        );
    }
    refused(
        &["transfer-encoding: chunked", "transfer-encoding: identity"],
        ProtocolErrorKind::TransferEncoding,
    );
    refused(
        &["transfer-encoding: chunked", "transfer-encoding: chunked"],
        ProtocolErrorKind::TransferEncoding,
    );
}

#[test]
fn n052_transfer_encoding_with_http_1_0() {
    let got = decide(
        &Method::GET,
        Version::HTTP_10,
        200,
        &["transfer-encoding: chunked"],
    );
    assert_eq!(got, Err(ProtocolErrorKind::TransferEncoding));
}

#[test]
fn n053_to_n056_responses_without_a_body() {
    for (method, status, lines, reusable) in [
        (Method::HEAD, 200, &["content-length: 1073741824"][..], true),
        (Method::HEAD, 200, &["transfer-encoding: chunked"], true),
        (Method::HEAD, 200, &[], true),
        (Method::GET, 304, &["content-length: 10"], true),
        (Method::GET, 304, &["transfer-encoding: gzip"], true),
        (Method::GET, 204, &[], true),
        (Method::GET, 204, &["content-length: 0"], true),
        (Method::GET, 204, &["content-length: 5"], false),
        (Method::GET, 204, &["transfer-encoding: chunked"], false),
    ] {
        let framing = decide(&method, Version::HTTP_11, status, lines).unwrap();
        assert_eq!(
            framing.delimiter,
            Delimiter::None,
            "{method} {status} {lines:?}"
        );
        assert_eq!(framing.reusable, reusable, "{method} {status} {lines:?}");
    }
}

#[test]
fn n058_without_length_the_body_ends_with_the_connection() {
    ok(&[], Eof, false);
    ok(&["connection: keep-alive"], Eof, false);
}

#[test]
fn n060_n061_connection_options() {
    let cases: [(&[&str], bool); 7] = [
        (&["connection: close", "connection: keep-alive"], false),
        (&["connection: keep-alive, Close"], false),
        (&["connection: keep-alive , CLOSE\t"], false),
        (&["connection: closed"], true),
        (&["connection: x-close"], true),
        (&["connection: cloé"], true),
        (&["connection: ,,"], true),
    ];
    for (lines, reusable) in cases {
        ok(
            &[lines, &["content-length: 0"]].concat(),
            Length(0),
            reusable,
        );
    }
    for (lines, reusable) in [
        (&["content-length: 0"][..], false),
        (&["content-length: 0", "connection: Keep-Alive"], true),
        (
            &["content-length: 0", "connection: Keep-Alive, close"],
            false,
        ),
    ] {
        let framing = decide(&Method::GET, Version::HTTP_10, 200, lines).unwrap();
        assert_eq!(framing.reusable, reusable, "{lines:?}");
    }
}

#[test]
fn n062_keep_alive_timeout() {
    let cases = [
        ("timeout=5", Some(5)),
        ("timeout=5, max=100", Some(5)),
        ("max=100, Timeout=7", Some(7)),
        ("timeout=-1", None),
        ("timeout=99999999999999", None),
        ("timeout=", None),
        ("timeout", None),
        ("timeout=0", Some(0)),
    ];
    for (value, seconds) in cases {
        let line = format!("keep-alive: {value}");
        let framing = decide(
            &Method::GET,
            Version::HTTP_11,
            200,
            &["content-length: 0", &line],
        )
        .unwrap();
        assert_eq!(
            framing.keep_alive,
            seconds.map(Duration::from_secs),
            "{value}"
        );
        assert_eq!(framing.reusable, seconds != Some(0), "{value}");
    }
}
