//! Each input is parsed whole, byte by byte and split at each position, with one result.

use proptest::prelude::*;
use proptest::test_runner::contextualize_config;

use super::*;
use crate::fuzz::{receive, response_head};

const LIMITS: HeadLimits = HeadLimits {
    bytes: 64 * 1024,
    headers: 128,
    informational: 32,
    reason: 256,
};

/// What came of an input: the final head and what is left of the input.
type Outcome = Result<Option<(u16, Lines, Vec<u8>)>, Reject>;

type Lines = Vec<(String, Vec<u8>)>;

/// Feeds `pieces` as a connection would.
fn feed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut parser = HeadParser::new(LIMITS);
    let mut buffer = ReadBuffer::new();
    let mut pieces = pieces.into_iter();
    let mut done: Option<(u16, Lines)> = None;
    loop {
        let Some(piece) = pieces.next() else {
            return Ok(done.map(|(status, headers)| (status, headers, buffer.filled().to_vec())));
        };
        receive(&mut buffer, piece);
        while done.is_none() {
            match parser.parse(&mut buffer)? {
                Progress::Partial => break,
                Progress::Informational(_) => {}
                Progress::Final(head) => {
                    fuzz::check(&head);
                    let headers = head
                        .headers
                        .iter()
                        .map(|(k, v)| (k.to_string(), v.as_bytes().to_vec()))
                        .collect();
                    done = Some((head.status.as_u16(), headers));
                }
            }
        }
    }
}

/// Runs `input` in every split, which must not matter; returns the one outcome.
#[track_caller]
fn every_way(input: &[u8]) -> Outcome {
    let whole = feed([input]);
    assert_eq!(
        feed(input.chunks(1)),
        whole,
        "byte by byte: {}",
        input.escape_ascii()
    );
    let step = 1 + input.len() / 500; // Every position, but for the very long ones.
    for at in (0..=input.len()).step_by(step) {
        let (a, b) = input.split_at(at);
        assert_eq!(
            feed([a, b]),
            whole,
            "split at {at}: {}",
            input.escape_ascii()
        );
    }
    whole
}

#[track_caller]
fn ok(input: &[u8], status: u16, headers: &[(&str, &str)]) {
    let (got, lines, rest) = every_way(input).unwrap().expect("complete");
    let lines: Vec<(&str, &str)> = lines
        .iter()
        .map(|(k, v)| (&k[..], std::str::from_utf8(v).unwrap()))
        .collect();
    assert_eq!((got, &lines[..], &rest[..]), (status, headers, &b""[..]));
}

#[track_caller]
fn protocol(input: impl AsRef<[u8]>, kind: ProtocolErrorKind) {
    let input = input.as_ref();
    let got = every_way(input);
    assert_eq!(got, Err(Reject::Protocol(kind)), "{}", input.escape_ascii());
}

#[track_caller]
fn limit(input: impl AsRef<[u8]>, kind: LimitKind) {
    over(every_way(input.as_ref()), kind);
}

#[track_caller]
fn over(outcome: Outcome, kind: LimitKind) {
    match outcome {
        Err(Reject::Limit(exceeded)) => {
            assert_eq!(exceeded.kind, kind);
            assert!(exceeded.seen > exceeded.limit, "{exceeded:?}");
        }
        other => panic!("{other:?}"),
    }
}

/// A head with the given lines after a good status line.
fn with(lines: impl AsRef<[u8]>) -> Vec<u8> {
    [b"HTTP/1.1 200 OK\r\n", lines.as_ref(), b"\r\n"].concat()
}

#[test]
fn good_heads() {
    ok(b"HTTP/1.1 200 OK\r\n\r\n", 200, &[]);
    ok(
        b"HTTP/1.0 404 Not Found\r\nA: b\r\n\r\n",
        404,
        &[("a", "b")],
    );
    ok(b"HTTP/1.1 200 \r\n\r\n", 200, &[]);
    ok(b"HTTP/1.1 200\r\n\r\n", 200, &[]);
    ok(
        &with("A:b\r\nA: \t c \t\r\nempty:\r\n"),
        200,
        &[("a", "b"), ("a", "c"), ("empty", "")],
    );
    ok(&with("x: \u{e9}\r\n"), 200, &[("x", "\u{e9}")]);
}

