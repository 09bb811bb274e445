//! HTTP/2 servers that break the rules, frame by frame: inputs 142 to 155.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use aioli_http::{
    Error, ErrorKind, Http2, LimitKind, Limits, Phase, ProtocolErrorKind, Session, Timeout,
};

use crate::server::{Server, ok, run};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
/// `:status: 200` out of the static table.
pub(crate) const STATUS_200: u8 = 0x88;
/// `:status: 100` as a literal that is not indexed.
const STATUS_100: &[u8] = &[0x08, 3, b'1', b'0', b'0'];

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A header that is not indexed.
fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0, u8::try_from(name.len()).unwrap()];
    bytes.extend(name.bytes());
    bytes.push(u8::try_from(value.len()).unwrap());
    bytes.extend(value.bytes());
    bytes
}

/// Sends `settings` at once, and `bytes` after the head of the first request, again and again if
/// that is asked for; then waits for the client to leave. Every connection has the same.
fn server(settings: &[u8], bytes: Vec<u8>, times: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let settings = frame(SETTINGS, 0, 0, settings);
    thread::spawn(move || {
        for stream in listener.incoming() {
            // Who has seen enough leaves before the end.
            let _ = talk(&mut stream.unwrap(), &settings, &bytes, times);
        }
    });
    address
}

fn talk(
    stream: &mut TcpStream,
    settings: &[u8],
    bytes: &[u8],
    times: usize,
) -> std::io::Result<()> {
    read_head(stream, settings)?;
    for _ in 0..times {
        stream.write_all(bytes)?;
    }
    while stream.read(&mut [0; 4096])? > 0 {}
    Ok(())
}

/// Sends `settings`, and reads as far as the end of the first request's head.
pub(crate) fn read_head(stream: &mut (impl Read + Write), settings: &[u8]) -> std::io::Result<()> {
    stream.read_exact(&mut [0; PREFACE.len()])?;
    stream.write_all(settings)?;
    read_frames(stream)
}

/// Reads as far as the end of the next request's head.
pub(crate) fn read_frames(stream: &mut impl Read) -> std::io::Result<()> {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; length as usize])?;
        if head[3] == HEADERS {
            return Ok(());
        }
    }
}

/// What becomes of a request and its body.
fn ask(address: SocketAddr) -> Result<Vec<u8>, Error> {
    let session = Session::builder()
        .http2(Http2::prior_knowledge())
        .timeout(Timeout::total(20))
        .limits(Limits::default().body(1 << 20));
    let session = session.build().unwrap();
    run(async {
        let response = session.get(format!("http://{address}/")).await?;
        Ok(response.bytes().await?.to_vec())
    })
}

#[track_caller]
fn is_violation(outcome: Result<Vec<u8>, Error>) {
    let error = outcome.unwrap_err();
    let kind = ProtocolErrorKind::Http2;
    assert!(
        matches!(error.kind(), ErrorKind::Protocol(found) if *found == kind),
        "{error:?}"
    );
}

#[track_caller]
fn is_error(outcome: Result<Vec<u8>, Error>) -> Error {
    let error = outcome.unwrap_err();
    assert!(!error.is_timeout(), "{error:?}");
    error
}

#[test]
fn a_good_one_is_understood() {
    let mut bytes = frame(HEADERS, END_HEADERS, 1, &[STATUS_200]);
    bytes.extend(frame(DATA, END_STREAM, 1, b"hello"));
    assert_eq!(ask(server(&[], bytes, 1)).unwrap(), b"hello");
}

#[test]
fn secrets_are_never_indexed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; PREFACE.len()]).unwrap();
        loop {
            let mut head = [0; 9];
            stream.read_exact(&mut head).unwrap();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            stream.read_exact(&mut payload).unwrap();
            if head[3] == HEADERS {
                return payload;
            }
        }
    });
    let session = Session::builder().http2(Http2::prior_knowledge());
    let session = session.build().unwrap();
    let request = session.get(url).bearer("secret").cookie("a", "secret");
    run(request.send()).unwrap_err();
    let payload = server.join().unwrap();
    // RFC 7541, 6.2.3: four bits 0001, and the names' places in the static table, 23 and 32.
    for name in [[0x1f, 23 - 15], [0x1f, 32 - 15]] {
        assert!(payload.windows(2).any(|pair| pair == name), "{payload:x?}");
    }
}

#[test]
fn input_142_an_endless_head() {
    let mut bytes = frame(HEADERS, 0, 1, &[STATUS_200]);
    for _ in 0..3000 {
        bytes.extend(frame(CONTINUATION, 0, 1, &literal("x-a", &"b".repeat(100))));
    }
    is_error(ask(server(&[], bytes, 1)));
}

