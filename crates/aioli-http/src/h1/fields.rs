//! The fields of a head: as they came, and as a map once somebody looks.
//!
//! A map costs more than all the rest of a small head, and of many responses nobody looks at it:
//! the codec needs a few fields, and finds them among the lines.

use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::{Reject, trim_ows};
use crate::error::{LimitKind, ProtocolErrorKind};

/// What a `HeaderMap` can hold, whatever the caller allows.
const HEADER_MAP_MAX: usize = 1 << 15;
/// Fields that are kept as they came.
pub(super) const FEW: usize = 32;
/// The longest head that is kept as it came.
pub(super) const SHORT: usize = u16::MAX as usize;

/// Where a value lies in a short head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    begin: u16,
    end: u16,
}

impl Span {
    /// `None` where no short head has bytes.
    #[inline]
    pub(super) fn new(begin: usize, end: usize) -> Option<Span> {
        Some(Span {
            begin: u16::try_from(begin).ok()?,
            end: u16::try_from(end).ok()?,
        })
    }
}

/// The fields of one head, in their order.
#[derive(Debug)]
pub(crate) struct Fields {
    head: Bytes,
    /// Where the lines of the fields begin.
    lines_at: usize,
    /// In place of the above, once it is there: it may be changed. Boxed, as few are made.
    map: OnceLock<Box<HeaderMap>>,
}

impl Fields {
    /// At most [`FEW`] fields of a head that is no longer than [`SHORT`], whose lines begin at
    /// `lines_at`. Each line is a token, a colon, and a value that a map takes; a blank one follows.
    #[inline]
    pub(super) fn new(head: Bytes, lines_at: usize) -> Fields {
        Fields {
            head,
            lines_at,
            map: OnceLock::new(),
        }
    }

    /// The fields that `httparse` has found in `head`, however many.
    ///
    /// # Errors
    ///
    /// `HeaderName` when one is too long, and `Headers` when there are too many for a map.
    pub(super) fn parsed(head: Bytes, fields: &[httparse::Header<'_>]) -> Result<Fields, Reject> {
        if fields.len() <= FEW && head.len() <= SHORT {
            let status_line = head.iter().position(|byte| *byte == b'\n');
            let lines_at = status_line.map_or(head.len(), |end| end + 1);
            return Ok(Fields::new(head, lines_at));
        }
        let lines = fields.iter();
        let lines = lines.map(|field| (field.name.as_bytes(), head.slice_ref(field.value)));
        Ok(map(fields.len(), lines)?.into())
    }

    /// Names and values.
    pub(super) fn lines(&self) -> Lines<'_> {
        match self.map.get() {
            None => Lines::Found(&self.head[self.lines_at..]),
            Some(map) => Lines::Mapped(map.iter()),
        }
    }

    /// What lies there in the head as it came.
    pub(super) fn bytes(&self, span: Span) -> &[u8] {
        &self.head[usize::from(span.begin)..usize::from(span.end)]
    }

    /// Where a value of [`lines`](Fields::lines) lies, if the head is kept.
    pub(super) fn span(&self, value: &[u8]) -> Option<Span> {
        let at = value
            .as_ptr()
            .addr()
            .checked_sub(self.head.as_ptr().addr())?;
        let end = at + value.len();
        (end <= self.head.len())
            .then(|| Span::new(at, end))
            .flatten()
    }

    /// The values of the fields of this name; no map is made for it.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let wanted = name.as_bytes();
        self.lines()
            .filter(move |(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value)
    }
}

/// Names and values of the fields of a head.
pub(super) enum Lines<'a> {
    /// What is left of the head.
    Found(&'a [u8]),
    Mapped(header::Iter<'a, HeaderValue>),
}

impl<'a> Iterator for Lines<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Lines::Found(head) => {
                // The line of the end has no colon.
                let colon = head.iter().position(|byte| *byte == b':')?;
                let (name, rest) = head.split_at(colon);
                let end = rest.iter().position(|byte| *byte == b'\r')?;
                *head = rest.get(end + 2..)?;
                Some((name, trim_ows(&rest[1..end])))
            }
            Lines::Mapped(map) => {
                let (name, value) = map.next()?;
                Some((name.as_str().as_bytes(), value.as_bytes()))
            }
        }
    }
}

