//! The head of a request, as far as the server looks at it.

use std::ops::RangeInclusive;

/// A request without a body.
#[derive(Debug, PartialEq)]
pub(super) struct Request {
    pub(super) is_head: bool,
    /// What is asked for, decoded and without the first slash.
    pub(super) name: String,
    /// The first byte that is wanted, and the last one if it is not the file's.
    pub(super) range: Option<(u64, Option<u64>)>,
    /// The version that the range is of.
    pub(super) if_range: Option<String>,
    /// Whether the connection ends after the answer.
    pub(super) is_last: bool,
}

impl Request {
    /// Reads a head; `None` if it is not one of a GET or HEAD request.
    pub(super) fn parse(head: &[u8]) -> Option<Request> {
        let head = std::str::from_utf8(head).ok()?;
        let mut lines = head.lines();
        let mut words = lines.next()?.split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        let path = target.split(['?', '#']).next()?.strip_prefix('/')?;
        let mut request = Request {
            is_head: match method {
                "GET" => false,
                "HEAD" => true,
                _ => return None,
            },
            name: decode(path),
            range: None,
            if_range: None,
            is_last: version != "HTTP/1.1",
        };
        for line in lines.take_while(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':')?;
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "range" => request.range = range(value),
                "if-range" => request.if_range = Some(value.to_owned()),
                "connection" => request.is_last |= value.eq_ignore_ascii_case("close"),
                // What follows would be a body, which nothing here reads.
                "content-length" | "transfer-encoding" => request.is_last = true,
                _ => {}
            }
        }
        Some(request)
    }

    /// The bytes to send of a file of `length` in the version `tag`: a range, if one is asked
    /// for and applies. `Err` if the file has no such bytes.
    pub(super) fn part(&self, length: u64, tag: &str) -> Result<Option<RangeInclusive<u64>>, ()> {
        let Some((first, last)) = self.range else {
            return Ok(None);
        };
        if self.if_range.as_ref().is_some_and(|wanted| wanted != tag) {
            return Ok(None);
        }
        if first >= length || last.is_some_and(|last| last < first) {
            return Err(());
        }
        let end = length - 1;
        Ok(Some(first..=last.map_or(end, |last| last.min(end))))
    }
}

/// `bytes=2-` or `bytes=2-5`; other forms are ignored, as a server may.
fn range(value: &str) -> Option<(u64, Option<u64>)> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    let last = match last {
        "" => None,
        last => Some(number(last)?),
    };
    Some((number(first)?, last))
}

/// Digits alone; `str::parse` takes a sign as well.
fn number(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

/// Text with `%41` for `A`.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| first == b'%');
        let byte = digits
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Request, decode};

    proptest! {
        #[test]
        fn a_part_is_within_the_file_whatever_is_asked(
            head in prop_oneof![
                "(GET|HEAD) /[!-~]{0,9} HTTP/1[.]1\r\n(range: bytes=[0-9+ -]{0,22}\r\n){0,2}\r\n",
                "(?s).{0,200}",
            ],
            length in prop_oneof![0..30_u64, any::<u64>()],
        ) {
            if let Some(request) = Request::parse(head.as_bytes())
                && let Ok(Some(part)) = request.part(length, "tag")
            {
                prop_assert!(part.start() <= part.end() && *part.end() < length, "{part:?}");
            }
        }
    }

    #[test]
    fn heads() {
        let parse = |text: &str| Request::parse(text.replace('\n', "\r\n").as_bytes());
        let request = parse("GET /a%20b?c HTTP/1.1\nRange: bytes=3-\nIf-Range: \"x\"\n\n").unwrap();
        assert_eq!(request.name, "a b");
        assert_eq!(request.range, Some((3, None)));
        assert_eq!(request.if_range.as_deref(), Some("\"x\""));
        assert!(!request.is_last && !request.is_head);
        assert!(parse("HEAD / HTTP/1.0\n\n").unwrap().is_last);
        assert_eq!(parse("POST / HTTP/1.1\n\n"), None);
        assert_eq!(parse("nonsense\n\n"), None);
    }

    #[test]
    fn ranges() {
        let part = |range, length| {
            let head = format!("GET / HTTP/1.1\r\nrange: bytes={range}\r\nif-range: t\r\n\r\n");
            let request = Request::parse(head.as_bytes()).unwrap();
            assert_eq!(request.part(length, "other"), Ok(None));
            request.part(length, "t")
        };
        assert_eq!(part("2-", 10), Ok(Some(2..=9)));
        assert_eq!(part("2-5", 10), Ok(Some(2..=5)));
        assert_eq!(part("2-50", 10), Ok(Some(2..=9)));
        assert_eq!(part("10-", 10), Err(()));
        assert_eq!(part("0-", 0), Err(()));
        for ignored in [
            "-5",
            "+2-",
            "2-+5",
            " 2-5",
            "a-b",
            "2",
            "99999999999999999999-",
        ] {
            assert_eq!(part(ignored, 10), Ok(None), "{ignored}");
        }
    }

    #[test]
    fn escapes() {
        assert_eq!(decode("a%2Fb%2"), "a/b%2");
        assert_eq!(decode("%E2%82%AC%zz%+1"), "€%zz%+1");
    }
}
