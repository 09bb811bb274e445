//! What goes out is read back by the decoder of responses.

use http::Version;
use http::header::HOST;
use proptest::prelude::*;

use super::*;
use crate::h1::body::BodyDecoder;
use crate::h1::framing::Delimiter;
use crate::limits::Limits;

#[test]
fn a_head() {
    let mut out = Vec::new();
    request_line(
        &mut out,
        &Method::POST,
        &["/a%20b", "?", "c=d"],
        Version::HTTP_11,
    );
    header(&mut out, &HOST, &HeaderValue::from_static("a.example"));
    assert_eq!(out, b"POST /a%20b?c=d HTTP/1.1\r\nhost: a.example\r\n");
}

#[test]
fn n119_targets_have_no_line_ends() {
    assert!(is_target("/a?b=%0d%0a"));
    for bad in ["/a b", "/a\r\nb", "/\u{e9}", "/\0", "/\t"] {
        assert!(!is_target(bad), "{bad:?}");
    }
}

#[test]
fn n124_announced_lengths_are_kept() {
    let mut encoder = BodyEncoder::Length(3);
    let mut out = Vec::new();
    assert_eq!(encoder.frame(b"ab", &mut out), Ok(&b""[..]));
    assert_eq!(encoder.finish(), Err(BodyErrorKind::TooShort));
    assert_eq!(encoder.frame(b"cd", &mut out), Err(BodyErrorKind::TooLong));
    assert_eq!(encoder.frame(b"c", &mut out), Ok(&b""[..]));
    assert_eq!(encoder.finish(), Ok(&b""[..]));
    assert_eq!(out, b"");
}

#[test]
fn numbers() {
    for number in [0, 7, 10, 65_535, u64::MAX] {
        let mut out = Vec::new();
        decimal(&mut out, number);
        assert_eq!(out, number.to_string().as_bytes());
    }
}

proptest! {
    #[test]
    fn chunks_are_read_back(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..20),
    ) {
        let mut encoder = BodyEncoder::Chunked;
        let mut wire = Vec::new();
        for chunk in &chunks {
            let after = encoder.frame(chunk, &mut wire).unwrap();
            wire.extend_from_slice(chunk);
            wire.extend_from_slice(after);
        }
        wire.extend_from_slice(encoder.finish().unwrap());

        let mut decoder = BodyDecoder::new(Delimiter::Chunked, Limits::default().h1_body());
        let mut body = Vec::new();
        let mut input = &wire[..];
        while !decoder.is_done() {
            let piece = decoder.decode(input).unwrap();
            body.extend_from_slice(&input[piece.skip..piece.skip + piece.data]);
            input = &input[piece.skip + piece.data..];
        }
        prop_assert_eq!(body, chunks.concat());
        prop_assert_eq!(input, b"");
    }
}
