//! From the bytes of a body to text: which character set, and what malformed bytes are.
//!
//! As the Encoding Standard has it: a byte order mark wins over what `content-type` says, and
//! names of character sets mean what they mean on the web (`iso-8859-1` is windows-1252). UTF-8
//! is assumed where nothing is said. Malformed bytes are an error, as for aiohttp, unless the
//! caller wants them replaced.

use bytes::{Buf as _, Bytes};
use encoding_rs::{Encoding, UTF_8};
use http::{HeaderMap, header};

use crate::error::{BoxError, DecodeErrorKind};

/// Why bytes are no text.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) kind: DecodeErrorKind,
    pub(crate) source: Option<BoxError>,
}

impl From<DecodeErrorKind> for Unreadable {
    fn from(kind: DecodeErrorKind) -> Unreadable {
        Unreadable { kind, source: None }
    }
}

/// Decodes `bytes` strictly, by their byte order mark, by `headers`, or as UTF-8.
///
/// # Errors
///
/// `Text` when they are not in their character set; `Charset` when that is unknown and they are
/// not UTF-8 either, which hardly anything is by accident.
pub(crate) fn decode(headers: &HeaderMap, mut bytes: Bytes) -> Result<String, Unreadable> {
    let named = Named::in_headers(headers);
    if let Some((encoding, mark)) = Encoding::for_bom(&bytes) {
        bytes.advance(mark);
        return strictly(encoding, bytes);
    }
    match named {
        Named::Nothing => strictly(UTF_8, bytes),
        Named::Known(encoding) => strictly(encoding, bytes),
        Named::Unknown => strictly(UTF_8, bytes).map_err(|_| DecodeErrorKind::Charset.into()),
    }
}

/// Decodes `bytes` strictly as `label` says, whatever else speaks for another character set.
pub(crate) fn decode_as(label: &str, bytes: Bytes) -> Result<String, Unreadable> {
    let encoding = Encoding::for_label_no_replacement(label.as_bytes());
    let encoding = encoding.ok_or(DecodeErrorKind::Charset)?;
    let mark = Encoding::for_bom(&bytes).filter(|(marked, _)| *marked == encoding);
    let skip = mark.map_or(0, |(_, mark)| mark);
    strictly(encoding, bytes.slice(skip..))
}

/// Decodes as [`decode`] does and puts U+FFFD where it fails.
pub(crate) fn decode_lossy(headers: &HeaderMap, bytes: Bytes) -> String {
    let encoding = match Named::in_headers(headers) {
        Named::Known(encoding) => encoding,
        Named::Nothing | Named::Unknown => UTF_8,
    };
    let (text, ..) = encoding.decode(&bytes);
    text.into_owned()
}

/// The bytes as UTF-8, for a parser that checks them itself and takes nothing else.
pub(crate) fn utf8(headers: &HeaderMap, mut bytes: Bytes) -> Result<Bytes, Unreadable> {
    let marked = Encoding::for_bom(&bytes);
    let other = match (marked, Named::in_headers(headers)) {
        (Some((encoding, _)), _) | (None, Named::Known(encoding)) => encoding != UTF_8,
        (None, _) => false,
    };
    if other {
        return decode(headers, bytes).map(Bytes::from);
    }
    bytes.advance(marked.map_or(0, |(_, mark)| mark));
    Ok(bytes)
}

fn strictly(encoding: &'static Encoding, bytes: Bytes) -> Result<String, Unreadable> {
    if encoding == UTF_8 {
        // Takes the memory over when nobody else has it.
        return String::from_utf8(bytes.into()).map_err(|error| Unreadable {
            kind: DecodeErrorKind::Text,
            source: Some(error.utf8_error().into()),
        });
    }
    encoding
        .decode_without_bom_handling_and_without_replacement(&bytes)
        .map(|text| text.into_owned())
        .ok_or(DecodeErrorKind::Text.into())
}

/// What `content-type` says of the character set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Nothing,
    Known(&'static Encoding),
    Unknown,
}

impl Named {
    fn in_headers(headers: &HeaderMap) -> Named {
        let Some(label) = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| parameter(value.as_bytes(), b"charset"))
            .filter(|label| !label.is_empty())
        else {
            return Named::Nothing;
        };
        Encoding::for_label_no_replacement(label).map_or(Named::Unknown, Named::Known)
    }
}

/// Returns a parameter of a media type, without its quotes.
fn parameter<'a>(value: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    value
        .split(|byte| *byte == b';')
        .skip(1)
        .find_map(|parameter| {
            let equals = parameter.iter().position(|byte| *byte == b'=')?;
            let (name, value) = (&parameter[..equals], &parameter[equals + 1..]);
            let value = value.trim_ascii();
            let value = value.strip_prefix(b"\"").unwrap_or(value);
            let value = value.strip_suffix(b"\"").unwrap_or(value);
            name.trim_ascii()
                .eq_ignore_ascii_case(wanted)
                .then_some(value)
        })
}

/// Whether `content-type` says that the body is JSON: `application/json`, or a type built on it.
pub(crate) fn says_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.map_or(&b""[..], |value| value.as_bytes());
    let essence = value.split(|byte| *byte == b';').next().unwrap_or_default();
    let essence = essence.trim_ascii().to_ascii_lowercase();
    essence.ends_with(b"/json") || essence.ends_with(b"+json")
}

#[cfg(test)]
mod tests;
