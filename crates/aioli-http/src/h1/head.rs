//! The response's head: found incrementally, checked strictly, parsed once.
//!
//! [`HeadParser::parse`] is given everything received since the head began, as often as more
//! arrives. It remembers how far it has looked, so that a head that comes byte by byte costs
//! linear time, and it refuses what can never become a head as soon as that shows: the first
//! bytes, a bare line end, a folded line, a head over its limits. Only a complete head is
//! tokenized (by `httparse`, whose leniencies the first pass has ruled out).
//!
//! Most heads come whole and well-formed. [`regular`](HeadParser::regular) takes those in one pass,
//! and leaves everything that is not plainly so, and every verdict, to the scan.

use bytes::Bytes;
use http::{StatusCode, Version};

use super::Reject;
use super::buffer::ReadBuffer;
use super::fields::{FEW, Fields, Span};
use crate::error::{LimitKind, ProtocolErrorKind};

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod regular;

use regular::regular;

/// Bounds on the heads of one response, informational ones included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadLimits {
    pub(crate) bytes: usize,
    pub(crate) headers: usize,
    pub(crate) informational: usize,
    pub(crate) reason: usize,
}

/// One stray line end after the last body is a known fault; many are an attack.
const MAX_LEADING_BLANKS: usize = 4;
/// Where the reason phrase begins: after `HTTP/1.1 200 `.
const REASON_AT: usize = 13;

/// A final response head.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: Fields,
    pub(crate) marks: Marks,
    /// Bytes it took.
    pub(crate) size: usize,
}

/// Which of the headers are there that decide about framing, and about decoding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) content_length: Seen,
    pub(crate) transfer_encoding: Seen,
    pub(crate) connection: Seen,
    pub(crate) keep_alive: Seen,
    pub(crate) content_encoding: bool,
    pub(crate) set_cookie: bool,
}

/// How often there is a field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Seen {
    #[default]
    Never,
    /// With this value.
    Once(Span),
    /// So that it has to be looked for.
    Often,
}

impl Seen {
    fn note(&mut self, value: Option<Span>) {
        *self = match (*self, value) {
            (Seen::Never, Some(value)) => Seen::Once(value),
            _ => Seen::Often,
        };
    }

    /// Its values in `headers`, where it has this name.
    pub(super) fn values<'a>(
        self,
        headers: &'a Fields,
        name: &'a str,
    ) -> impl Iterator<Item = &'a [u8]> {
        let (once, often) = match self {
            Seen::Never => (None, None),
            Seen::Once(value) => (Some(headers.bytes(value)), None),
            Seen::Often => (None, Some(headers.values(name))),
        };
        once.into_iter().chain(often.into_iter().flatten())
    }
}

impl Marks {
    pub(crate) fn of(headers: &Fields) -> Marks {
        let mut marks = Marks::default();
        for (name, value) in headers.lines() {
            marks.note(name, || headers.span(value));
        }
        marks
    }

    // A call would be most of what it costs.
    #[inline(always)]
    fn note(&mut self, name: &[u8], value: impl FnOnce() -> Option<Span>) {
        // By its length, of which most names have none that counts.
        let seen = match name.len() {
            14 if is(name, b"content-length") => &mut self.content_length,
            17 if is(name, b"transfer-encoding") => &mut self.transfer_encoding,
            10 if is(name, b"connection") => &mut self.connection,
            10 if is(name, b"keep-alive") => &mut self.keep_alive,
            16 if is(name, b"content-encoding") => return self.content_encoding = true,
            10 if is(name, b"set-cookie") => return self.set_cookie = true,
            _ => return,
        };
        seen.note(value());
    }
}

/// Whether the name of a field is this one, which is of small letters and hyphens.
///
/// The bytes are compared at once. That bit tells no other characters of a name from those: what
/// becomes a hyphen by it is none.
#[inline(always)]
fn is<const N: usize>(name: &[u8], known: &[u8; N]) -> bool {
    <[u8; N]>::try_from(name).is_ok_and(|name| name.map(|byte| byte | 0x20) == *known)
}

/// What the bytes so far amount to.
#[derive(Debug)]
#[must_use]
pub(crate) enum Progress {
    /// More bytes are needed.
    Partial,
    /// A 1xx head with this status; the parser is ready for the next head.
    Informational(Head),
    /// The final head.
    Final(Head),
}

/// The parser of the heads of one exchange.
#[derive(Debug)]
pub(crate) struct HeadParser {
    limits: HeadLimits,
    /// What the heads before the current one have taken.
    taken: Taken,
    scan: Scan,
    /// Whether the server may switch protocols: then its 101 is a final head.
    upgrade: bool,
}

