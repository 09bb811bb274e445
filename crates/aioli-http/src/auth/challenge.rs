//! `www-authenticate` taken apart: schemes and their parameters (RFC 9110, section 11.6.1).

use crate::h1::is_token;

/// Parameters of one challenge.
const MAX_PARAMS: usize = 32;
/// Challenges of one response.
const MAX_CHALLENGES: usize = 16;

/// One challenge.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) scheme: String,
    /// Names in lower case; values without their quotes.
    params: Vec<(String, String)>,
}

impl Challenge {
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        let found = self.params.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| &value[..])
    }
}

/// Reads the challenges of one header; what is malformed ends the list, and so does a parameter of
/// more than `longest` bytes.
///
/// A scheme is followed by a blank and parameters, the parameters by commas, and so are the
/// challenges: `Digest realm="a", qop=auth, Basic realm="b"`. So a token is a parameter's name
/// if `=` comes after it, and a scheme otherwise.
pub(super) fn parse(header: &[u8], longest: usize) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut input = Input(header);
    loop {
        input.skip(|byte| matches!(byte, b' ' | b'\t' | b','));
        let Some(token) = input.token() else {
            return challenges;
        };
        input.skip(is_blank);
        if !input.take(b'=') {
            if challenges.len() == MAX_CHALLENGES {
                return challenges;
            }
            challenges.push(Challenge {
                scheme: token.to_ascii_lowercase(),
                params: Vec::new(),
            });
            input.skip_token68();
            continue;
        }
        input.skip(is_blank);
        let (Some(value), Some(challenge)) = (input.value(), challenges.last_mut()) else {
            // A broken parameter breaks its challenge.
            challenges.pop();
            return challenges;
        };
        let parts = challenge.params.len() + 1;
        for (what, seen, limit) in [
            ("a parameter is too long", value.len(), longest),
            ("there are too many parameters", parts, MAX_PARAMS),
        ] {
            if seen > limit {
                tracing::debug!(limit, seen, "a challenge is not answered: {what}");
                challenges.pop();
                return challenges;
            }
        }
        let name = token.to_ascii_lowercase();
        if challenge.param(&name).is_some() {
            // Which of the two is meant cannot be known.
            challenges.pop();
            return challenges;
        }
        challenge.params.push((name, value));
    }
}

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn skip(&mut self, unwanted: impl Fn(u8) -> bool) {
        let end = self.0.iter().position(|byte| !unwanted(*byte));
        self.0 = &self.0[end.unwrap_or(self.0.len())..];
    }

    fn take(&mut self, wanted: u8) -> bool {
        match self.0.strip_prefix(&[wanted]) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn token(&mut self) -> Option<&'a str> {
        let end = self.0.iter().position(|byte| !is_token(*byte));
        let (token, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        std::str::from_utf8(token)
            .ok()
            .filter(|token| !token.is_empty())
    }

    /// Skips what schemes like `Negotiate` have in place of parameters: letters of base 64 that
    /// do not begin a parameter.
    fn skip_token68(&mut self) {
        let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
        let letters = self.0.iter().take_while(|byte| is_letter(byte)).count();
        let pads = self.0[letters..]
            .iter()
            .take_while(|byte| **byte == b'=')
            .count();
        let rest = &self.0[letters + pads..];
        let next = rest.iter().find(|byte| !is_blank(**byte));
        if letters > 0 && matches!(next, None | Some(b',')) {
            self.0 = rest;
        }
    }

    fn value(&mut self) -> Option<String> {
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

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests;