/// Makes a map of `count` names and values.
fn map<'a>(
    count: usize,
    lines: impl Iterator<Item = (&'a [u8], Bytes)>,
) -> Result<HeaderMap, Reject> {
    let too_many = |_| LimitKind::Headers.over(HEADER_MAP_MAX, count as u64);
    let mut map = HeaderMap::try_with_capacity(count).map_err(too_many)?;
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name).map_err(|_| ProtocolErrorKind::HeaderName)?;
        let value =
            HeaderValue::from_maybe_shared(value).map_err(|_| ProtocolErrorKind::HeaderValue)?;
        map.try_append(name, value).map_err(too_many)?;
    }
    Ok(map)
}

impl Deref for Fields {
    type Target = HeaderMap;

    fn deref(&self) -> &HeaderMap {
        self.map.get_or_init(|| {
            let lines = Lines::Found(&self.head[self.lines_at..]);
            let lines = lines.map(|(name, value)| (name, self.head.slice_ref(value)));
            let count = Lines::Found(&self.head[self.lines_at..]).count();
            // What was let through a map takes, unless it is long or there are many.
            Box::new(map(count, lines).expect("few fields of a short head fit into a map"))
        })
    }
}

impl DerefMut for Fields {
    fn deref_mut(&mut self) -> &mut HeaderMap {
        let _made: &HeaderMap = self;
        self.map.get_mut().expect("it was made just now")
    }
}

impl From<HeaderMap> for Fields {
    fn from(map: HeaderMap) -> Fields {
        Fields {
            head: Bytes::new(),
            lines_at: 0,
            map: OnceLock::from(Box::new(map)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(head: &[u8]) -> Option<Fields> {
        let head = Bytes::copy_from_slice(head);
        let mut slots = [httparse::EMPTY_HEADER; FEW + 1];
        let mut response = httparse::Response::new(&mut slots);
        let parsed = response.parse(&head).ok()?;
        assert_eq!(parsed, httparse::Status::Complete(head.len()));
        Some(Fields::parsed(head.clone(), response.headers).unwrap())
    }

    fn head(fields: &[u8]) -> Vec<u8> {
        [b"HTTP/1.1 200 OK\r\n", fields, b"\r\n"].concat()
    }

    #[test]
    fn a_map_takes_each_byte_that_the_parser_lets_through() {
        let (mut names, mut values) = (0, 0);
        for byte in 0..=u8::MAX {
            let name = head(&[b"a", &[byte][..], b"b: c\r\n"].concat());
            if let Some(fields) = parse(&name).filter(|fields| fields.lines().count() > 0) {
                names += fields.len();
            }
            let value = head(&[b"a: b", &[byte][..], b"c\r\n"].concat());
            if let Some(fields) = parse(&value) {
                values += fields.len();
            }
        }
        // A colon ends a name; what cannot stand in a value are the other control characters.
        assert_eq!((names, values), (15 + 62 + 1, 256 - 31 - 1));
    }

    #[test]
    fn the_lines_say_what_the_map_says() {
        for count in [0, 1, FEW, FEW + 1] {
            let text: String = (0..count)
                .map(|n| format!("X-{}: {n}\r\n", n % 3))
                .collect();
            let fields = parse(&head(text.as_bytes())).unwrap();
            let values =
                |fields: &Fields| -> Vec<_> { fields.values("X-1").map(<[u8]>::to_vec).collect() };
            assert_eq!(fields.map.get().is_some(), count > FEW, "none is made yet");
            let before = values(&fields);
            assert_eq!(fields.len(), count);
            assert_eq!(values(&fields), before);
            let mapped = fields.get_all("x-1").iter();
            assert!(mapped.eq(before.iter().map(|value| &value[..])));
            for fields in [parse(&head(text.as_bytes())).unwrap(), fields] {
                let kept = fields.map.get().is_none();
                for (_, value) in fields.lines() {
                    let span = fields.span(value).filter(|_| kept);
                    assert_eq!(span.map(|span| fields.bytes(span)), kept.then_some(value));
                }
            }
        }
    }

    #[test]
    fn what_was_changed_counts() {
        let mut fields = parse(&head(b"A: 1\r\nb: 2\r\n")).unwrap();
        fields.remove("a");
        assert!(fields.lines().eq([(&b"b"[..], &b"2"[..])]));
        assert_eq!(fields["b"], "2");
    }
}