#[test]
fn input_142_a_head_of_too_many_headers() {
    for (n, is_bad) in [(128, false), (129, true)] {
        let head = [&[STATUS_200][..], &literal("x-a", "b").repeat(n)].concat();
        let outcome = ask(server(
            &[],
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &head),
            1,
        ));
        assert_eq!(outcome.is_err(), is_bad, "{n}");
        if let Err(error) = outcome {
            let kind = LimitKind::Headers;
            assert!(
                matches!(error.kind(), ErrorKind::Limit { kind: found, .. } if *found == kind),
                "{error:?}"
            );
        }
    }
}

#[test]
fn input_143_empty_data_without_end() {
    let mut bytes = frame(HEADERS, END_HEADERS, 1, &[STATUS_200]);
    bytes.extend(frame(DATA, 0, 1, b"").repeat(100_000));
    is_error(ask(server(&[], bytes, 1)));
}

#[test]
fn input_144_pings_and_settings_without_end() {
    // Each asks for an answer; what cannot be sent must not pile up.
    let mut bytes = frame(PING, 0, 0, &[0; 8]);
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    let mut all = bytes.repeat(20_000);
    all.extend(frame(HEADERS, END_HEADERS | END_STREAM, 1, &[STATUS_200]));
    // Whether it bears with them or not, it ends.
    if let Err(error) = ask(server(&[], all, 1)) {
        assert!(!error.is_timeout(), "{error:?}");
    }
}

#[test]
fn input_146_a_connection_that_goes_away_with_the_request_unseen() {
    let mut payload = 0_u32.to_be_bytes().to_vec();
    payload.extend(0_u32.to_be_bytes());
    let error = is_error(ask(server(&[], frame(GOAWAY, 0, 0, &payload), 1)));
    assert!(!error.maybe_processed(), "{error:?}");
}

#[test]
fn input_147_settings_that_are_not_allowed() {
    // SETTINGS_MAX_FRAME_SIZE of 0, and SETTINGS_INITIAL_WINDOW_SIZE of 2^31.
    for settings in [[0, 5, 0, 0, 0, 0], [0, 4, 0x80, 0, 0, 0]] {
        is_violation(ask(server(&settings, Vec::new(), 1)));
    }
}

#[test]
fn input_149_heads_that_are_none() {
    let upper = [&[STATUS_200][..], &literal("X-Upper", "a")].concat();
    let connection = [&[STATUS_200][..], &literal("connection", "close")].concat();
    let twice = [STATUS_200, STATUS_200];
    let informational_end = frame(HEADERS, END_HEADERS | END_STREAM, 1, STATUS_100);
    for head in [&upper[..], &connection, &twice, &literal("x-a", "b")] {
        let mut bytes = frame(HEADERS, END_HEADERS, 1, head);
        bytes.extend(frame(DATA, END_STREAM, 1, b"x"));
        is_error(ask(server(&[], bytes, 1)));
    }
    is_error(ask(server(&[], informational_end, 1)));
}

#[test]
fn input_150_a_length_that_is_not_kept() {
    for length in ["4", "6"] {
        let head = [&[STATUS_200][..], &literal("content-length", length)].concat();
        let mut bytes = frame(HEADERS, END_HEADERS, 1, &head);
        bytes.extend(frame(DATA, END_STREAM, 1, b"hello"));
        is_violation(ask(server(&[], bytes, 1)));
    }
}

#[test]
fn input_151_a_push_although_there_is_none() {
    let mut payload = 2_u32.to_be_bytes().to_vec();
    payload.push(0x82);
    is_violation(ask(server(
        &[],
        frame(PUSH_PROMISE, END_HEADERS, 1, &payload),
        1,
    )));
}

#[test]
fn input_152_endless_informational_responses() {
    let bytes = frame(HEADERS, END_HEADERS, 1, STATUS_100);
    let error = is_error(ask(server(&[], bytes, 100_000)));
    assert!(
        matches!(
            error.kind(),
            ErrorKind::Limit { .. } | ErrorKind::Protocol(_)
        ),
        "{error:?}"
    );
}

#[test]
fn input_153_a_small_head_that_grows() {
    // A header of 4000 bytes goes into the table, and is then named by one byte each time.
    let mut head = vec![STATUS_200, 0x40, 1, b'a', 0x7f];
    // 4000 as an integer with a prefix of seven bits.
    head.extend([0xa1, 0x1e]);
    head.extend([b'x'; 4000]);
    let mut bytes = frame(HEADERS, 0, 1, &head);
    bytes.extend(frame(CONTINUATION, END_HEADERS, 1, &[0xbe; 16_000]));
    is_error(ask(server(&[], bytes, 1)));
}

