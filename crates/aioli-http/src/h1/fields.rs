//! The fields of a head: as they came, and as a map once somebody looks.
//!
//! A map costs more than all the rest of a small head, and of many responses nobody looks at it:
//! the codec needs a few fields, and finds them among the lines.

use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::Reject;
use crate::error::{LimitKind, ProtocolErrorKind};

/// What a `HeaderMap` can hold, whatever the caller allows.
const HEADER_MAP_MAX: usize = 1 << 15;
/// Fields that are kept as they came.
pub(super) const FEW: usize = 32;

/// Where name and value of a field lie in their head.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    name: u16,
    name_end: u16,
    value: u16,
    value_end: u16,
}

impl Place {
    /// Finds a field in the head it was parsed from.
    fn of(field: &httparse::Header<'_>, head: &[u8]) -> Option<Place> {
        let at = |part: &[u8]| part.as_ptr().addr().wrapping_sub(head.as_ptr().addr());
        let name = at(field.name.as_bytes());
        // An empty value may lie anywhere.
        let value = match field.value {
            b"" => name,
            value => at(value),
        };
        Some(Place {
            name: u16::try_from(name).ok()?,
            name_end: u16::try_from(name + field.name.len()).ok()?,
            value: u16::try_from(value).ok()?,
            value_end: u16::try_from(value + field.value.len()).ok()?,
        })
    }

    fn name<'a>(&self, head: &'a [u8]) -> &'a [u8] {
        &head[usize::from(self.name)..usize::from(self.name_end)]
    }

    fn value<'a>(&self, head: &'a [u8]) -> &'a [u8] {
        &head[usize::from(self.value)..usize::from(self.value_end)]
    }
}

/// The places of few fields in a short head.
#[derive(Debug)]
pub(super) struct Places {
    list: [Place; FEW],
    count: usize,
}

impl Places {
    /// Finds fields in the head they were parsed from; `None` when they are many, or it is long.
    pub(super) fn of(fields: &[httparse::Header<'_>], head: &[u8]) -> Option<Places> {
        let mut list = [Place::default(); FEW];
        for (place, field) in list.get_mut(..fields.len())?.iter_mut().zip(fields) {
            *place = Place::of(field, head)?;
        }
        let count = fields.len();
        Some(Places { list, count })
    }

    fn all(&self) -> &[Place] {
        &self.list[..self.count]
    }

    /// Where each field begins.
    pub(super) fn starts(&self) -> impl Iterator<Item = usize> {
        self.all().iter().map(|place| place.name.into())
    }
}

/// The fields of one head, in their order.
#[derive(Debug)]
pub(crate) struct Fields {
    head: Bytes,
    places: Places,
    /// In place of the above, once it is there: it may be changed.
    map: OnceLock<HeaderMap>,
}

impl Fields {
    /// The fields that `httparse` has found at `places`.
    #[inline(always)]
    pub(super) fn new(head: Bytes, places: Places) -> Box<Fields> {
        Box::new(Fields {
            head,
            places,
            map: OnceLock::new(),
        })
    }

    /// The fields that `httparse` has found in `head`, however many.
    ///
    /// # Errors
    ///
    /// `HeaderName` when one is too long, and `Headers` when there are too many for a map.
    pub(super) fn parsed(
        head: Bytes,
        fields: &[httparse::Header<'_>],
    ) -> Result<Box<Fields>, Reject> {
        if let Some(places) = Places::of(fields, &head) {
            return Ok(Fields::new(head.clone(), places));
        }
        let lines = fields.iter();
        let lines = lines.map(|field| (field.name.as_bytes(), head.slice_ref(field.value)));
        Ok(Box::new(map(lines)?.into()))
    }

    /// Names and values.
    pub(super) fn lines(&self) -> Lines<'_> {
        match self.map.get() {
            None => Lines::Found(&self.head, self.places.all().iter()),
            Some(map) => Lines::Mapped(map.iter()),
        }
    }

    /// The value of a line.
    pub(crate) fn value(&self, line: usize) -> Option<&[u8]> {
        match self.map.get() {
            None => self.places.all().get(line).map(|at| at.value(&self.head)),
            Some(map) => map.values().nth(line).map(HeaderValue::as_bytes),
        }
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
    Found(&'a [u8], std::slice::Iter<'a, Place>),
    Mapped(header::Iter<'a, HeaderValue>),
}

impl<'a> Iterator for Lines<'a> {
    type Item = (&'a [u8], &'a [u8]);

    // A head is gone through for each response, and a call would be half of each step.
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Lines::Found(head, places) => {
                let place = places.next()?;
                Some((place.name(head), place.value(head)))
            }
            Lines::Mapped(map) => {
                let (name, value) = map.next()?;
                Some((name.as_str().as_bytes(), value.as_bytes()))
            }
        }
    }
}

/// Makes a map of names and values.
fn map<'a>(lines: impl ExactSizeIterator<Item = (&'a [u8], Bytes)>) -> Result<HeaderMap, Reject> {
    let count = lines.len();
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
            let places = self.places.all().iter();
            let lines = places.map(|place| {
                let value = place.value(&self.head);
                (place.name(&self.head), self.head.slice_ref(value))
            });
            // What `httparse` lets through a map takes, unless it is long or there are many.
            map(lines).expect("few fields of a short head fit into a map")
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
            places: Places {
                list: [Place::default(); FEW],
                count: 0,
            },
            map: OnceLock::from(map),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(head: &[u8]) -> Option<Box<Fields>> {
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
            if let Some(fields) = parse(&name).filter(|fields| fields.places.count > 0) {
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
                let lines = fields.lines().enumerate();
                lines.for_each(|(at, (_, value))| assert_eq!(fields.value(at), Some(value)));
                assert_eq!(fields.value(count), None);
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
