//! What holds whatever a peer says: one function for each parser, for any bytes at all.
//!
//! They are what `cargo fuzz` runs (in `fuzz/`, which has the seeds), and the crate's own tests run
//! them on the seeds and on thousands of mutations. Each one panics where a promise of its parser
//! does not hold: above all that the outcome does not depend on how the bytes were cut into reads.

mod fields;
mod files;

use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method, Version};
use url::Url;

use crate::cookies::{Cookie, CookieJar, SessionCookies};
use crate::h1::Reject;
use crate::h1::body::BodyDecoder;
use crate::h1::buffer::ReadBuffer;
use crate::h1::encode::BodyEncoder;
use crate::h1::framing::{Delimiter, Framing, framing};
use crate::h1::head::{self, Head, HeadParser, Progress};
use crate::limits::Limits;

/// What a cookie lives at most.
const LONGEST: Duration = Duration::from_secs(400 * 86_400);

/// How the bytes are cut, besides not at all.
pub(crate) const CUTS: [usize; 2] = [1, 7];

/// A response from its first byte on, up to the end of its body.
pub fn response_head(data: &[u8]) {
    for method in [Method::GET, Method::HEAD] {
        let whole = Response::read(&method, [data]);
        for cut in CUTS {
            let pieces = Response::read(&method, data.chunks(cut));
            assert_eq!(pieces, whole, "{method}, in pieces of {cut}");
        }
    }
}

/// The body of a response that is in chunks.
pub fn chunked_body(data: &[u8]) {
    let whole = Body::read(Delimiter::Chunked, [data]);
    for cut in CUTS {
        let pieces = Body::read(Delimiter::Chunked, data.chunks(cut));
        assert_eq!(pieces, whole, "in pieces of {cut}");
    }
    let Ok(Body { bytes, .. }) = whole else {
        return;
    };
    let mut sent = Vec::new();
    let mut encoder = BodyEncoder::Chunked;
    let after = encoder
        .frame(&bytes, &mut sent)
        .expect("chunks have no end");
    sent.extend_from_slice(&bytes);
    sent.extend_from_slice(after);
    sent.extend_from_slice(encoder.finish().expect("chunks are never too short"));
    let again = Body::read(Delimiter::Chunked, [&sent[..]]);
    let want = Body {
        bytes,
        done: true,
        ..Body::default()
    };
    assert_eq!(again, Ok(want), "what we send is what we read");
}

/// The same, handed out as it comes: checked all the same, and nothing is lost or added.
pub fn raw_body(data: &[u8]) {
    let raw = || BodyDecoder::raw(Delimiter::Chunked, Limits::default().h1_body());
    let whole = Body::decode(raw(), [data]);
    for cut in CUTS {
        let pieces = Body::decode(raw(), data.chunks(cut));
        assert_eq!(pieces, whole, "in pieces of {cut}");
    }
    let (whole, plain) = match (whole, Body::read(Delimiter::Chunked, [data])) {
        (Ok(whole), Ok(plain)) => (whole, plain),
        (whole, plain) => {
            assert_eq!(whole.map(|_| ()), plain.map(|_| ()), "one is refused");
            return;
        }
    };
    assert_eq!(whole.bytes, data[..data.len() - whole.rest]);
    assert_eq!((whole.done, whole.rest), (plain.done, plain.rest));
    assert_eq!(whole.trailers, plain.trailers);
    let later = Body::read(Delimiter::Chunked, [&whole.bytes[..]]);
    let later = later.expect("what was let through is well-formed");
    assert_eq!(
        (later.bytes, later.done, later.rest),
        (plain.bytes, plain.done, 0)
    );
}

/// Lines of `www-authenticate`, and the answers to them.
pub fn challenges(data: &[u8]) {
    crate::auth::digest::fuzz::challenges(data);
}

/// What a SOCKS proxy says.
pub fn socks_replies(data: &[u8]) {
    crate::proxy::socks::fuzz::replies(data);
}

/// The value of `retry-after`, `location` or `content-type`.
pub fn field_values(data: &[u8]) {
    fields::values(data);
}

/// A file of cookies.
pub fn cookie_file(data: &[u8]) {
    files::cookie_file(data);
}

/// A file `.netrc`.
pub fn netrc(data: &[u8]) {
    files::netrc(data);
}

/// A file of hosts that are asked by https only, or the field by which a host asks for that.
pub fn hsts(data: &[u8]) {
    files::hsts(data);
    fields::hsts(data);
}

/// `set-cookie` lines of one response, divided by line feeds.
pub fn set_cookie(data: &[u8]) {
    let url = |text| Url::parse(text).expect("a constant");
    let jar = CookieJar::new();
    let home = url("https://www.a.example/dir/page");
    for line in data.split(|byte| *byte == b'\n') {
        let before = jar.len();
        let set = jar.set(&home, line);
        assert!(jar.len() <= before + 1);
        assert!(
            set.is_ok() || jar.len() == before,
            "what is refused is not kept"
        );
    }
    let now = SystemTime::now();
    for cookie in jar.cookies() {
        let domain = cookie.domain();
        let own = domain == "www.a.example" || domain == "a.example" && !cookie.host_only();
        assert!(own, "{cookie:?}");
        assert!(cookie.name().len() + cookie.value_bytes().len() <= 3 * 4096);
        assert!(cookie.path().starts_with('/'), "{cookie:?}");
        assert!(cookie.expires().is_none_or(|end| end <= now + LONGEST));
    }
    for foreign in [
        "https://b.example/",
        "https://example/",
        "https://a.example.b/",
    ] {
        assert_eq!(jar.header(&url(foreign)), None, "{foreign}");
    }
    let plain = jar.matching(&url("http://www.a.example/dir/page"));
    assert!(plain.iter().all(|cookie| !cookie.secure()));
    let sent = jar.header(&home);
    assert_eq!(
        sent.is_some(),
        !jar.matching(&home).is_empty(),
        "all can be sent"
    );
    check_saved(&jar, now);
}

