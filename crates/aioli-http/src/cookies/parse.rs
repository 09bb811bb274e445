//! The `set-cookie` line, taken apart as RFC 6265bis, section 5.6, says.

use super::{CookieError, SameSite};
use crate::{date, tokens};

/// An attribute with a longer value is ignored.
const MAX_ATTRIBUTE: usize = 1024;

/// What a `set-cookie` line says; of repeated attributes the last one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SetCookie<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    /// Without its leading dot; empty is as good as absent.
    pub(super) domain: &'a [u8],
    /// Present and beginning with a slash, or present and anything else, or absent.
    pub(super) path: Option<&'a [u8]>,
    /// Seconds from now; wins over `expires`.
    pub(super) max_age: Option<i64>,
    /// Seconds since 1970.
    pub(super) expires: Option<i64>,
    pub(super) secure: bool,
    pub(super) http_only: bool,
    pub(super) same_site: SameSite,
}

/// Takes a line apart, whose name and value have at most `pair` bytes.
///
/// # Errors
///
/// `Control`, `Size` and `Empty`; malformed attributes are ignored.
pub(super) fn parse(line: &[u8], pair: u32) -> Result<SetCookie<'_>, CookieError> {
    if line.iter().any(|byte| is_control(*byte)) {
        return Err(CookieError::Control);
    }
    let mut parts = line.split(|byte| *byte == b';');
    let first = parts.next().unwrap_or_default();
    // A pair without `=` is a value without a name.
    let (name, value) = split(first).unwrap_or((b"", trim(first)));
    if name.is_empty() && value.is_empty() {
        return Err(CookieError::Empty);
    }
    check_size(name.len() + value.len(), pair)?;
    let mut cookie = SetCookie {
        name,
        value,
        ..SetCookie::default()
    };
    for part in parts {
        let (name, value) = split(part).unwrap_or((trim(part), b""));
        if value.len() <= MAX_ATTRIBUTE {
            cookie.attribute(name, value);
        }
    }
    Ok(cookie)
}

/// Checks the bytes of a name and a value together.
pub(super) fn check_size(seen: usize, limit: u32) -> Result<(), CookieError> {
    let limit = limit as usize;
    match seen > limit {
        true => Err(CookieError::Size { limit, seen }),
        false => Ok(()),
    }
}

impl<'a> SetCookie<'a> {
    fn attribute(&mut self, name: &[u8], value: &'a [u8]) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("expires") {
            self.expires = date::parse(value).or(self.expires);
        } else if is("max-age") {
            self.max_age = seconds(value).or(self.max_age);
        } else if is("domain") {
            self.domain = value.strip_prefix(b".").unwrap_or(value);
        } else if is("path") {
            self.path = Some(value);
        } else if is("secure") {
            self.secure = true;
        } else if is("httponly") {
            self.http_only = true;
        } else if is("samesite") {
            self.same_site = SameSite::parse(value);
        }
    }
}

/// Whether a byte may stand nowhere in a cookie.
pub(super) fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

/// Splits at the first `=`.
fn split(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = pair.iter().position(|byte| *byte == b'=')?;
    Some((trim(&pair[..at]), trim(&pair[at + 1..])))
}

/// Removes blanks and tabs from both ends.
fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// A whole number, which may be less than zero; one that is too large stands for the largest.
fn seconds(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let value = i64::try_from(tokens::seconds(digits)?).unwrap_or(i64::MAX);
    Some(if negative { -value } else { value })
}
