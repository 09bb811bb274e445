//! Digest authentication (RFC 7616): a server's challenge, and the answers to it.
//!
//! A challenge is answered for all requests that follow, counted, until the server gives out
//! another one. The nonce of the client stays the same meanwhile: the session variants derive
//! their key from the first one.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, HeaderValue, header};
use md5::Md5;
use sha2::{Digest as _, Sha256, Sha512_256};

use super::challenge::{self, Challenge};
use crate::origin::Origin;

/// Random bytes of a client's nonce.
const CNONCE_BYTES: usize = 16;

/// Credentials, and the challenge they answer at present.
pub(super) struct Digest {
    user: String,
    password: String,
    current: Mutex<Option<(Origin, Answering)>>,
}

impl Digest {
    pub(super) fn new(user: &str, password: &str) -> Digest {
        Digest {
            user: user.to_owned(),
            password: password.to_owned(),
            current: Mutex::default(),
        }
    }

    /// The header of a request, when a challenge of its origin is known.
    pub(super) fn answer(
        &self,
        origin: &Origin,
        method: &str,
        target: &str,
    ) -> Option<HeaderValue> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, answering) = current.as_mut()?;
        if of != origin {
            return None;
        }
        answering.count += 1;
        let text = answering.write(&self.user, &self.password, method, target);
        let mut value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Takes note of the challenges of a 401; tells whether one of them is to be answered.
    ///
    /// `answered` says that the refused request carried an answer. Then only another nonce is
    /// worth another one: with the same, it is the password that is wrong.
    pub(super) fn challenged(
        &self,
        origin: &Origin,
        headers: &HeaderMap,
        answered: bool,
        longest: usize,
    ) -> bool {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match current.take() {
            Some((of, answering)) if of == *origin => Some(answering),
            _ => None,
        };
        let challenges = headers.get_all(header::WWW_AUTHENTICATE).iter();
        let best = challenges
            .flat_map(|value| challenge::parse(value.as_bytes(), longest))
            .filter_map(|challenge| Answering::to(&challenge))
            // The first one of the strongest, which is what the server prefers.
            .reduce(|best, next| {
                if next.algorithm > best.algorithm {
                    next
                } else {
                    best
                }
            });
        let Some(mut best) = best else {
            return false;
        };
        let repeated = before.is_some_and(|before| before.nonce == best.nonce);
        if answered && repeated && !best.stale {
            return false;
        }
        let mut random = [0; CNONCE_BYTES];
        if let Err(error) = getrandom::fill(&mut random) {
            tracing::warn!(%error, "no randomness; a digest challenge stays unanswered");
            return false;
        }
        best.cnonce = hex(&random);
        *current = Some((origin.clone(), best));
        true
    }

    /// Forgets the challenge, whose answer was not accepted.
    pub(super) fn refused(&self) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The hash of a challenge; the stronger, the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Algorithm {
    Md5,
    Sha256,
    Sha512_256,
}

impl Algorithm {
    /// The hash, in hexadecimal, of `parts` with colons between them.
    fn hash(self, parts: &[&str]) -> String {
        let text = parts.join(":");
        match self {
            Algorithm::Md5 => hex(&Md5::digest(text)),
            Algorithm::Sha256 => hex(&Sha256::digest(text)),
            Algorithm::Sha512_256 => hex(&Sha512_256::digest(text)),
        }
    }
}

/// A challenge that is being answered.
#[derive(Debug)]
struct Answering {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    /// As the server wrote it, if it did.
    algorithm_name: Option<String>,
    /// The key is derived from both nonces.
    session: bool,
    /// `qop=auth`; otherwise the form of RFC 2069, without a count.
    counted: bool,
    userhash: bool,
    /// The server calls the nonce used before out of date, and the password right.
    stale: bool,
    cnonce: String,
    /// Requests answered.
    count: u32,
}

impl Answering {
    /// Reads a challenge; `None` when it is none of this scheme, or asks for what is not here.
    fn to(challenge: &Challenge) -> Option<Answering> {
        if challenge.scheme != "digest" {
            return None;
        }
        let algorithm_name = challenge.param("algorithm");
        let name = algorithm_name.unwrap_or("MD5").to_ascii_uppercase();
        let (base, session) = match name.strip_suffix("-SESS") {
            Some(base) => (base, true),
            None => (&name[..], false),
        };
        let algorithm = match base {
            "MD5" => Algorithm::Md5,
            "SHA-256" => Algorithm::Sha256,
            "SHA-512-256" => Algorithm::Sha512_256,
            _ => return None,
        };
        let says = |name: &str| {
            let value = challenge.param(name);
            value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
        };
        let counted = match challenge.param("qop") {
            None => false,
            Some(offers) if has_auth(offers) => true,
            Some(_) => return None,
        };
        Some(Answering {
            realm: challenge.param("realm")?.to_owned(),
            nonce: challenge.param("nonce")?.to_owned(),
            opaque: challenge.param("opaque").map(str::to_owned),
            algorithm,
            algorithm_name: algorithm_name.map(str::to_owned),
            session,
            counted,
            userhash: says("userhash"),
            stale: says("stale"),
            cnonce: String::new(),
            count: 0,
        })
    }

    /// The proof (RFC 7616, section 3.4.1).
    fn response(&self, user: &str, password: &str, method: &str, target: &str) -> String {
        let algorithm = self.algorithm;
        let mut key = algorithm.hash(&[user, &self.realm, password]);
        if self.session {
            key = algorithm.hash(&[&key, &self.nonce, &self.cnonce]);
        }
        let what = algorithm.hash(&[method, target]);
        if self.counted {
            let count = format!("{:08x}", self.count);
            algorithm.hash(&[&key, &self.nonce, &count, &self.cnonce, "auth", &what])
        } else {
            algorithm.hash(&[&key, &self.nonce, &what])
        }
    }

    /// The whole header.
    fn write(&self, user: &str, password: &str, method: &str, target: &str) -> String {
        let response = self.response(user, password, method, target);
        let mut out = String::from("Digest ");
        if self.userhash {
            let hashed = self.algorithm.hash(&[user, &self.realm]);
            let _ = write!(out, "username=\"{hashed}\", userhash=true");
        } else if user.is_ascii() {
            quoted(&mut out, "username", user);
        } else {
            out.push_str("username*=UTF-8''");
            percent_encode(&mut out, user);
        }
        for (name, value) in [
            (", realm", &self.realm[..]),
            (", nonce", &self.nonce),
            (", uri", target),
            (", response", &response),
        ] {
            quoted(&mut out, name, value);
        }
        if let Some(opaque) = &self.opaque {
            quoted(&mut out, ", opaque", opaque);
        }
        if let Some(name) = &self.algorithm_name {
            out.push_str(", algorithm=");
            out.push_str(name);
        }
        if self.counted {
            let _ = write!(out, ", qop=auth, nc={:08x}", self.count);
        }
        if self.counted || self.session {
            quoted(&mut out, ", cnonce", &self.cnonce);
        }
        out
    }
}

/// Whether a list of protections has `auth`; `auth-int` would need the body's hash in the head.
fn has_auth(offers: &str) -> bool {
    let mut offers = offers.split([',', ' ', '\t']);
    offers.any(|offer| offer.eq_ignore_ascii_case("auth"))
}

fn quoted(out: &mut String, name: &str, value: &str) {
    out.push_str(name);
    out.push_str("=\"");
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

/// Writes text as RFC 8187 wants it in an extended parameter.
fn percent_encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests;
