//! Heads that are as most are: what is plainly regular is found in one pass over the bytes.
//!
//! It says less than the scan and the tokenizer do, and never anything else: whatever is unusual is
//! left to them, with every verdict. So it knows spaces but no tabs, and line ends of two bytes.

use http::{StatusCode, Version};

use super::{Marks, REASON_AT};
use crate::h1::fields::{FEW, SHORT, Span};
use crate::h1::{is_token, trim_ows};

/// What was found.
pub(super) struct Regular {
    pub(super) start: (StatusCode, Version),
    /// How long the status line is.
    pub(super) status_line: usize,
    /// Where the lines of the fields begin, and how many they are.
    pub(super) lines_at: usize,
    pub(super) count: usize,
    pub(super) marks: Marks,
    /// How long all of it is.
    pub(super) end: usize,
}

/// Finds a head at the beginning of `bytes`, if it is whole, short and plainly regular.
pub(super) fn regular(bytes: &[u8]) -> Option<Regular> {
    let bytes = &bytes[..bytes.len().min(SHORT)];
    let version = match bytes.first_chunk()? {
        b"HTTP/1.1 " => Version::HTTP_11,
        b"HTTP/1.0 " => Version::HTTP_10,
        _ => return None,
    };
    let code = bytes.get(REASON_AT - 4..REASON_AT)?.strip_suffix(b" ")?;
    let status = StatusCode::from_bytes(code).ok()?;
    let status_line = REASON_AT + plain(&bytes[REASON_AT..]);
    let lines_at = line_end(bytes, status_line)?;
    let mut marks = Marks::default();
    let mut count = 0;
    let mut at = lines_at;
    loop {
        if let Some(end) = line_end(bytes, at) {
            return Some(Regular {
                start: (status, version),
                status_line,
                lines_at,
                count,
                marks,
                end,
            });
        }
        let line = &bytes[at..];
        let (name, rest) = line.split_at(token(line));
        let mut value = rest.strip_prefix(b":")?;
        if name.is_empty() || count == FEW {
            return None;
        }
        while let [b' ', rest @ ..] = value {
            value = rest;
        }
        let begin = bytes.len() - value.len();
        let end = begin + plain(value);
        at = line_end(bytes, end)?;
        count += 1;
        marks.note(name, || {
            let value = trim_ows(&bytes[begin..end]);
            Span::new(begin, begin + value.len())
        });
    }
}

/// Where the next line begins, if this one ends here.
#[inline]
fn line_end(bytes: &[u8], at: usize) -> Option<usize> {
    let next = at + 2;
    (bytes.get(at..next)? == b"\r\n").then_some(next)
}

/// How many bytes at the beginning are no control characters.
#[inline]
fn plain(bytes: &[u8]) -> usize {
    let is_plain = |byte: u8| byte >= b' ' && byte != DELETE;
    leading(bytes, controls, is_plain)
}

/// How many bytes at the beginning may be in a name.
#[inline]
fn token(bytes: &[u8]) -> usize {
    leading(bytes, unusual, |byte| TOKEN[usize::from(byte)])
}

/// How many bytes at the beginning are `good`. Of eight at a time `others` tells the first that may
/// not be, by the lowest bit that is set in its result.
#[inline(always)]
fn leading(bytes: &[u8], others: impl Fn(u64) -> u64, good: impl Fn(u8) -> bool) -> usize {
    let mut at = 0;
    while let Some(eight) = bytes[at..].first_chunk() {
        let found = others(u64::from_le_bytes(*eight));
        if found != 0 {
            at += found.trailing_zeros() as usize / 8;
            break;
        }
        at += 8;
    }
    // At the end, or at one that is seldom.
    while let Some(&byte) = bytes.get(at)
        && good(byte)
    {
        at += 1;
    }
    at
}

/// Eight times the same byte.
const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The highest bit of each byte.
const HIGH: u64 = all(0x80);

/// The last of the control characters.
const DELETE: u8 = 0x7f;

/// The control characters of eight bytes, up to the first of them.
///
/// A subtraction borrows from the bytes above, so of those nothing is said: "Bit Twiddling Hacks",
/// which has it as `hasless` and `haszero`.
fn controls(eight: u64) -> u64 {
    let low = eight.wrapping_sub(all(b' ')) & !eight;
    let other = eight ^ all(DELETE);
    let delete = other.wrapping_sub(all(1)) & !other;
    (low | delete) & HIGH
}

/// Those of eight bytes that are neither letters nor digits nor hyphens, as nearly all of a name are.
///
/// Without its highest bit a byte can be added to without a carry, and then has that bit if it is
/// not less than the other one taken from 128.
fn unusual(eight: u64) -> u64 {
    let low = eight & !HIGH;
    let small = low | all(0x20);
    let letter = (small + all(0x80 - b'a')) & !(small + all(0x7f - b'z'));
    let digit = (low + all(0x80 - b'0')) & !(low + all(0x7f - b'9'));
    let hyphen = !((low ^ all(b'-')) + all(0x7f));
    (!(letter | digit | hyphen) | eight) & HIGH
}