/// A jar comes back from its JSON as it went, but for what expires just now.
fn check_saved(jar: &CookieJar, now: SystemTime) {
    let lasting = |jar: &CookieJar| -> Vec<Cookie> {
        let lasts = |end: SystemTime| end > now + Duration::from_secs(60);
        let cookies = jar.cookies().into_iter();
        cookies
            .filter(|cookie| cookie.expires().is_none_or(lasts))
            .collect()
    };
    let json = jar.to_json(SessionCookies::Keep);
    let restored = CookieJar::from_json(&json).expect("what was saved can be read");
    assert_eq!(lasting(&restored), lasting(jar), "{json}");
}

/// A URL that a caller has from somebody else, up to the head of the request for it.
pub fn request_line(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        crate::send::fuzz::request_line(text);
    }
}

/// A line with a `content-encoding`, and behind it a body.
#[cfg(feature = "compression")]
pub fn content_codings(data: &[u8]) {
    crate::decode::fuzz::content_codings(data);
}

/// What was made of a response, as its caller would see it.
#[derive(Debug, Default, PartialEq)]
struct Response {
    /// Status, version and headers, and what these say of the body and the connection, once the
    /// head is there.
    head: Option<(u16, Version, HeaderMap, Framing)>,
    body: Body,
}

impl Response {
    fn read<'a>(
        method: &Method,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Response, Reject> {
        let limits = Limits::default();
        let mut parser = HeadParser::new(limits.h1_head());
        let mut input = ReadBuffer::new();
        let mut pieces = pieces.into_iter();
        let head = loop {
            match parser.parse(&mut input)? {
                Progress::Final(head) => break head,
                Progress::Informational(head) => check_head(&head, limits),
                Progress::Partial => match pieces.next() {
                    Some(piece) => receive(&mut input, piece),
                    None => return Ok(Response::default()),
                },
            }
        };
        check_head(&head, limits);
        let Head {
            status,
            version,
            headers,
            marks,
            ..
        } = head;
        let framing = framing(method, version, status, &headers, marks)?;
        check_framing(&framing, method, &headers);
        let mut left = vec![input.filled()];
        for piece in pieces {
            left.push(piece);
        }
        Ok(Response {
            body: Body::read(framing.delimiter, left)?,
            head: Some((
                status.as_u16(),
                version,
                HeaderMap::clone(&headers),
                framing,
            )),
        })
    }
}

fn check_head(head: &Head, limits: Limits) {
    let limits = limits.h1_head();
    head::fuzz::check(head);
    assert!(head.size <= limits.bytes && head.headers.len() <= limits.headers);
    for (name, value) in head.headers.iter() {
        assert!(!name.as_str().is_empty());
        let breaks = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0);
        assert!(!value.as_bytes().iter().any(breaks), "{name}: {value:?}");
    }
}

fn check_framing(framing: &Framing, method: &Method, headers: &HeaderMap) {
    let delimiter = framing.delimiter;
    assert!(!framing.reusable || delimiter != Delimiter::Eof);
    assert!(*method != Method::HEAD || delimiter == Delimiter::None);
    let both = headers.contains_key("content-length") && headers.contains_key("transfer-encoding");
    // Who says both may be understood in two ways.
    assert!(!both || delimiter == Delimiter::None || !framing.reusable);
}

/// What was made of a body.
#[derive(Debug, Default, PartialEq)]
struct Body {
    bytes: Vec<u8>,
    done: bool,
    /// Bytes of the input after its end.
    rest: usize,
    trailers: HeaderMap,
}

impl Body {
    fn read<'a>(
        delimiter: Delimiter,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Body, Reject> {
        let decoder = BodyDecoder::new(delimiter, Limits::default().h1_body());
        Body::decode(decoder, pieces)
    }

    fn decode<'a>(
        mut decoder: BodyDecoder,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Body, Reject> {
        let mut body = Body::default();
        for mut input in pieces {
            loop {
                let piece = decoder.decode(input)?;
                let end = piece.skip + piece.data;
                body.bytes.extend_from_slice(&input[piece.skip..end]);
                input = &input[end..];
                if piece.data == 0 {
                    break;
                }
            }
            assert!(input.is_empty() || decoder.is_done(), "all is looked at");
            body.rest += input.len();
        }
        body.done = decoder.is_done();
        if body.done {
            body.trailers = decoder
                .take_trailers()
                .map_or_else(HeaderMap::new, |fields| *fields);
        }
        Ok(body)
    }
}

/// Puts bytes where a connection would.
pub(crate) fn receive(buffer: &mut ReadBuffer, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let spare = buffer.spare();
        let n = spare.len().min(bytes.len());
        spare[..n].copy_from_slice(&bytes[..n]);
        buffer.fill(n);
        bytes = &bytes[n..];
    }
}

#[cfg(test)]
mod tests;
