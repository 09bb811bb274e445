//! Reading patterns, and saying where they are wrong.

use super::{COUNT_MAX, Ipv6Addr, PARTS_MAX, Part, Pattern};

/// What is wrong, and at which byte from 1 on.
type Wrong = (&'static str, usize);

const BAD_RANGE: &str = "bad range";

/// Reads a pattern.
pub(super) fn pattern(text: &str) -> Result<Pattern, Wrong> {
    let mut reader = Reader { text, at: 0 };
    let mut parts = Vec::new();
    let mut count: u64 = 1;
    while let Some(c) = reader.peek() {
        if parts.len() == PARTS_MAX {
            return Err(("too many globs", reader.column()));
        }
        let part = match c {
            '{' => reader.set()?,
            '[' if reader.address().is_none() => reader.range()?,
            _ => reader.text()?,
        };
        let product = count.checked_mul(part.count());
        let product = product.filter(|count| *count <= COUNT_MAX);
        count = product.ok_or(("range overflow", reader.column()))?;
        parts.push(part);
    }
    if parts.is_empty() {
        parts.push(Part::Text(String::new()));
    }
    Ok(Pattern { parts, count })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// The byte that is next, counted from 1.
    fn column(&self) -> usize {
        self.at + 1
    }

    fn take(&mut self, c: char) -> bool {
        let is_next = self.peek() == Some(c);
        self.at += if is_next { c.len_utf8() } else { 0 };
        is_next
    }

    /// The length of an IPv6 address in brackets, which is no range.
    fn address(&self) -> Option<usize> {
        let (address, _) = self.rest().strip_prefix('[')?.split_once(']')?;
        let (address, _) = address.split_once('%').unwrap_or((address, ""));
        address.parse::<Ipv6Addr>().ok()?;
        Some(self.rest().find(']')? + 1)
    }

    fn text(&mut self) -> Result<Part, Wrong> {
        let mut text = String::new();
        while let Some(c) = self.peek() {
            match c {
                '[' => {
                    let Some(length) = self.address() else { break };
                    text += &self.rest()[..length];
                    self.at += length;
                    continue;
                }
                '{' => break,
                '}' | ']' => return Err(("unmatched close brace/bracket", self.column())),
                '\\' if self.rest()[1..].starts_with(['{', '}', '[', ']']) => self.at += 1,
                _ => {}
            }
            text.extend(self.peek());
            self.at += self.peek().map_or(0, char::len_utf8);
        }
        Ok(Part::Text(text))
    }

    /// `{a,b}`.
    fn set(&mut self) -> Result<Part, Wrong> {
        let opened = self.column();
        self.at += 1;
        let mut choices = vec![String::new()];
        let mut is_empty = true;
        while let Some(c) = self.peek() {
            let choice = choices
                .last_mut()
                .expect("a set has a choice from the beginning");
            match c {
                '{' | '[' => return Err(("nested brace", self.column())),
                ']' => return Err(("unexpected close bracket", self.column())),
                '}' if is_empty => return Err(("empty string within braces", self.column())),
                '}' => {
                    self.at += 1;
                    return Ok(Part::Set(choices));
                }
                ',' => choices.push(String::new()),
                '\\' if self.rest().len() > 1 => {
                    self.at += 1;
                    choice.extend(self.peek());
                }
                c => choice.push(c),
            }
            is_empty = false;
            self.at += self.peek().map_or(0, char::len_utf8);
        }
        Err(("unmatched brace", opened))
    }

    /// `[1-9]`, `[01-10:2]`, `[a-z]`.
    fn range(&mut self) -> Result<Part, Wrong> {
        self.at += 1;
        match self.peek() {
            Some(c) if c.is_ascii_digit() => self.numbers(),
            Some(c) if c.is_ascii_alphabetic() => self.letters(),
            _ => Err(("bad range specification", self.column())),
        }
    }

    /// A number, of which there is at least one digit, and how many digits there are.
    fn number(&mut self) -> Option<(u64, usize)> {
        let rest = self.rest();
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number = rest[..digits].parse().ok()?;
        self.at += digits;
        Some((number, digits))
    }

    fn numbers(&mut self) -> Result<Part, Wrong> {
        let begun = self.column();
        let read = self.number().filter(|_| self.take('-'));
        let (first, digits) = read.ok_or((BAD_RANGE, begun))?;
        let is_padded = self.text[begun - 1..].starts_with('0');
        while self.take(' ') || self.take('\t') {}
        let begun = self.column();
        let (last, _) = self.number().ok_or((BAD_RANGE, begun))?;
        let begun = match self.rest().starts_with(':') {
            true => self.column() + 1,
            false => begun,
        };
        let step = self.step().ok_or((BAD_RANGE, begun))?;
        let count = count(first, last, step).ok_or((BAD_RANGE, self.column()))?;
        Ok(Part::Numbers {
            first,
            step,
            count,
            width: if is_padded { digits } else { 0 },
        })
    }

    fn letters(&mut self) -> Result<Part, Wrong> {
        let begun = self.column();
        let bad = (BAD_RANGE, begun);
        let &[first, b'-', last, b':' | b']', ..] = self.rest().as_bytes() else {
            return Err(bad);
        };
        if !last.is_ascii() {
            return Err(bad);
        }
        self.at += 3;
        let step = self.step().ok_or(bad)?;
        let bad = (BAD_RANGE, self.column());
        let (from, to) = (u64::from(first), u64::from(last));
        let is_near = to.saturating_sub(from) <= u64::from(b'z' - b'a');
        let count = count(from, to, step).filter(|_| is_near).ok_or(bad)?;
        Ok(Part::Letters {
            first,
            // It is no greater than what is between two letters, but for a single one.
            step: u8::try_from(step).map_err(|_| bad)?,
            count,
        })
    }

    /// The step and the end of a range.
    fn step(&mut self) -> Option<u64> {
        let step = match self.take(':') {
            true => self.number()?.0,
            false => 1,
        };
        self.take(']').then_some(step)
    }
}

/// How many are from `first` to `last`; what stops short of the second one is no range.
fn count(first: u64, last: u64, step: u64) -> Option<u64> {
    let distance = last.checked_sub(first)?;
    let is_one = distance == 0 && step == 1;
    if step == 0 || (step > distance && !is_one) {
        return None;
    }
    (distance / step).checked_add(1)
}