/// What counts against the limits.
#[derive(Debug, Clone, Copy, Default)]
struct Taken {
    bytes: usize,
    headers: usize,
    informational: usize,
}

/// How far the current head has been looked at.
#[derive(Debug, Default)]
struct Scan {
    /// Bytes looked at.
    at: usize,
    /// Where the current line begins.
    line_start: usize,
    /// Where the status line begins: after blank lines that were let through.
    head_start: usize,
    /// Complete lines, the status line first.
    lines: usize,
    /// The last byte was a carriage return.
    after_cr: bool,
}

impl HeadParser {
    pub(crate) fn new(limits: HeadLimits) -> HeadParser {
        HeadParser {
            limits,
            taken: Taken::default(),
            scan: Scan::default(),
            upgrade: false,
        }
    }

    /// Lets the server switch protocols, if `asked`.
    pub(crate) fn upgrade(self, asked: bool) -> HeadParser {
        HeadParser {
            upgrade: asked,
            ..self
        }
    }

    /// Looks at `input`, which begins where the current head does, and takes a complete head out.
    ///
    /// # Errors
    ///
    /// The first thing that makes `input` impossible as a head, or too large.
    pub(crate) fn parse(&mut self, input: &mut ReadBuffer) -> Result<Progress, Reject> {
        let found = match self.regular(input) {
            Some(head) => Some(head),
            None => self.scanned(input)?,
        };
        let Some(head) = found else {
            return Ok(Progress::Partial);
        };
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            return if self.upgrade {
                Ok(Progress::Final(head))
            } else {
                Err(ProtocolErrorKind::Upgrade.into())
            };
        }
        if head.status.is_informational() {
            self.taken.informational += 1;
            let (seen, limit) = (self.taken.informational, self.limits.informational);
            if seen > limit {
                return Err(LimitKind::Informational.over(limit, seen as u64).into());
            }
            return Ok(Progress::Informational(head));
        }
        Ok(Progress::Final(head))
    }

    /// Takes a head that came in one piece and is as most are, looking at each byte once.
    fn regular(&mut self, input: &mut ReadBuffer) -> Option<Head> {
        if self.scan.at > 0 {
            return None;
        }
        let found = regular(input.filled())?;
        if self.taken.bytes + found.end > self.limits.bytes
            || self.taken.headers + found.count > self.limits.headers
            || found.status_line > REASON_AT.saturating_add(self.limits.reason)
        {
            return None;
        }
        self.taken.bytes += found.end;
        self.taken.headers += found.count;
        let (status, version) = found.start;
        Some(Head {
            status,
            version,
            headers: Fields::new(input.take(found.end), found.lines_at),
            marks: found.marks,
            size: found.end,
        })
    }

    /// Looks at what came since the last time, byte by byte.
    fn scanned(&mut self, input: &mut ReadBuffer) -> Result<Option<Head>, Reject> {
        let Some(end) = self.scan.run(input.filled(), self.limits, self.taken)? else {
            return Ok(None);
        };
        let start = self.scan.head_start;
        let headers = self.scan.lines - 1;
        self.taken.bytes += end;
        self.taken.headers += headers;
        self.scan = Scan::default();
        let head = input.take(end);
        tokenize(head.slice(start..), headers, end).map(Some)
    }
}

impl Scan {
    /// Looks at the bytes of `input` not seen before; returns the length of the head once its
    /// blank line is there.
    fn run(
        &mut self,
        input: &[u8],
        limits: HeadLimits,
        taken: Taken,
    ) -> Result<Option<usize>, Reject> {
        let left = limits.bytes - taken.bytes;
        while let Some(&byte) = input.get(self.at) {
            if self.at == left {
                let seen = limits.bytes as u64 + 1;
                return Err(LimitKind::Head.over(limits.bytes, seen).into());
            }
            let offset = self.at - self.head_start;
            let blank = matches!((offset, byte), (0, b'\r' | b'\n') | (1, b'\n'))
                && (offset == 0 || self.after_cr);
            if self.lines == 0 && !blank {
                check_start(offset, byte)?;
            }
            self.at += 1;
            match byte {
                b'\n' if !self.after_cr => return Err(ProtocolErrorKind::LineEnd.into()),
                b'\n' => {
                    self.after_cr = false;
                    if self.end_line(limits.headers, taken.headers)? {
                        return Ok(Some(self.at));
                    }
                }
                _ if self.after_cr => return Err(ProtocolErrorKind::LineEnd.into()),
                b'\r' => self.after_cr = true,
                b' ' | b'\t' if self.at - 1 == self.line_start => {
                    return Err(ProtocolErrorKind::Folded.into());
                }
                _ => self.check_reason(limits.reason)?,
            }
        }
        Ok(None)
    }

