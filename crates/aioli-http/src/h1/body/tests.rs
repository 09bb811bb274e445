//! Each input is decoded whole, byte by byte and split at each position, with one result.

use proptest::prelude::*;

use super::*;

const LIMITS: BodyLimits = BodyLimits {
    extension: 512,
    extensions: 16 * 1024,
    trailer_bytes: 16 * 1024,
    trailer_lines: 64,
};

/// The body, whether it is complete, and how many bytes of the input follow it.
type Outcome = Result<(Vec<u8>, bool, usize), Reject>;

fn feed<'a>(delimiter: Delimiter, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    decode(BodyDecoder::new(delimiter, LIMITS), pieces)
}

fn decode<'a>(mut decoder: BodyDecoder, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut body = Vec::new();
    let mut rest = 0;
    for mut input in pieces {
        loop {
            let piece = decoder.decode(input)?;
            body.extend_from_slice(&input[piece.skip..piece.skip + piece.data]);
            input = &input[piece.skip + piece.data..];
            if piece.data == 0 {
                rest += input.len();
                break;
            }
        }
    }
    Ok((body, decoder.is_done(), rest))
}

#[track_caller]
fn every_way(delimiter: Delimiter, input: &[u8]) -> Outcome {
    let whole = feed(delimiter, [input]);
    assert_eq!(
        feed(delimiter, input.chunks(1)),
        whole,
        "{}",
        input.escape_ascii()
    );
    let step = 1 + input.len() / 500; // Every position, but for the very long ones.
    for at in (0..=input.len()).step_by(step) {
        let (a, b) = input.split_at(at);
        assert_eq!(
            feed(delimiter, [a, b]),
            whole,
            "split at {at}: {}",
            input.escape_ascii()
        );
    }
    whole
}

#[track_caller]
fn ok(input: impl AsRef<[u8]>, body: &[u8], rest: usize) {
    let got = every_way(Delimiter::Chunked, input.as_ref());
    assert_eq!(
        got,
        Ok((body.to_vec(), true, rest)),
        "{}",
        input.as_ref().escape_ascii()
    );
}

#[track_caller]
fn truncated(input: impl AsRef<[u8]>) {
    let (_, done, _) = every_way(Delimiter::Chunked, input.as_ref()).unwrap();
    assert!(!done, "{}", input.as_ref().escape_ascii());
}

#[track_caller]
fn refused(input: impl AsRef<[u8]>, reject: impl Into<Reject>) {
    let got = every_way(Delimiter::Chunked, input.as_ref());
    assert_eq!(got, Err(reject.into()), "{}", input.as_ref().escape_ascii());
}

#[test]
fn lengths() {
    assert_eq!(
        every_way(Delimiter::Length(3), b"abc"),
        Ok((b"abc".to_vec(), true, 0))
    );
    assert_eq!(every_way(Delimiter::Length(0), b""), Ok((vec![], true, 0)));
    assert_eq!(every_way(Delimiter::None, b"abc"), Ok((vec![], true, 3)));
}

#[test]
fn n041_n042_short_of_the_length() {
    let (body, done, _) = every_way(Delimiter::Length(u64::MAX), b"abc").unwrap();
    assert_eq!((&body[..], done), (&b"abc"[..], false));
    for delimiter in [Delimiter::Length(10), Delimiter::Chunked] {
        assert_eq!(
            BodyDecoder::new(delimiter, LIMITS).end(),
            Err(BodyErrorKind::Truncated)
        );
    }
    for delimiter in [Delimiter::Eof, Delimiter::None, Delimiter::Length(0)] {
        assert_eq!(BodyDecoder::new(delimiter, LIMITS).end(), Ok(()));
    }
}

#[test]
fn n043_bytes_after_the_length_are_left() {
    assert_eq!(
        every_way(Delimiter::Length(3), b"abcdefghij"),
        Ok((b"abc".to_vec(), true, 7))
    );
}

#[test]
fn n058_until_the_end() {
    assert_eq!(
        every_way(Delimiter::Eof, b"abc"),
        Ok((b"abc".to_vec(), false, 0))
    );
}

#[test]
fn chunks_come_out_whole() {
    ok("0\r\n\r\n", b"", 0);
    ok("3\r\nabc\r\n0\r\n\r\n", b"abc", 0);
    ok(
        "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
        b"abc0123456789",
        0,
    );
    ok("3;x=y\r\nabc\r\n0;last\r\n\r\n", b"abc", 0);
    ok("003\r\nabc\r\n000\r\n\r\n", b"abc", 0);
}

#[test]
fn n063_to_n065_chunk_sizes() {
    for bad in [
        "5 ",
        "5\t",
        "+5",
        "-5",
        "0x5",
        " 5",
        "",
        ";x",
        "5g",
        "５",
        "FFFFFFFFFFFFFFFF",
        "8000000000000000",
        "00000000000000005",
        "11111111111111111",
        "5\r5",
    ] {
        refused(
            format!("{bad}\r\nabcde\r\n0\r\n\r\n"),
            ProtocolErrorKind::ChunkSize,
        );
    }
    refused(
        format!("1{}\r\n", "0".repeat(1000)),
        ProtocolErrorKind::ChunkSize,
    );
    truncated("7FFFFFFFFFFFFFFF\r\nabc");
}

#[test]
fn n066_n067_line_feeds_in_the_size_line() {
    refused("5\nabcde\r\n0\r\n\r\n", ProtocolErrorKind::ChunkSize);
    refused("5;a\nb\r\nabcde\r\n", ProtocolErrorKind::ChunkExtension);
    refused("5;a\0b\r\nabcde\r\n", ProtocolErrorKind::ChunkExtension);
    refused("5;a\r\r\nabcde\r\n", ProtocolErrorKind::ChunkSize);
}

