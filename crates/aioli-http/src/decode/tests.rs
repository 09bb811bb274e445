//! Codings by table and against the libraries' encoders, in pieces of every size.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http::HeaderValue;
use proptest::prelude::*;
use proptest::test_runner::contextualize_config;

use super::*;
use crate::limits::Limits;

const WINDOW: usize = 8 << 20;

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn raw_deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn brotli(data: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    let params = brotli::enc::BrotliEncoderParams {
        quality: 5,
        ..Default::default()
    };
    brotli::BrotliCompress(&mut &data[..], &mut coded, &params).unwrap();
    coded
}

fn zstd(data: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn encode(coding: Coding, data: &[u8]) -> Vec<u8> {
    match coding {
        Coding::Gzip => gzip(data),
        Coding::Deflate => zlib(data),
        Coding::Brotli => brotli(data),
        Coding::Zstd => zstd(data),
    }
}

const ALL: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

/// Why a test's body could not be decoded.
#[derive(Debug, PartialEq, Eq)]
enum Bad {
    Corrupt,
    Truncated,
    Trailing,
    Stuck,
    Window,
}

/// Decodes `coded`, given in pieces of `step` bytes, into pieces of at most `room` bytes.
fn decode_by(codings: &[Coding], coded: &[u8], step: usize, room: usize) -> Result<Vec<u8>, Bad> {
    let mut chain = Chain::new(codings, WINDOW).unwrap();
    let mut pieces = coded.chunks(step);
    let mut out = vec![0; room];
    let mut whole = Vec::new();
    loop {
        match chain.pull(&mut out) {
            Ok(Pull::Data(n)) => whole.extend_from_slice(&out[..n]),
            Ok(Pull::End) => return Ok(whole),
            Ok(Pull::Hungry) => match pieces.next() {
                Some(piece) => chain.push(Bytes::copy_from_slice(piece)),
                None => chain.end(),
            },
            Err(failure) => {
                return Err(match failure.fault {
                    Fault::Corrupt(_) => Bad::Corrupt,
                    Fault::Truncated => Bad::Truncated,
                    Fault::Trailing => Bad::Trailing,
                    Fault::Stuck => Bad::Stuck,
                    Fault::Window(_) => Bad::Window,
                });
            }
        }
    }
}

/// Decodes `coded` whole, byte by byte, and into single bytes: the outcome must be the same.
#[track_caller]
fn decode(codings: &[Coding], coded: &[u8]) -> Result<Vec<u8>, Bad> {
    let whole = decode_by(codings, coded, coded.len().max(1), MAX_PIECE);
    for (step, room) in [(1, MAX_PIECE), (coded.len().max(1), 1), (1, 1), (7, 5)] {
        let again = decode_by(codings, coded, step, room);
        assert_eq!(again, whole, "in steps of {step} into {room}");
    }
    whole
}

fn sample() -> Vec<u8> {
    (0..3000_u32)
        .flat_map(|n| (n * n % 251).to_le_bytes())
        .collect()
}

#[test]
fn what_the_encoders_make_comes_out_again() {
    for data in [&b""[..], b"a", &sample()] {
        for coding in ALL {
            let coded = encode(coding, data);
            assert_eq!(decode(&[coding], &coded).as_deref(), Ok(data), "{coding}");
        }
    }
}

#[test]
fn input_082_cut_off_anywhere_is_an_error() {
    let data = &sample()[..500];
    for coding in ALL {
        let coded = encode(coding, data);
        for end in 1..coded.len() {
            let outcome = decode_by(&[coding], &coded[..end], 50, 100);
            assert_eq!(outcome, Err(Bad::Truncated), "{coding} at {end}");
        }
    }
    let raw = raw_deflate(data);
    for end in 1..raw.len() {
        let outcome = decode_by(&[Coding::Deflate], &raw[..end], 50, 100);
        assert_eq!(outcome, Err(Bad::Truncated), "raw at {end}");
    }
}

#[test]
fn input_083_members_are_joined_and_garbage_is_an_error() {
    for coding in [Coding::Gzip, Coding::Zstd] {
        let two = [
            encode(coding, b"hel"),
            encode(coding, b""),
            encode(coding, b"lo"),
        ]
        .concat();
        assert_eq!(
            decode(&[coding], &two).as_deref(),
            Ok(&b"hello"[..]),
            "{coding}"
        );
    }
    for coding in ALL {
        for garbage in [&b"\0"[..], b"garbage and more"] {
            let coded = [&encode(coding, b"hello"), garbage].concat();
            let outcome = decode(&[coding], &coded);
            assert_eq!(outcome, Err(Bad::Trailing), "{coding} {garbage:?}");
        }
    }
    let half = [&gzip(b"hello")[..], &gzip(b"more")[..9]].concat();
    assert_eq!(decode(&[Coding::Gzip], &half), Err(Bad::Truncated));
    let raw = [&raw_deflate(b"hello")[..], b"x"].concat();
    assert_eq!(decode(&[Coding::Deflate], &raw), Err(Bad::Trailing));
}

#[test]
fn input_084_checksums_are_checked() {
    for coding in [Coding::Gzip, Coding::Deflate, Coding::Zstd] {
        let mut coded = encode(coding, b"hello hello hello");
        let last = if coding == Coding::Gzip { 5 } else { 1 };
        let at = coded.len() - last;
        coded[at] ^= 1;
        assert_eq!(decode(&[coding], &coded), Err(Bad::Corrupt), "{coding}");
    }
    let mut coded = gzip(b"hello");
    let at = coded.len() - 1;
    coded[at] ^= 1;
    assert_eq!(
        decode(&[Coding::Gzip], &coded),
        Err(Bad::Corrupt),
        "the length"
    );
}

#[test]
fn input_085_what_is_not_coded_is_an_error() {
    for coding in ALL {
        let plain = b"<html>this is not compressed at all, whatever the header says</html>";
        assert_eq!(decode(&[coding], plain), Err(Bad::Corrupt), "{coding}");
    }
}

#[test]
fn input_086_a_window_of_more_than_8_mib_is_refused() {
    let encode = |log| {
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(log).unwrap();
        encoder.write_all(b"hello").unwrap();
        encoder.finish().unwrap()
    };
    assert_eq!(
        decode(&[Coding::Zstd], &encode(23)).as_deref(),
        Ok(&b"hello"[..])
    );
    for log in [24, 27, 31] {
        assert_eq!(
            decode(&[Coding::Zstd], &encode(log)),
            Err(Bad::Window),
            "{log}"
        );
    }
    // A frame of one segment has a window as large as its content: 9 MiB are announced.
    let single = [0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0x90, 0, 0, 0, 0];
    assert_eq!(decode(&[Coding::Zstd], &single), Err(Bad::Window));
}

#[test]
fn input_087_the_large_window_of_brotli_is_refused() {
    let mut coded = Vec::new();
    let params = brotli::enc::BrotliEncoderParams {
        large_window: true,
        lgwin: 30,
        ..Default::default()
    };
    brotli::BrotliCompress(&mut &b"hello"[..], &mut coded, &params).unwrap();
    assert_eq!(decode(&[Coding::Brotli], &coded), Err(Bad::Corrupt));
}

#[test]
fn input_088_deflate_with_and_without_its_wrapping() {
    for data in [&b""[..], b"a", b"hello hello", &sample()] {
        for coded in [zlib(data), raw_deflate(data)] {
            assert_eq!(decode(&[Coding::Deflate], &coded).as_deref(), Ok(data));
        }
    }
}

#[test]
fn input_089_nothing_is_an_empty_body_in_every_coding() {
    for codings in [&ALL[..1], &ALL[1..2], &ALL[2..3], &ALL[3..], &ALL[..3]] {
        assert_eq!(decode(codings, b"").as_deref(), Ok(&b""[..]), "{codings:?}");
    }
}

#[test]
fn chains_are_undone_from_the_last_coding_to_the_first() {
    let data = sample();
    for codings in [
        [Coding::Gzip, Coding::Gzip, Coding::Gzip],
        [Coding::Brotli, Coding::Zstd, Coding::Deflate],
        [Coding::Zstd, Coding::Gzip, Coding::Brotli],
    ] {
        let coded = codings
            .iter()
            .fold(data.clone(), |data, coding| encode(*coding, &data));
        assert_eq!(
            decode(&codings, &coded).as_deref(),
            Ok(&data[..]),
            "{codings:?}"
        );
        let cut = &coded[..coded.len() - 1];
        assert_eq!(decode(&codings, cut), Err(Bad::Truncated), "{codings:?}");
    }
}

#[test]
fn input_080_the_header_says_what_is_decoded() {
    use Coding::*;
    let gzips = ["gzip"; 50].join(",");
    for (values, want) in [
        (&[][..], None),
        (&["identity"][..], None),
        (&[" "], None),
        (&["GZIP"], Some(Ok(vec![Gzip]))),
        (&["x-gzip, identity"], Some(Ok(vec![Gzip]))),
        (
            &["deflate , br", "zstd"],
            Some(Ok(vec![Deflate, Brotli, Zstd])),
        ),
        (&["gzip", "gzip", "gzip"], Some(Ok(vec![Gzip; 3]))),
        (
            &["gzip", "gzip, gzip", "gzip"],
            Some(Err(LimitKind::Encodings)),
        ),
        (&[&gzips], Some(Err(LimitKind::Encodings))),
        (&["compress"], None),
        (&["gzip, x-foo"], None),
        (&["gzip;q=1"], None),
    ] {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                header::CONTENT_ENCODING,
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let found = read(&headers, 3).map(|codings| codings.map_err(|exceeded| exceeded.kind));
        assert_eq!(found, want, "{values:?}");
    }
}

#[test]
fn the_beginning_of_an_error_page_is_readable() {
    let page = "sorry ".repeat(10_000);
    for coding in ALL {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(&coding.to_string()).unwrap();
        headers.append(header::CONTENT_ENCODING, value);
        let mut decoding = Decoding::begin(&mut headers, Limits::default().codings()).unwrap();
        let coded = encode(coding, page.as_bytes());
        let beginning = decoding.beginning(coded.into(), 100);
        assert_eq!(beginning, page.as_bytes()[..100], "{coding}");
        assert!(headers.is_empty());
    }
}

fn any_coding() -> impl Strategy<Value = Coding> {
    proptest::sample::select(&ALL[..])
}

proptest! {
    #![proptest_config(contextualize_config(ProptestConfig::with_cases(64)))]

    #[test]
    fn any_data_in_any_codings_and_pieces(
        seed in proptest::collection::vec(any::<u8>(), 0..300),
        times in 1..200_usize,
        codings in proptest::collection::vec(any_coding(), 1..=3),
        step in 1..2000_usize,
        room in 1..5000_usize,
    ) {
        let data = seed.repeat(times);
        let coded = codings.iter().fold(data.clone(), |data, coding| encode(*coding, &data));
        prop_assert_eq!(decode_by(&codings, &coded, step, room), Ok(data));
    }

    #[test]
    fn any_bytes_have_an_outcome_that_pieces_do_not_change(
        coding in any_coding(),
        mut coded in proptest::collection::vec(any::<u8>(), 0..200),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        random in any::<bool>(),
        step in 1..50_usize,
    ) {
        if !random {
            coded = encode(coding, &coded);
        }
        for (at, value) in flips {
            if !coded.is_empty() {
                let at = at.index(coded.len());
                coded[at] = value;
            }
        }
        let whole = decode_by(&[coding], &coded, coded.len().max(1), 4096);
        prop_assert_eq!(decode_by(&[coding], &coded, step, 3).is_ok(), whole.is_ok());
    }
}
