//! Cookies as JSON, and the file they are kept in.

use std::io;
use std::path::Path;

use super::cookie::{Cookie, MAX_LIFETIME, SameSite};
use super::domain::{self, CookieHost};
use super::parse;
use crate::origin::parse_host;
use crate::private_file;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The form of the file; a newer one is refused.
const VERSION: u32 = 1;
/// More than a full jar can take.
const MAX_FILE: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    cookies: Vec<SavedCookie>,
}

#[derive(Serialize, Deserialize)]
struct SavedCookie {
    name: String,
    value: String,
    /// The two above are bytes that are not UTF-8, each as the character of its number.
    #[serde(default, skip_serializing_if = "is_false")]
    latin1: bool,
    domain: String,
    host_only: bool,
    path: String,
    #[serde(default)]
    secure: bool,
    #[serde(default)]
    http_only: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    same_site: Option<String>,
    /// Seconds since 1970; absent when it ends with the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<i64>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's calling convention"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Writes cookies, the oldest first.
pub(super) fn to_json(cookies: &[Cookie]) -> String {
    let saved = Saved {
        version: VERSION,
        cookies: cookies.iter().map(SavedCookie::of).collect(),
    };
    serde_json::to_string_pretty(&saved).expect("strings and numbers can be written")
}

/// Reads cookies of at most `pair` bytes, and leaves out those that have expired.
pub(super) fn from_json(json: &str, pair: u32, now: i64) -> io::Result<Vec<Cookie>> {
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    // The parser's own message may quote what it has read, which is secret.
    let saved: Saved = serde_json::from_str(json).map_err(|error| {
        invalid(format!(
            "not a file of cookies: line {}, column {}",
            error.line(),
            error.column()
        ))
    })?;
    if saved.version != VERSION {
        return Err(invalid(format!(
            "cookies of the unknown version {}",
            saved.version
        )));
    }
    let mut cookies = Vec::new();
    for (i, saved) in saved.cookies.into_iter().enumerate() {
        let wrong = |what: &str| invalid(format!("cookie {}: its {what}", i + 1));
        let cookie = saved
            .into_cookie(now)
            .map_err(|what| wrong(&format!("{what} cannot be")))?;
        parse::check_size(cookie.name.len() + cookie.value.len(), pair)
            .map_err(|error| wrong(&format!("size: {error}")))?;
        cookies.push(cookie);
    }
    cookies.retain(|cookie| !cookie.is_expired(now));
    Ok(cookies)
}

impl SavedCookie {
    fn of(cookie: &Cookie) -> SavedCookie {
        let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec());
        let (name, value, latin1) = match (text(&cookie.name), text(&cookie.value)) {
            (Ok(name), Ok(value)) => (name, value, false),
            _ => (widen(&cookie.name), widen(&cookie.value), true),
        };
        let same_site = match cookie.same_site {
            SameSite::Unset => None,
            SameSite::None => Some("none"),
            SameSite::Lax => Some("lax"),
            SameSite::Strict => Some("strict"),
        };
        SavedCookie {
            name,
            value,
            latin1,
            domain: cookie.domain.clone(),
            host_only: cookie.host_only,
            path: cookie.path.clone(),
            secure: cookie.secure,
            http_only: cookie.http_only,
            same_site: same_site.map(str::to_owned),
            expires: cookie.expires,
        }
    }

    /// Checks everything; an error names what is wrong.
    fn into_cookie(self, now: i64) -> Result<Cookie, &'static str> {
        let bytes = |text: String, what| {
            let bytes = if self.latin1 {
                narrow(&text).ok_or(what)?
            } else {
                text.into_bytes()
            };
            let stray = |byte: &u8| *byte == b';' || parse::is_control(*byte);
            if bytes.iter().any(stray) || bytes.trim_ascii().len() != bytes.len() {
                return Err(what);
            }
            Ok(Bytes::from(bytes))
        };
        let cookie = Cookie {
            name: bytes(self.name, "name")?,
            value: bytes(self.value, "value")?,
            domain: self.domain,
            host_only: self.host_only,
            path: self.path,
            secure: self.secure,
            http_only: self.http_only,
            same_site: SameSite::parse(self.same_site.unwrap_or_default().as_bytes()),
            expires: self
                .expires
                .map(|expires| expires.min(now.saturating_add(MAX_LIFETIME))),
        };
        if cookie.name.contains(&b'=') {
            return Err("name");
        }
        if cookie.name.is_empty() && cookie.value.is_empty() {
            return Err("size");
        }
        if !is_canonical(&cookie.domain) {
            return Err("domain");
        }
        let alone = CookieHost::from_name(&cookie.domain).is_address
            || domain::is_public_suffix(&cookie.domain);
        if alone && !cookie.host_only {
            return Err("domain");
        }
        if !cookie.path.starts_with('/') || cookie.path.bytes().any(parse::is_control) {
            return Err("path");
        }
        if cookie.lacks_secure() {
            return Err("same site");
        }
        cookie
            .check_prefix(cookie.path == "/")
            .map_err(|_| "prefix")?;
        Ok(cookie)
    }
}

/// Whether a domain is written as hosts of URLs are kept here.
fn is_canonical(name: &str) -> bool {
    !name.starts_with('.') && parse_host(name).is_ok_and(|parsed| parsed == name)
}

fn widen(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn narrow(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(c).ok()).collect()
}

/// Reads a file of a size that a jar can have.
pub(super) fn load(path: &Path) -> io::Result<String> {
    let too_large = "a file of cookies has at most 64 MiB";
    let json = private_file::load(path, MAX_FILE, too_large)?;
    let no_text = |_| io::Error::new(io::ErrorKind::InvalidData, "a file of cookies is UTF-8");
    String::from_utf8(json).map_err(no_text)
}

#[cfg(test)]
mod tests;
