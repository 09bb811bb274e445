//! The request's bytes: its head, and the framing around its body.

use std::io::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};

use super::trailers::is_allowed;
use crate::error::BodyErrorKind;

/// Appends a request head without the blank line that ends it.
///
/// `target` must be free of white space and control characters; [`is_target`] tells.
pub(crate) fn request_line(out: &mut Vec<u8>, method: &Method, target: &[&str], version: Version) {
    out.extend_from_slice(method.as_str().as_bytes());
    out.push(b' ');
    for part in target {
        debug_assert!(
            is_target(part),
            "the target comes from a URL, which escapes"
        );
        out.extend_from_slice(part.as_bytes());
    }
    out.extend_from_slice(match version {
        Version::HTTP_10 => b" HTTP/1.0\r\n",
        _ => b" HTTP/1.1\r\n",
    });
}

/// Appends a number.
pub(crate) fn decimal(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let (mut at, mut rest) = (digits.len(), number);
    loop {
        at -= 1;
        // A remainder of ten is a digit.
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends one header line; the types have ruled out line ends.
pub(crate) fn header(out: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    out.extend_from_slice(name.as_str().as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends the chunk that ends a body, with the fields that may stand behind one.
pub(crate) fn last_chunk(out: &mut Vec<u8>, fields: &HeaderMap) {
    out.extend_from_slice(b"0\r\n");
    for (name, value) in fields.iter().filter(|(name, _)| is_allowed(name)) {
        header(out, name, value);
    }
    out.extend_from_slice(b"\r\n");
}

/// Tells whether `target` can stand in a request line.
pub(crate) fn is_target(target: &str) -> bool {
    target.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The framing of a request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyEncoder {
    /// So many bytes are to come.
    Length(u64),
    /// Chunks.
    Chunked,
}

impl BodyEncoder {
    /// Appends what goes before `data` and returns what goes after it.
    ///
    /// # Errors
    ///
    /// `TooLong` when `data` goes past the announced length.
    pub(crate) fn frame(
        &mut self,
        data: &[u8],
        before: &mut Vec<u8>,
    ) -> Result<&'static [u8], BodyErrorKind> {
        match self {
            BodyEncoder::Length(left) => {
                *left = left
                    .checked_sub(data.len() as u64)
                    .ok_or(BodyErrorKind::TooLong)?;
                Ok(b"")
            }
            // A chunk of size zero would end the body.
            BodyEncoder::Chunked if data.is_empty() => Ok(b""),
            BodyEncoder::Chunked => {
                write!(before, "{:x}\r\n", data.len()).expect("a Vec takes everything");
                Ok(b"\r\n")
            }
        }
    }

    /// Returns what ends the body.
    ///
    /// # Errors
    ///
    /// `TooShort` when the announced length was not reached.
    pub(crate) fn finish(self) -> Result<&'static [u8], BodyErrorKind> {
        match self {
            BodyEncoder::Length(0) => Ok(b""),
            BodyEncoder::Length(_) => Err(BodyErrorKind::TooShort),
            BodyEncoder::Chunked => Ok(b"0\r\n\r\n"),
        }
    }
}

#[cfg(test)]
mod tests;
