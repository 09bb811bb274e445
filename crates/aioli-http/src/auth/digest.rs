//! Digest authentication (RFC 7616): a server's challenge, and the answers to it.
//!
//! A challenge is answered for all requests that follow, counted, until the server gives out
//! another one, by a challenge or by naming the next nonce with a response. The nonce of the client
//! stays the same meanwhile: the session variants derive their key from the first ones of both.
//!
//! Origins and proxies differ in the names of their fields alone ([`FieldNames`]).

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use md5::Md5;
use sha2::{Digest as _, Sha256, Sha512_256};

use super::challenge::{self, Challenge};
use crate::h1::fields::Fields;
use crate::origin::Origin;

/// Random bytes of a client's nonce.
const CNONCE_BYTES: usize = 16;

/// A request that is to be answered for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// Who wants to know who we are.
    pub(crate) of: &'a Origin,
    pub(crate) method: &'a str,
    /// As it stands in the request line.
    pub(crate) target: &'a str,
    /// The body, if all of it is there: one protection covers it.
    pub(crate) body: Option<&'a [u8]>,
}

/// What a challenge came with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refusal<'a> {
    pub(crate) headers: &'a HeaderMap,
    /// The refused request carried an answer.
    pub(crate) answered: bool,
    /// The body is one whose hash can be told beforehand.
    pub(crate) hashable: bool,
    /// Bytes that a parameter may have.
    pub(crate) longest: usize,
}

/// What the fields are called (RFC 9110, section 11.7, for proxies).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldNames {
    Origin,
    Proxy,
}

impl FieldNames {
    fn challenge(self) -> HeaderName {
        match self {
            FieldNames::Origin => header::WWW_AUTHENTICATE,
            FieldNames::Proxy => header::PROXY_AUTHENTICATE,
        }
    }

    fn info(self) -> &'static str {
        match self {
            FieldNames::Origin => "authentication-info",
            FieldNames::Proxy => "proxy-authentication-info",
        }
    }
}

/// Credentials, and the challenge they answer at present.
pub(crate) struct Digest {
    names: FieldNames,
    user: String,
    password: String,
    current: Mutex<Option<(Origin, Answering)>>,
}

impl Digest {
    pub(crate) fn new(names: FieldNames, user: &str, password: &str) -> Digest {
        Digest {
            names,
            user: user.to_owned(),
            password: password.to_owned(),
            current: Mutex::default(),
        }
    }

    /// The header of a request, when a challenge of who asks is known and can be answered.
    pub(crate) fn answer(&self, asked: Asked<'_>) -> Option<HeaderValue> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, answering) = current.as_mut()?;
        if of != asked.of || answering.qop == Qop::AuthInt && asked.body.is_none() {
            return None;
        }
        answering.count += 1;
        let text = answering.write(&self.user, &self.password, asked);
        let mut value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Takes note of the challenges of a 401 or 407 of `of`; tells whether one of them is to be
    /// answered.
    ///
    /// After an answer only another nonce is worth another one: with the same, it is the password
    /// that is wrong.
    pub(crate) fn challenged(&self, of: &Origin, refusal: Refusal<'_>) -> bool {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match current.take() {
            Some((other, answering)) if other == *of => Some(answering),
            _ => None,
        };
        let challenges = refusal.headers.get_all(self.names.challenge()).iter();
        let best = challenges
            .flat_map(|value| challenge::parse(value.as_bytes(), refusal.longest))
            .filter_map(|challenge| Answering::to(&challenge))
            .filter(|answering| refusal.hashable || answering.qop != Qop::AuthInt)
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
        if refusal.answered && repeated && !best.stale {
            return false;
        }
        let mut random = [0; CNONCE_BYTES];
        if let Err(error) = getrandom::fill(&mut random) {
            tracing::warn!(%error, "no randomness; a digest challenge stays unanswered");
            return false;
        }
        best.cnonce = hex(&random);
        *current = Some((of.clone(), best));
        true
    }

