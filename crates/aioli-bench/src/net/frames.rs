//! The server's side of HTTP/2, as far as requests without a body need it (RFC 9113).
//!
//! The header block of a request is not decoded: whatever it asks for, the answer is the same.
//! Nor is flow control kept: what is under way at a time is far less than the smallest window,
//! and a client gives back what it has read.

use crate::Result;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The length, the type, the flags and the stream.
const HEAD: usize = 9;
/// The longest frame before somebody has asked for longer ones.
const LONGEST: usize = 16_384;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
/// Of `SETTINGS` and `PING`.
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// What a connection has sent and is not answered.
#[derive(Debug, Default)]
pub(super) struct Frames {
    input: Vec<u8>,
    open: bool,
}

impl Frames {
    /// Takes what has come, and appends the answers to `output`; an error is the end of the
    /// connection.
    pub(super) fn feed(&mut self, input: &[u8], body: &[u8], output: &mut Vec<u8>) -> Result {
        self.input.extend_from_slice(input);
        let mut at = 0;
        if !self.open {
            if self.input.len() < PREFACE.len() {
                return Ok(());
            }
            if !self.input.starts_with(PREFACE) {
                return Err("this is not HTTP/2".into());
            }
            at = PREFACE.len();
            self.open = true;
            frame(output, (SETTINGS, 0), [0; 4], &[]);
        }
        while let Some((head, rest)) = self.input[at..].split_first_chunk::<HEAD>() {
            let [a, b, c, kind, flags, stream @ ..] = *head;
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            let Some(payload) = rest.get(..length) else {
                break;
            };
            match (kind, flags) {
                (SETTINGS, 0) => frame(output, (SETTINGS, ACK), [0; 4], &[]),
                (PING, 0) => frame(output, (PING, ACK), [0; 4], payload),
                (HEADERS, flags) if flags & (END_STREAM | END_HEADERS) == 5 => {
                    frame(output, (HEADERS, END_HEADERS), stream, &block(body.len()));
                    frame(output, (DATA, END_STREAM), stream, body);
                }
                (HEADERS | DATA | CONTINUATION, _) => {
                    return Err("a request is more than one frame".into());
                }
                _ => {}
            }
            at += HEAD + length;
        }
        self.input.drain(..at);
        Ok(())
    }
}

fn frame(output: &mut Vec<u8>, (kind, flags): (u8, u8), stream: [u8; 4], payload: &[u8]) {
    assert!(payload.len() <= LONGEST, "an answer is longer than a frame");
    let [_, length @ ..] = (payload.len() as u32).to_be_bytes();
    output.extend_from_slice(&length);
    output.extend_from_slice(&[kind, flags]);
    output.extend_from_slice(&stream);
    output.extend_from_slice(payload);
}

/// The headers that the other server sends too, by the static table of RFC 7541, appendix A.
fn block(length: usize) -> Vec<u8> {
    let mut block = vec![0x88]; // `:status: 200`
    let mut field = |index: u8, value: &str| {
        // A literal that is not indexed, its name by an index of more than four bits.
        block.extend_from_slice(&[0x0f, index - 15, value.len() as u8]);
        block.extend_from_slice(value.as_bytes());
    };
    field(31, "text/plain");
    field(28, &length.to_string());
    block
}

#[cfg(test)]
mod tests {
    use super::{Frames, PREFACE, block, frame};

    /// Returns the kinds, flags, streams and lengths of frames.
    fn heads(mut bytes: &[u8]) -> Vec<(u8, u8, u8, usize)> {
        let mut heads = Vec::new();
        while let Some((head, rest)) = bytes.split_first_chunk::<9>() {
            let length = usize::from(head[1]) << 8 | usize::from(head[2]);
            heads.push((head[3], head[4], head[8], length));
            bytes = &rest[length..];
        }
        heads
    }

    #[test]
    fn a_connection_in_single_bytes() {
        let mut input = PREFACE.to_vec();
        frame(&mut input, (4, 0), [0; 4], &[0; 6]);
        frame(&mut input, (4, 1), [0; 4], &[]);
        frame(&mut input, (8, 0), [0; 4], &[0; 4]);
        frame(&mut input, (1, 5), [0, 0, 0, 1], &[0x82]);
        frame(&mut input, (6, 0), [0; 4], &[7; 8]);
        frame(&mut input, (1, 5), [0, 0, 0, 3], &[0x82]);
        let (mut frames, mut output) = (Frames::default(), Vec::new());
        for byte in &input {
            frames.feed(&[*byte], b"body", &mut output).unwrap();
        }
        let (settings, ack, pong) = ((4, 0, 0, 0), (4, 1, 0, 0), (6, 1, 0, 8));
        let answer = |stream| [(1, 4, stream, block(4).len()), (0, 1, stream, 4)];
        let expected = [
            vec![settings, ack],
            answer(1).to_vec(),
            vec![pong],
            answer(3).to_vec(),
        ];
        assert_eq!(heads(&output), expected.concat());
        assert!(output.ends_with(b"body"));
    }

    #[test]
    fn what_is_not_understood_ends_the_connection() {
        let mut output = Vec::new();
        let http1 = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
        assert!(Frames::default().feed(http1, b"", &mut output).is_err());
        let mut upload = PREFACE.to_vec();
        frame(&mut upload, (1, 4), [0, 0, 0, 1], &[0x83]);
        assert!(Frames::default().feed(&upload, b"", &mut output).is_err());
    }
}