/// Which bytes a name is made of.
static TOKEN: [bool; 256] = {
    let mut token = [false; 256];
    let mut byte = 0;
    while byte < token.len() {
        token[byte] = is_token(byte as u8);
        byte += 1;
    }
    token
};

#[cfg(test)]
mod tests {
    use super::super::Seen;
    use super::*;

    #[test]
    fn the_first_control_character_is_found_wherever_it_is() {
        for length in 0..20 {
            for at in 0..=length {
                for byte in 0..=u8::MAX {
                    let mut bytes = vec![b'a'; length];
                    let mut first = length;
                    if let Some(place) = bytes.get_mut(at) {
                        *place = byte;
                        if byte.is_ascii_control() {
                            first = at;
                        }
                    }
                    assert_eq!(plain(&bytes), first, "{byte} at {at} of {length}");
                    // What stands in front of it makes no difference, nor what is behind it.
                    for other in [b' ', b'~', 0x80, 0xff, 0x9f, b'\n', DELETE] {
                        let mut more = bytes.clone();
                        more.push(other);
                        let expected = more.iter().position(u8::is_ascii_control);
                        assert_eq!(plain(&more), expected.unwrap_or(more.len()));
                        more.rotate_right(1);
                        let expected = more.iter().position(u8::is_ascii_control);
                        assert_eq!(plain(&more), expected.unwrap_or(more.len()));
                    }
                }
            }
        }
    }

    #[test]
    fn a_name_ends_with_what_is_no_token_wherever_that_is() {
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        for byte in 0..=u8::MAX {
            let is_usual = byte.is_ascii_alphanumeric() || byte == b'-';
            for at in 0..8 {
                let mut eight = *b"aZ09-zA5";
                eight[at] = byte;
                let expected = if is_usual { 0 } else { 0x80 << (8 * at) };
                assert_eq!(
                    unusual(u64::from_le_bytes(eight)),
                    expected,
                    "{byte} at {at}"
                );
            }
            for at in 0..20 {
                let mut bytes = *b"Content-Length-9.ab:";
                bytes[at] = byte;
                let expected = bytes.iter().position(|byte| !is_token(*byte));
                assert_eq!(
                    token(&bytes),
                    expected.unwrap_or(bytes.len()),
                    "{byte} at {at}"
                );
            }
        }
    }

    #[test]
    fn what_most_servers_send_is_regular() {
        let head = b"HTTP/1.1 200 OK\r\nServer: a/1 (b)\r\nx:\r\nContent-Length:  5 \r\n\r\nhello";
        let found = regular(head).unwrap();
        assert_eq!(found.start, (StatusCode::OK, Version::HTTP_11));
        assert_eq!(&head[found.end..], b"hello");
        assert_eq!(
            (found.status_line, found.lines_at, found.count),
            (15, 17, 3)
        );
        let length = head.iter().position(|byte| *byte == b'5').unwrap();
        let length = Seen::Once(Span::new(length, length + 1).unwrap());
        assert_eq!(found.marks.content_length, length);
    }

    #[test]
    fn what_is_not_whole_or_not_plain_is_left_to_the_scan() {
        let head = b"HTTP/1.1 200 OK\r\na: b\r\n\r\n";
        assert!(regular(head).is_some());
        assert!((0..head.len()).all(|length| regular(&head[..length]).is_none()));
        for other in [
            "HTTP/2.0 200 OK\r\n\r\n",
            "HTTP/1.1 099 OK\r\n\r\n",
            "HTTP/1.1 200\r\n\r\n",
            "HTTP/1.1 200 OK\n\r\n",
            "HTTP/1.1 200 OK\r\na : b\r\n\r\n",
            "HTTP/1.1 200 OK\r\n: b\r\n\r\n",
            "HTTP/1.1 200 OK\r\n a: b\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: b\tc\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: b\nc: d\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: b\rc\r\n\r\n",
        ] {
            assert!(regular(other.as_bytes()).is_none(), "{other:?}");
        }
        let lines = |count| ["HTTP/1.1 200 OK\r\n", &"a: b\r\n".repeat(count), "\r\n"].concat();
        assert!(regular(lines(FEW).as_bytes()).is_some());
        assert!(regular(lines(FEW + 1).as_bytes()).is_none());
        let long = ["HTTP/1.1 200 OK\r\na: ", &"b".repeat(SHORT), "\r\n\r\n"].concat();
        assert!(regular(long.as_bytes()).is_none());
    }
}
