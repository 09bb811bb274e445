//! `www-authenticate` taken apart: schemes and their parameters (RFC 9110, section 11.6.1).

use crate::tokens::{Input, is_blank};

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

impl Input<'_> {
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
}

#[cfg(test)]
mod tests;