    /// Takes note of the nonce that a response names for the next request (RFC 7616, 3.5).
    pub(crate) fn accepted(&self, of: &Origin, headers: &Fields, longest: usize) {
        let Some(value) = headers.values(self.names.info()).next() else {
            return;
        };
        // Parameters as those of a challenge, without its scheme.
        let value = [b"Digest ", value].concat();
        let info = challenge::parse(&value, longest);
        let Some(next) = info.first().and_then(|info| info.param("nextnonce")) else {
            return;
        };
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, answering)) = current.as_mut()
            && known == of
            && answering.nonce != next
        {
            next.clone_into(&mut answering.nonce);
            answering.count = 0;
        }
    }

    /// Forgets the challenge, whose answer was not accepted.
    pub(crate) fn refused(&self) {
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
        self.hash_bytes(parts.join(":").as_bytes())
    }

    fn hash_bytes(self, bytes: &[u8]) -> String {
        match self {
            Algorithm::Md5 => hex(&Md5::digest(bytes)),
            Algorithm::Sha256 => hex(&Sha256::digest(bytes)),
            Algorithm::Sha512_256 => hex(&Sha512_256::digest(bytes)),
        }
    }
}

/// What an answer protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Qop {
    /// The form of RFC 2069, without a count.
    None,
    /// The request line.
    Auth,
    /// The request line and the body.
    AuthInt,
}

impl Qop {
    /// The one that is used of those offered. A body is protected only where nothing else will do:
    /// its hash stands in front of it, so that all of it has to be there.
    fn of(offers: Option<&str>) -> Option<Qop> {
        let Some(offers) = offers else {
            return Some(Qop::None);
        };
        let has = |name: &str| {
            let mut offers = offers.split([',', ' ', '\t']);
            offers.any(|offer| offer.eq_ignore_ascii_case(name))
        };
        match (has("auth"), has("auth-int")) {
            (true, _) => Some(Qop::Auth),
            (false, true) => Some(Qop::AuthInt),
            (false, false) => None,
        }
    }

    fn name(self) -> Option<&'static str> {
        match self {
            Qop::None => None,
            Qop::Auth => Some("auth"),
            Qop::AuthInt => Some("auth-int"),
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
    /// The key is derived from the nonce of the client and from this one, the server's first.
    session: Option<String>,
    qop: Qop,
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
        let nonce = challenge.param("nonce")?.to_owned();
        Some(Answering {
            realm: challenge.param("realm")?.to_owned(),
            opaque: challenge.param("opaque").map(str::to_owned),
            algorithm,
            algorithm_name: algorithm_name.map(str::to_owned),
            session: session.then(|| nonce.clone()),
            nonce,
            qop: Qop::of(challenge.param("qop"))?,
            userhash: says("userhash"),
            stale: says("stale"),
            cnonce: String::new(),
            count: 0,
        })
    }

    /// The proof (RFC 7616, section 3.4.1).
    fn response(&self, user: &str, password: &str, asked: Asked<'_>) -> String {
        let algorithm = self.algorithm;
        let mut key = algorithm.hash(&[user, &self.realm, password]);
        if let Some(first) = &self.session {
            key = algorithm.hash(&[&key, first, &self.cnonce]);
        }
        let Asked { method, target, .. } = asked;
        let what = match (self.qop, asked.body) {
            (Qop::AuthInt, Some(body)) => {
                algorithm.hash(&[method, target, &algorithm.hash_bytes(body)])
            }
            _ => algorithm.hash(&[method, target]),
        };
        match self.qop.name() {
            Some(qop) => {
                let count = format!("{:08x}", self.count);
                algorithm.hash(&[&key, &self.nonce, &count, &self.cnonce, qop, &what])
            }
            None => algorithm.hash(&[&key, &self.nonce, &what]),
        }
    }

    /// The whole header.
    fn write(&self, user: &str, password: &str, asked: Asked<'_>) -> String {
        let response = self.response(user, password, asked);
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
            (", uri", asked.target),
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
        if let Some(qop) = self.qop.name() {
            let _ = write!(out, ", qop={qop}, nc={:08x}", self.count);
        }
        if self.qop != Qop::None || self.session.is_some() {
            quoted(&mut out, ", cnonce", &self.cnonce);
        }
        out
    }
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