    /// Takes note of a complete line; tells whether it is the blank one that ends the head.
    fn end_line(&mut self, limit: usize, taken: usize) -> Result<bool, Reject> {
        let blank = self.at - self.line_start == 2;
        self.line_start = self.at;
        if blank && self.lines > 0 {
            return Ok(true);
        }
        if blank {
            self.head_start = self.at;
            if self.head_start > 2 * MAX_LEADING_BLANKS {
                let seen = self.head_start as u64;
                return Err(LimitKind::Head.over(2 * MAX_LEADING_BLANKS, seen).into());
            }
            return Ok(false);
        }
        self.lines += 1;
        let seen = taken + self.lines - 1;
        if seen > limit {
            return Err(LimitKind::Headers.over(limit, seen as u64).into());
        }
        Ok(false)
    }

    fn check_reason(&self, limit: usize) -> Result<(), Reject> {
        let seen = self.at - self.head_start;
        if self.lines == 0 && seen > REASON_AT.saturating_add(limit) {
            let seen = seen - REASON_AT;
            return Err(LimitKind::Reason.over(limit, seen as u64).into());
        }
        Ok(())
    }
}

/// Checks the byte at `offset` of the status line against `HTTP/1.0 ` and `HTTP/1.1 `.
///
/// Byte by byte, so that the verdict does not depend on how the bytes were cut into reads.
fn check_start(offset: usize, byte: u8) -> Result<(), ProtocolErrorKind> {
    const PREFIX: &[u8] = b"HTTP/1.";
    const MINOR: usize = PREFIX.len();
    const SPACE: usize = MINOR + 1;
    match (offset, byte) {
        (0..MINOR, byte) if byte == PREFIX[offset] => Ok(()),
        // The types of a TLS alert and of a handshake record.
        (0, 0x15 | 0x16) => Err(ProtocolErrorKind::TlsOnPlainPort),
        (0, _) => Err(ProtocolErrorKind::NotHttp),
        (MINOR, b'0' | b'1') | (SPACE, b' ') => Ok(()),
        (SPACE, byte) if !byte.is_ascii_digit() => Err(ProtocolErrorKind::StatusLine),
        (..=SPACE, _) => Err(ProtocolErrorKind::Version),
        _ => Ok(()),
    }
}

/// Parses a complete head with `count` header lines, which took `size` bytes in all.
fn tokenize(head: Bytes, count: usize, size: usize) -> Result<Head, Reject> {
    let mut few = [httparse::EMPTY_HEADER; FEW];
    let mut many = Vec::new();
    let slots = if count <= few.len() {
        &mut few[..]
    } else {
        many.resize(count, httparse::EMPTY_HEADER);
        &mut many[..]
    };
    let mut response = httparse::Response::new(slots);
    match response.parse(&head) {
        Ok(httparse::Status::Complete(n)) if n == head.len() => {}
        Ok(_) => return Err(ProtocolErrorKind::LineEnd.into()),
        Err(error) => return Err(refusal(error)),
    }
    let (status, version) = start_line(&response)?;
    let headers = Fields::parsed(head.clone(), response.headers)?;
    Ok(Head {
        status,
        version,
        marks: Marks::of(&headers),
        headers,
        size,
    })
}

fn start_line(response: &httparse::Response<'_, '_>) -> Result<(StatusCode, Version), Reject> {
    let version = match response.version {
        Some(0) => Version::HTTP_10,
        Some(1) => Version::HTTP_11,
        _ => return Err(ProtocolErrorKind::Version.into()),
    };
    let status = response
        .code
        .and_then(|code| StatusCode::from_u16(code).ok())
        .ok_or(ProtocolErrorKind::Status)?;
    Ok((status, version))
}

fn refusal(error: httparse::Error) -> Reject {
    match error {
        httparse::Error::HeaderName => ProtocolErrorKind::HeaderName.into(),
        httparse::Error::HeaderValue => ProtocolErrorKind::HeaderValue.into(),
        httparse::Error::NewLine => ProtocolErrorKind::LineEnd.into(),
        httparse::Error::Status => ProtocolErrorKind::Status.into(),
        httparse::Error::Version => ProtocolErrorKind::Version.into(),
        // There is a place for each line, so there cannot be too many.
        httparse::Error::Token | httparse::Error::TooManyHeaders => {
            ProtocolErrorKind::StatusLine.into()
        }
    }
}

#[cfg(test)]
mod tests;
