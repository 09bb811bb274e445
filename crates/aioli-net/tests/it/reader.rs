//! Buffered reading: section M of the conformance list, and the I/O traits of the reader.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use aioli_net::{IncompleteRead, LimitOverrun, ReadError, StreamReader};
use futures::executor::block_on;
use futures::{AsyncBufReadExt, AsyncRead, AsyncReadExt, StreamExt};

use crate::poll_once;

/// A stream that gives these pieces, one a read, and then ends, waits or fails.
struct Pieces {
    pieces: VecDeque<&'static [u8]>,
    then: Then,
}

#[derive(Clone, Copy)]
enum Then {
    End,
    Wait,
    Fail,
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Some(piece) = self.pieces.pop_front() else {
            return match self.then {
                Then::End => Poll::Ready(Ok(0)),
                Then::Wait => Poll::Pending,
                Then::Fail => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            };
        };
        buffer[..piece.len()].copy_from_slice(piece);
        Poll::Ready(Ok(piece.len()))
    }
}

fn reader(limit: usize, pieces: &[&'static str], then: Then) -> StreamReader<Pieces> {
    let pieces = pieces.iter().map(|piece| piece.as_bytes()).collect();
    StreamReader::with_limit(Pieces { pieces, then }, limit)
}

/// The fields of an error that says that the limit was overrun.
#[track_caller]
fn overrun<T: std::fmt::Debug>(result: Result<T, ReadError>) -> (usize, bool) {
    match result {
        Err(ReadError::Overrun(LimitOverrun {
            consumed, found, ..
        })) => (consumed, found),
        other => panic!("{other:?}"),
    }
}

/// The fields of an error that says that the stream ended.
#[track_caller]
fn incomplete<T: std::fmt::Debug>(result: Result<T, ReadError>) -> (String, Option<usize>) {
    match result {
        Err(ReadError::Incomplete(IncompleteRead {
            partial, expected, ..
        })) => (String::from_utf8(partial).unwrap(), expected),
        other => panic!("{other:?}"),
    }
}

#[test]
fn c279_read_until_eof() {
    let mut reader = reader(64, &["chunk1\n", "chunk2"], Then::End);
    assert_eq!(block_on(reader.read_to_end()).unwrap(), b"chunk1\nchunk2");
    assert!(reader.at_eof());
}

#[test]
fn c280_read_limit() {
    let mut reader = reader(3, &["chunk"], Then::End);
    assert_eq!(block_on(reader.read(5)).unwrap(), b"chunk");
    assert_eq!(reader.buffer(), b"");
}

#[test]
fn c281_readline_limit_with_existing_data() {
    let mut with_newline = reader(3, &["line1\nline2\n"], Then::End);
    assert_eq!(overrun(block_on(with_newline.readline())), (5, true));
    assert_eq!(with_newline.buffer(), b"line2\n");

    let mut without = reader(3, &["line1", "line2\n"], Then::End);
    assert_eq!(overrun(block_on(without.readline())), (5, false));
    assert_eq!(without.buffer(), b"");
    assert_eq!(overrun(block_on(without.readline())), (5, true));
    assert_eq!(block_on(without.readline()).unwrap(), b"");
}

#[test]
fn c283_readline_eof() {
    let mut reader = reader(64, &["some data"], Then::End);
    assert_eq!(block_on(reader.readline()).unwrap(), b"some data");
    assert_eq!(block_on(reader.readline()).unwrap(), b"");
}

#[test]
fn c284_readuntil_multi_chunks_1() {
    let pieces = ["QWEaa", "XYaa", "a", "aaa"];
    let mut reader = reader(64, &pieces, Then::Wait);
    assert_eq!(block_on(reader.readuntil("aaa")).unwrap(), b"QWEaaXYaaa");
    assert_eq!(reader.buffer(), b"");
    assert_eq!(block_on(reader.readuntil("aaa")).unwrap(), b"aaa");
}

#[test]
fn c285_readuntil_eof() {
    let mut reader = reader(64, &["some dataA"], Then::End);
    let result = block_on(reader.readuntil("AAA"));
    assert_eq!(incomplete(result), ("some dataA".to_owned(), None));
    assert_eq!(reader.buffer(), b"");
}

#[test]
fn c286_readuntil_limit_found_sep() {
    let mut reader = reader(3, &["some dataAA"], Then::Wait);
    assert_eq!(overrun(block_on(reader.readuntil("AAA"))), (9, false));
    assert_eq!(reader.buffer(), b"some dataAA");
    // asyncio feeds the last byte in between; here it is there from the beginning.
    let mut complete = crate::reader::reader(3, &["some dataAAA"], Then::Wait);
    assert_eq!(overrun(block_on(complete.readuntil("AAA"))), (9, true));
    assert_eq!(complete.buffer(), b"some dataAAA");
}

#[test]
fn c287_readuntil_multi_separator() {
    let mut short = reader(64, &["ABCDEFG"], Then::End);
    let found = block_on(short.readuntil(["DEF", "BCDE"])).unwrap();
    assert_eq!(found, b"ABCDE");
    assert_eq!(short.buffer(), b"FG");

    let mut lines = reader(64, &["one\r\ntwo\nthree\r"], Then::End);
    let ends: [&[u8]; 2] = [b"\r\n", b"\n"];
    assert_eq!(block_on(lines.readuntil(ends)).unwrap(), b"one\r\n");
    assert_eq!(block_on(lines.readuntil(ends)).unwrap(), b"two\n");
    let rest = incomplete(block_on(lines.readuntil(ends)));
    assert_eq!(rest, ("three\r".to_owned(), None));
}

#[test]
fn c288_readuntil_separator() {
    let mut reader = reader(64, &["data"], Then::End);
    let none: [&str; 0] = [];
    assert!(matches!(
        block_on(reader.readuntil("")),
        Err(ReadError::Separator)
    ));
    assert!(matches!(
        block_on(reader.readuntil(none)),
        Err(ReadError::Separator)
    ));
    assert!(matches!(
        block_on(reader.readuntil(["a", ""])),
        Err(ReadError::Separator)
    ));
    assert_eq!(block_on(reader.read(9)).unwrap(), b"data");
}

#[test]
fn c289_readexactly_eof() {
    let mut reader = reader(64, &["12345678", "9012345678"], Then::End);
    let result = block_on(reader.readexactly(36));
    assert_eq!(
        incomplete(result),
        ("123456789012345678".to_owned(), Some(36))
    );
    assert_eq!(reader.buffer(), b"");
}

#[test]
fn c290_readexactly_limit() {
    let mut reader = reader(3, &["chunk"], Then::End);
    assert_eq!(block_on(reader.readexactly(5)).unwrap(), b"chunk");
}

#[test]
fn c291_exception_cancel() {
    let mut reader = reader(64, &[], Then::Wait);
    assert!(poll_once(reader.readline()).is_pending());
    reader.get_mut().then = Then::Fail;
    let error = block_on(reader.readline()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[test]
fn c379_readline() {
    let reader = reader(64, &["line1\nli", "ne2\nline3"], Then::End);
    let lines: Vec<Vec<u8>> = block_on(reader.map(Result::unwrap).collect());
    assert_eq!(lines, [&b"line1\n"[..], b"line2\n", b"line3"]);
}

/// Every method is dropped at its first wait, and called again.
#[test]
fn what_has_come_survives_a_dropped_future() {
    let mut reader = reader(64, &["par", "tial"], Then::Wait);
    assert!(poll_once(reader.readline()).is_pending());
    assert_eq!(reader.buffer(), b"partial");
    assert!(poll_once(reader.readexactly(8)).is_pending());
    assert!(poll_once(reader.readuntil("\0")).is_pending());
    assert!(poll_once(reader.read_to_end()).is_pending());
    assert!(poll_once(StreamReader::next(&mut reader)).is_pending());
    assert_eq!(reader.buffer(), b"partial");
    reader.get_mut().then = Then::End;
    assert_eq!(block_on(reader.readline()).unwrap(), b"partial");
}

#[test]
fn a_failure_keeps_what_came_before() {
    let mut reader = reader(64, &["before"], Then::Fail);
    assert!(matches!(
        block_on(reader.read_to_end()),
        Err(ReadError::Io(_))
    ));
    assert_eq!(block_on(reader.readexactly(6)).unwrap(), b"before");
}

#[test]
fn the_traits_and_the_methods_share_one_buffer() {
    let mut reader = reader(64, &["one\ntwo\nthree"], Then::End);
    block_on(async {
        assert_eq!(reader.readline().await.unwrap(), b"one\n");
        let mut line = String::new();
        reader.read_line(&mut line).await.unwrap();
        assert_eq!(line, "two\n");
        let mut rest = String::new();
        reader.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "three");
    });
}

#[test]
fn its_parts_come_back_whole() {
    let mut reader = reader(64, &["one\ntwo"], Then::Wait);
    block_on(reader.readline()).unwrap();
    let (_, rest) = reader.into_parts();
    assert_eq!(rest, b"two");
}

#[test]
fn errors_say_what_was_missing() {
    let mut reader = reader(3, &["abc", "def"], Then::End);
    let error = block_on(reader.readexactly(9)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the stream ended after 6 bytes, before all 9"
    );
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::UnexpectedEof);
}