#[test]
fn n068_n069_extensions_are_bounded() {
    refused(
        format!("5;{}\r\nabcde\r\n", "a".repeat(1 << 16)),
        LimitKind::ChunkExtension.over(512, 513),
    );
    let chunk = format!("1;{}\r\na\r\n", "x".repeat(500));
    refused(
        chunk.repeat(40),
        LimitKind::ChunkExtensions.over(16 * 1024, 16 * 1024 + 1),
    );
    ok(format!("{}0\r\n\r\n", chunk.repeat(20)), &[b'a'; 20], 0);
}

#[test]
fn n070_many_small_chunks_are_linear() {
    let mut input = b"1\r\na\r\n".repeat(200_000);
    input.extend_from_slice(b"0\r\n\r\n");
    let (body, done, _) = feed(Delimiter::Chunked, input.chunks(1000)).unwrap();
    assert_eq!((body.len(), done), (200_000, true));
}

#[test]
fn n071_data_must_end_in_a_line() {
    refused("3\r\nabcXX0\r\n\r\n", ProtocolErrorKind::ChunkEnd);
    refused("3\r\nabc\n0\r\n\r\n", ProtocolErrorKind::ChunkEnd);
    refused("3\r\nabc\r0\r\n\r\n", ProtocolErrorKind::ChunkEnd);
    refused("3\r\nabcd\r\n0\r\n\r\n", ProtocolErrorKind::ChunkEnd);
}

#[test]
fn n072_the_end_anywhere_is_a_truncation() {
    let whole = b"3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\n";
    for at in 0..whole.len() {
        truncated(&whole[..at]);
    }
}

#[test]
fn n073_to_n075_trailers() {
    refused(
        format!("0\r\n{}", "X: y\r\n".repeat(10_000)),
        LimitKind::TrailerLines.over(64, 65),
    );
    refused(
        format!("0\r\nX: {}", "y".repeat(20_000)),
        LimitKind::Trailers.over(16 * 1024, 16 * 1024 + 1),
    );
    ok(
        "1\r\na\r\n0\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\nHost: x\r\n\r\n",
        b"a",
        0,
    );
    for bad in [
        "no colon",
        "a: b\0",
        " a: b",
        ": b",
        "a : b",
        "a: b\rc",
        "\u{e9}: b",
    ] {
        refused(format!("0\r\n{bad}\r\n\r\n"), ProtocolErrorKind::Trailer);
    }
    refused("0\r\na: b\n\r\n", ProtocolErrorKind::Trailer);
    refused("0\r\n\n", ProtocolErrorKind::Trailer);
    refused("0\r\n\r\r\n", ProtocolErrorKind::Trailer);
}

#[test]
fn n076_last_chunk_spellings() {
    refused("00000000000000000000\r\n\r\n", ProtocolErrorKind::ChunkSize);
    ok("000\r\n\r\n", b"", 0);
}

#[test]
fn n077_a_response_inside_a_chunk_is_data() {
    let inner = "0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
    ok(
        format!("{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len()),
        inner.as_bytes(),
        0,
    );
}

#[test]
fn n078_bytes_after_the_last_chunk_are_left() {
    ok("0\r\n\r\nHTTP/1.1 200 OK\r\n", b"", 17);
}

#[test]
fn raw_chunks_are_the_input() {
    let input = b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\na: b\r\n\r\n";
    let raw = |pieces: &[&[u8]]| {
        let decoder = BodyDecoder::raw(Delimiter::Chunked, LIMITS);
        decode(decoder, pieces.iter().copied())
    };
    let bytes: Vec<_> = input.chunks(1).collect();
    let whole = Ok((input.to_vec(), true, 0));
    assert_eq!(raw(&bytes), whole);
    let more = [&input[..], b"HTTP"].concat();
    for at in 0..=input.len() {
        assert_eq!(raw(&[&input[..at], &input[at..]]), whole, "split at {at}");
        let (_, done, rest) = raw(&[&more[..at], &more[at..]]).unwrap();
        assert_eq!((done, rest), (true, 4), "what follows is left");
    }
    let refused = Err(ProtocolErrorKind::ChunkSize.into());
    assert_eq!(raw(&[b"+3\r\nabc\r\n"]), refused);
}

proptest! {
    /// Whatever arrives, in whatever pieces: no panic, and the pieces do not matter.
    #[test]
    fn splits_never_matter(
        input in proptest::collection::vec(
            prop_oneof![any::<u8>(), Just(b'\r'), Just(b'\n'), Just(b'1'), Just(b'0'), Just(b';')],
            0..100,
        ),
        at in 0_usize..100,
    ) {
        let whole = feed(Delimiter::Chunked, [&input[..]]);
        prop_assert_eq!(feed(Delimiter::Chunked, input.chunks(1)), whole.clone());
        let (a, b) = input.split_at(at.min(input.len()));
        prop_assert_eq!(feed(Delimiter::Chunked, [a, b]), whole);
    }

    /// However a body is cut into chunks, it comes out whole.
    #[test]
    fn chunking_is_invisible(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..50), 0..20),
        piece in 1_usize..40,
    ) {
        let mut input = Vec::new();
        for chunk in &chunks {
            input.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
            input.extend_from_slice(chunk);
            input.extend_from_slice(b"\r\n");
        }
        input.extend_from_slice(b"0\r\n\r\n");
        let got = feed(Delimiter::Chunked, input.chunks(piece));
        prop_assert_eq!(got, Ok((chunks.concat(), true, 0)));
    }
}