#[test]
fn the_rest_is_left_alone() {
    let (_, _, rest) = every_way(b"HTTP/1.1 200 OK\r\n\r\nbody\n\r")
        .unwrap()
        .unwrap();
    assert_eq!(rest, b"body\n\r");
}

#[test]
fn n001_a_partial_head_is_no_head() {
    assert_eq!(
        every_way(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"),
        Ok(None)
    );
}

#[test]
fn n005_to_n010_not_http_1() {
    protocol("HTP/1.1 200 OK\r\n\r\n", ProtocolErrorKind::Version);
    for version in [
        "01.1", "11.1", "1.01", "1.10", "5.6", "2.0", "1.2", "1.9", "0.9", "1,1", "+1.1",
    ] {
        let got = every_way(format!("HTTP/{version} 200 OK\r\n\r\n").as_bytes());
        assert_eq!(
            got,
            Err(Reject::Protocol(ProtocolErrorKind::Version)),
            "{version}"
        );
    }
    protocol("<html>hello</html>", ProtocolErrorKind::NotHttp);
    protocol("SSH-2.0-OpenSSH_9\r\n", ProtocolErrorKind::NotHttp);
    protocol(
        [0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46],
        ProtocolErrorKind::TlsOnPlainPort,
    );
    protocol(
        [0x16, 0x03, 0x03, 0x00, 0x7a],
        ProtocolErrorKind::TlsOnPlainPort,
    );
}

#[test]
fn n009_the_first_wrong_byte_is_enough() {
    assert_eq!(
        feed([&b"S"[..]]),
        Err(Reject::Protocol(ProtocolErrorKind::NotHttp))
    );
}

#[test]
fn n011_status_codes() {
    for bad in ["20", "2000", "2x0", "099", "000", "-20", "+20", "２００"] {
        let got = every_way(format!("HTTP/1.1 {bad} OK\r\n\r\n").as_bytes());
        assert!(
            matches!(
                got,
                Err(Reject::Protocol(
                    ProtocolErrorKind::Status | ProtocolErrorKind::StatusLine
                ))
            ),
            "{bad}: {got:?}"
        );
    }
    ok(b"HTTP/1.1 999 Odd\r\n\r\n", 999, &[]);
}

#[test]
fn n012_delimiters_of_the_status_line() {
    protocol("HTTP/1.1\t200 OK\r\n\r\n", ProtocolErrorKind::StatusLine);
    protocol("HTTP/1.1  200 OK\r\n\r\n", ProtocolErrorKind::Status);
}

#[test]
fn n013_n014_reason_phrases() {
    protocol("HTTP/1.1 200 O\rK\r\n\r\n", ProtocolErrorKind::LineEnd);
    for bad in [&b"\0"[..], b"\x7f", b"\x01"] {
        let input = [b"HTTP/1.1 200 O", bad, b"K\r\n\r\n"].concat();
        assert!(every_way(&input).is_err(), "{}", input.escape_ascii());
    }
    ok(b"HTTP/1.1 200 \xff\xfe\r\n\r\n", 200, &[]);
    let long = [b"HTTP/1.1 200 ", &[b'a'; 1 << 20][..]].concat();
    over(feed([&long[..]]), LimitKind::Reason);
}

#[test]
fn n015_n016_line_ends() {
    protocol("HTTP/1.1 200 OK\nA: b\n\n", ProtocolErrorKind::LineEnd);
    protocol("HTTP/1.1 200 OK\r\nA: b\n\r\n", ProtocolErrorKind::LineEnd);
    protocol("HTTP/1.1 200 OK\r\nA: b\r\n\n", ProtocolErrorKind::LineEnd);
    protocol("HTTP/1.1 200 OK\r\n\r\r\n", ProtocolErrorKind::LineEnd);
    protocol(
        "HTTP/1.1 200 OK\r\n\rFoo: x\r\n\r\n",
        ProtocolErrorKind::LineEnd,
    );
    protocol(
        "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
        ProtocolErrorKind::LineEnd,
    );
}

#[test]
fn n017_blank_lines_before_the_head() {
    ok(b"\r\nHTTP/1.1 200 OK\r\n\r\n", 200, &[]);
    limit("\r\n".repeat(1000), LimitKind::Head);
}

#[test]
fn n018_n019_leading_space_and_folding() {
    protocol(with(" A: b\r\n"), ProtocolErrorKind::Folded);
    protocol(with("\tA: b\r\n"), ProtocolErrorKind::Folded);
    protocol(with("A: b\r\n c\r\n"), ProtocolErrorKind::Folded);
    protocol(with("A: b\r\n\tc: d\r\n"), ProtocolErrorKind::Folded);
    protocol(" HTTP/1.1 200 OK\r\n\r\n", ProtocolErrorKind::NotHttp);
}

#[test]
fn n020_to_n024_header_lines() {
    for bad in [
        "Foo : bar",
        ": x",
        "a(b: c",
        "a\0b: c",
        "\u{80}: c",
        "no colon",
        "a b: c",
    ] {
        protocol(with(format!("{bad}\r\n")), ProtocolErrorKind::HeaderName);
    }
    for bad in ["a: b\0c", "a: \x01", "a: \x7f", "a: \x1b[31m"] {
        protocol(with(format!("{bad}\r\n")), ProtocolErrorKind::HeaderValue);
    }
}

#[test]
fn n025_to_n027_too_much_head() {
    ok_count(128);
    limit(with("a: b\r\n".repeat(129)), LimitKind::Headers);
    let long = with(format!("a: {}\r\n", "b".repeat(64 * 1024)));
    over(feed([&long[..]]), LimitKind::Head);
    over(feed(long.chunks(1)), LimitKind::Head);

    let exact = |n: usize| with(format!("a: {}\r\n", "b".repeat(n - 24)));
    assert_eq!(exact(64 * 1024).len(), 64 * 1024);
    assert!(matches!(feed([&exact(64 * 1024)[..]]), Ok(Some(_))));
    over(feed([&exact(64 * 1024 + 1)[..]]), LimitKind::Head);
}

#[track_caller]
fn ok_count(n: usize) {
    let (_, headers, _) = every_way(&with("a: b\r\n".repeat(n))).unwrap().unwrap();
    assert_eq!(headers.len(), n);
}

#[test]
fn n029_byte_by_byte_is_linear() {
    // 64 KiB in 65,536 calls: quadratic work would be two billion steps and minutes here.
    let head = with(format!("a: {}\r\n", "b".repeat(60 * 1024)));
    assert!(matches!(feed(head.chunks(1)), Ok(Some(_))));
}

#[test]
fn n030_n031_endless_informational_responses() {
    limit(
        "HTTP/1.1 100 Continue\r\n\r\n".repeat(33),
        LimitKind::Informational,
    );
    let hint = format!(
        "HTTP/1.1 103 Early Hints\r\nLink: {}\r\n\r\n",
        "a".repeat(4096)
    );
    over(feed([hint.repeat(32).as_bytes()]), LimitKind::Head);
    let many = "a: b\r\n".repeat(50);
    let hint = format!("HTTP/1.1 103 Early Hints\r\n{many}\r\n");
    over(feed([hint.repeat(3).as_bytes()]), LimitKind::Headers);
}

#[test]
fn n032_n033_informational_responses_are_skipped() {
    protocol(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        ProtocolErrorKind::Upgrade,
    );
    ok(
        b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\nTransfer-Encoding: gzip\r\n\r\n\
          HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\nB: c\r\n\r\n",
        204,
        &[("b", "c")],
    );
}

proptest! {
    #![proptest_config(contextualize_config(ProptestConfig::with_cases(256)))]

    /// Whatever arrives, in whatever pieces: no panic, and the pieces do not matter.
    #[test]
    fn splits_never_matter(
        mut input in proptest::collection::vec(any::<u8>(), 0..200),
        at in 0_usize..200,
        good_start in any::<bool>(),
    ) {
        if good_start {
            input.splice(0..0, *b"HTTP/1.1 200 OK\r\na: ");
            input.extend_from_slice(b"\r\n\r\n");
        }
        let whole = feed([&input[..]]);
        prop_assert_eq!(feed(input.chunks(1)), whole.clone());
        let (a, b) = input.split_at(at.min(input.len()));
        prop_assert_eq!(feed([a, b]), whole);
    }

    /// Heads that come whole and heads that come in pieces are judged alike, also where they are
    /// nearly right.
    #[test]
    fn one_pass_and_the_scan_agree(
        parts in proptest::collection::vec(
            proptest::sample::select(vec![
                "a", "b: c", ":", " ", "\t", "\r", "\n", "\r\n", "\r\n\r\n", "x:", ": ", "\0", "\u{7f}",
            ]),
            0..12,
        ),
        start in proptest::sample::select(vec![
            "HTTP/1.1 200 OK\r\n", "HTTP/1.0 404\r\n", "HTTP/1.1 200 OK\n", "HTTP/1.1 20\r\n",
            "HTTP/1.1  200 OK\r\n", "\r\nHTTP/1.1 200 \r\n", "HTTP/1.1 103 Early\r\n\r\n",
        ]),
    ) {
        let input = [start, &parts.concat(), "\r\n\r\n"].concat();
        prop_assert_eq!(feed([input.as_bytes()]), feed(input.as_bytes().chunks(1)));
    }

    /// The same of the fields that decide about framing, and of what they decide.
    #[test]
    fn one_pass_and_the_scan_frame_alike(
        lines in proptest::collection::vec(
            (
                proptest::sample::select(vec![
                    "Content-Length", "content-length", "Transfer-Encoding", "CONNECTION",
                    "Keep-Alive", "content-encoding", "Set-Cookie", "content_length", "x",
                ]),
                proptest::sample::select(vec![":", ": ", ":   "]),
                proptest::sample::select(vec![
                    "", "5", "05", "5, 5", "6", "+5", "chunked", "gzip, chunked", "close",
                    "Keep-Alive", "timeout=5", "timeout=0", "a b \u{fc}",
                ]),
                proptest::sample::select(vec!["\r\n", " \r\n"]),
            ),
            0..6,
        ),
        start in proptest::sample::select(vec![
            "HTTP/1.1 200 OK\r\n", "HTTP/1.0 200 \r\n", "HTTP/1.1 304 \u{fc}\r\n",
        ]),
        change in proptest::option::of((
            any::<proptest::sample::Index>(),
            proptest::sample::select(b"\r\n\t :5\0\x7f-".to_vec()),
        )),
    ) {
        let lines: String =
            lines.into_iter().map(|(name, colon, value, end)| [name, colon, value, end].concat()).collect();
        let mut input = [start, &lines, "\r\n"].concat().into_bytes();
        let length = input.len();
        input.extend_from_slice(b"5\r\nhello\r\n0\r\n\r\n");
        prop_assert_eq!(regular(&input).map(|found| found.end), Some(length));
        if let Some((at, byte)) = change {
            input[at.index(length)] = byte;
        }
        response_head(&input);
    }

    /// What a server may send comes out as it went in.
    #[test]
    fn good_headers_come_out(
        headers in proptest::collection::vec(("[a-z][a-z0-9-]{0,12}", "[!-~]([ -~]{0,20}[!-~])?"), 0..40),
    ) {
        let lines: String = headers.iter().map(|(k, v)| format!("{k}: {v}\r\n")).collect();
        let (_, mut got, _) = feed([&with(lines)[..]]).unwrap().unwrap();
        let mut want: Vec<_> =
            headers.into_iter().map(|(k, v)| (k, v.into_bytes())).collect();
        got.sort();
        want.sort();
        prop_assert_eq!(got, want);
    }
}

#[test]
fn a_known_name_is_known_in_any_case_and_no_other_is_taken_for_it() {
    let known = b"content-length";
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    for at in 0..known.len() {
        for byte in (0..=u8::MAX).filter(|byte| token(*byte)) {
            let mut name = *known;
            name[at] = byte;
            assert_eq!(is(&name, known), name.eq_ignore_ascii_case(known));
        }
    }
    assert!(!is(b"content-lengt", known) && !is(b"content-length-", known));
    let mut marks = Marks::default();
    let span = Span::new(3, 5);
    marks.note(b"Content-Length", || span);
    assert_eq!(marks.content_length, Seen::Once(span.unwrap()));
    marks.note(b"CONTENT-LENGTH", || span);
    assert_eq!(marks.content_length, Seen::Often);
}
