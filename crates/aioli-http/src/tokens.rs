//! The words that fields are made of: tokens, quoted strings (RFC 9110, section 5.6), seconds.

use crate::h1::is_token;

/// What is left to read of a field.
pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn skip(&mut self, unwanted: impl Fn(u8) -> bool) {
        let end = self.0.iter().position(|byte| !unwanted(*byte));
        self.0 = &self.0[end.unwrap_or(self.0.len())..];
    }

    pub(crate) fn take(&mut self, wanted: u8) -> bool {
        match self.0.strip_prefix(&[wanted]) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    pub(crate) fn token(&mut self) -> Option<&'a str> {
        let end = self.0.iter().position(|byte| !is_token(*byte));
        let (token, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        std::str::from_utf8(token)
            .ok()
            .filter(|token| !token.is_empty())
    }

    /// A token, or a quoted string without its quotes.
    pub(crate) fn value(&mut self) -> Option<String> {
        if !self.take(b'"') {
            return self.token().map(str::to_owned);
        }
        let mut value = Vec::new();
        loop {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            match byte {
                b'"' => return String::from_utf8(value).ok(),
                b'\\' => {
                    let (byte, rest) = self.0.split_first()?;
                    self.0 = rest;
                    value.push(*byte);
                }
                byte => value.push(*byte),
            }
        }
    }
}

/// A whole number of seconds; one that is too large stands for the largest (RFC 9111, section 1.2.2).
pub(crate) fn seconds(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = text.iter().map(|byte| u64::from(byte - b'0'));
    Some(digits.fold(0, |value: u64, digit| {
        value.saturating_mul(10).saturating_add(digit)
    }))
}

pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}