#[test]
fn input_145_a_reset_at_once() {
    let bytes = frame(RST_STREAM, 0, 1, &2_u32.to_be_bytes());
    let error = is_error(ask(server(&[], bytes, 1)));
    assert!(error.maybe_processed());
}

#[test]
fn input_154_no_streams_any_more() {
    // The first request is served, and then there is room for none.
    let mut bytes = frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 0]);
    bytes.extend(frame(HEADERS, END_HEADERS | END_STREAM, 1, &[STATUS_200]));
    let address = server(&[], bytes, 1);
    let session = Session::builder()
        .http2(Http2::prior_knowledge().connections(1))
        .timeout(Timeout::total(20).pool(0.1));
    let session = session.build().unwrap();
    run(async {
        let url = format!("http://{address}/");
        assert_eq!(session.get(&url).await.unwrap().status(), 200);
        for _ in 0..2 {
            let error = session.get(&url).await.unwrap_err();
            assert_eq!(error.phase(), Some(Phase::Pool), "{error:?}");
            assert!(!error.maybe_processed());
        }
    });
}

#[test]
fn input_155_a_server_of_another_version() {
    let server = Server::start(|conn| {
        conn.wait_readable();
        conn.send(ok("one"));
    });
    is_violation(ask(server.addr));
}

/// A server that reads and never says a word, or answers without `SETTINGS`.
fn unsettled(bytes: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = talk(&mut stream.unwrap(), &[], &bytes, 1);
        }
    });
    address
}

#[test]
fn a_server_has_to_say_what_it_takes() {
    let head = frame(HEADERS, END_HEADERS, 1, STATUS_100);
    for bytes in [Vec::new(), head] {
        let address = unsettled(bytes);
        let http2 = Http2::prior_knowledge().settings_timeout(0.05);
        let session = Session::builder().http2(http2).build().unwrap();
        run(async {
            let error = session.get(format!("http://{address}/")).await.unwrap_err();
            let ErrorKind::Timeout { phase, after } = error.kind() else {
                panic!("{error:?}")
            };
            assert_eq!((*phase, after.as_millis()), (Phase::Settings, 50));
            assert!(error.maybe_processed());
        });
    }
}

#[test]
fn who_has_said_so_may_take_its_time() {
    let address = server(&[], frame(HEADERS, END_HEADERS, 1, STATUS_100), 1);
    // One that gets no turn for so long has not said so in time, and gets more of it.
    let mut limits = [0.2, 0.4, 0.8, 1.6, 3.2].into_iter();
    let phase = limits.find_map(|limit| {
        let http2 = Http2::prior_knowledge().settings_timeout(limit);
        let session = Session::builder().http2(http2);
        let session = session.timeout(Timeout::total(3.0 * limit));
        let session = session.build().unwrap();
        let error = run(async { session.get(format!("http://{address}/")).await }).unwrap_err();
        let ErrorKind::Timeout { phase, .. } = error.kind() else {
            panic!("{error:?}")
        };
        (*phase != Phase::Settings).then_some(*phase)
    });
    assert_eq!(phase, Some(Phase::Total));
}

/// Serves one request on each connection, and leaves at the head of the next one; then there are
/// no more connections. Returns how many heads it has read.
fn leaving(connections: usize) -> (SocketAddr, thread::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let mut heads = 0;
        for _ in 0..connections {
            let mut stream = listener.accept().unwrap().0;
            read_head(&mut stream, &frame(SETTINGS, 0, 0, &[])).unwrap();
            heads += 1;
            let answer = frame(HEADERS, END_HEADERS | END_STREAM, 1, &[STATUS_200]);
            stream.write_all(&answer).unwrap();
            heads += usize::from(read_frames(&mut stream).is_ok());
        }
        heads
    });
    (address, server)
}

#[test]
fn input_003_a_used_connection_that_ends_costs_one_more_try_if_it_does_no_harm() {
    let session = || {
        let session = Session::builder().http2(Http2::prior_knowledge());
        session.timeout(Timeout::total(20)).build().unwrap()
    };
    let (address, server) = leaving(2);
    let url = format!("http://{address}/");
    run(async {
        let session = session();
        for _ in 0..2 {
            assert_eq!(session.get(&url).await.unwrap().status(), 200);
        }
    });
    // The second one was asked twice.
    assert_eq!(server.join().unwrap(), 3);

    let (address, server) = leaving(1);
    let url = format!("http://{address}/");
    run(async {
        let session = session();
        session.get(&url).await.unwrap();
        let error = session.post(&url).await.unwrap_err();
        let kind = error.kind();
        assert!(
            matches!(kind, ErrorKind::Disconnected { reused: true, .. }),
            "{error:?}"
        );
        assert!(error.maybe_processed());
    });
    assert_eq!(server.join().unwrap(), 2);
}
