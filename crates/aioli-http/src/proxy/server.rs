//! One proxy: where it is, what it speaks, and who we are to it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, header};
use url::Url;

use crate::auth::{Asked, Digest, Refusal};
use crate::h1::fields::Fields;
use crate::origin::Origin;

/// What a host's name (RFC 1928), a user's or a password (RFC 1929) may have at most in SOCKS5,
/// whose lengths are one byte; SOCKS4 knows no lengths, and is given no more.
pub(crate) const SOCKS_MAX: usize = 255;

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ProxyKind {
    Http,
    Https,
    Socks5,
    /// As `Socks5`; the proxy looks names up.
    Socks5h,
    Socks4,
    /// As `Socks4`; the proxy looks names up.
    Socks4a,
}

impl ProxyKind {
    /// Whether the proxy looks names up, if it is given any.
    pub(crate) fn looks_up(self) -> bool {
        !matches!(self, ProxyKind::Socks5 | ProxyKind::Socks4)
    }
}

/// One proxy, and who we are to it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct ProxyServer {
    pub(crate) kind: ProxyKind,
    /// As the host of an [`Origin`].
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) credentials: Option<Credentials>,
    /// `Proxy-Authorization` for an HTTP proxy.
    pub(super) authorization: Option<HeaderValue>,
    /// What the credentials prove themselves with, in place of that.
    pub(super) digest: Option<Proof>,
    /// An HTTP proxy makes tunnels for `http` URLs too.
    pub(crate) tunnels: bool,
    /// Sent to an HTTP proxy besides.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

/// The answers to the challenges of one proxy, shared by all that is sent there.
#[derive(Clone)]
pub(super) struct Proof(pub(super) Arc<Digest>);

/// What they prove are the credentials, which stand beside them and are compared.
impl PartialEq for Proof {
    fn eq(&self, _: &Proof) -> bool {
        true
    }
}

impl Eq for Proof {}

impl Hash for Proof {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl ProxyServer {
    pub(super) fn parse(url: &str) -> Result<ProxyServer, String> {
        let (scheme, rest) = url.trim().split_once("://").unwrap_or(("http", url.trim()));
        let (kind, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (ProxyKind::Http, 80),
            "https" => (ProxyKind::Https, 443),
            "socks5" => (ProxyKind::Socks5, 1080),
            "socks5h" => (ProxyKind::Socks5h, 1080),
            "socks4" => (ProxyKind::Socks4, 1080),
            "socks4a" => (ProxyKind::Socks4a, 1080),
            _ => {
                let known = "http, https, socks4, socks4a, socks5 and socks5h";
                return Err(format!("the scheme is none of {known}"));
            }
        };
        // Only of the schemes of the web the parser reads hosts, and of each it hides a port.
        let parse = |scheme| Url::parse(&format!("{scheme}://{rest}"));
        let malformed = |_| "it is no url".to_owned();
        let (url, other) = (
            parse("http").map_err(malformed)?,
            parse("ftp").map_err(malformed)?,
        );
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err("a proxy's url has no path".to_owned());
        }
        let Some(Origin { host, .. }) = Origin::of(&url) else {
            return Err("a proxy's url has a host".to_owned());
        };
        let mut server = ProxyServer {
            kind,
            host,
            port: url.port().or(other.port()).unwrap_or(default_port),
            credentials: None,
            authorization: None,
            digest: None,
            tunnels: false,
            headers: Vec::new(),
        };
        if !url.username().is_empty() || url.password().is_some() {
            let decode = |text| percent_decode(text).ok_or("its credentials are no text");
            server.log_in(
                decode(url.username())?,
                decode(url.password().unwrap_or_default())?,
            )?;
        }
        Ok(server)
    }

    pub(super) fn log_in(&mut self, user: String, password: String) -> Result<(), String> {
        if self.is_socks4() {
            if user.len() > SOCKS_MAX || user.contains('\0') || !password.is_empty() {
                let rule = "socks4 takes names of up to 255 bytes, without zeros, and no passwords";
                return Err(rule.to_owned());
            }
        } else if self.is_socks() {
            // RFC 1929 has passwords of 1 to 255 bytes; an empty one is what who has none sends.
            if user.is_empty() || user.len() > SOCKS_MAX || password.len() > SOCKS_MAX {
                let rule = "socks5 takes names of 1 to 255 bytes and passwords of up to 255";
                return Err(rule.to_owned());
            }
        } else {
            // RFC 7617, section 2.
            if user.contains(':') || user.chars().chain(password.chars()).any(char::is_control) {
                return Err("a user's name has no colon, and neither part controls".to_owned());
            }
            let encoded = STANDARD.encode(format!("{user}:{password}"));
            let value = HeaderValue::try_from(format!("Basic {encoded}"));
            let mut value = value.map_err(|_| "the credentials are too long")?;
            value.set_sensitive(true);
            self.authorization = Some(value);
            self.digest = None;
        }
        self.credentials = Some(Credentials { user, password });
        Ok(())
    }

    pub(crate) fn is_socks(&self) -> bool {
        !matches!(self.kind, ProxyKind::Http | ProxyKind::Https)
    }

    /// Whether it is asked for a tunnel to `origin`.
    pub(crate) fn makes_tunnel(&self, origin: &Origin) -> bool {
        !self.is_socks() && (origin.secure || self.tunnels)
    }

    pub(crate) fn is_socks4(&self) -> bool {
        matches!(self.kind, ProxyKind::Socks4 | ProxyKind::Socks4a)
    }

    /// Whether its own headers say who we are, or an answer to it does.
    pub(crate) fn logs_in(&self) -> bool {
        self.authorization.is_some() || self.digest.is_some() || self.is_told()
    }

    /// Whether a header says who we are, which comes before all else.
    fn is_told(&self) -> bool {
        let mut own = self.headers.iter();
        own.any(|(name, _)| *name == header::PROXY_AUTHORIZATION)
    }

    /// The answers that this proxy is to be given.
    pub(crate) fn proof(&self) -> Option<&Digest> {
        let proof = self.digest.as_ref()?;
        (!self.is_told()).then_some(&*proof.0)
    }

    /// As that of a server, for the answers to its challenges.
    fn origin(&self) -> Origin {
        Origin {
            secure: self.kind == ProxyKind::Https,
            host: self.host.clone(),
            port: self.port,
        }
    }

    /// The `proxy-authorization` that answers what the proxy has asked before.
    pub(crate) fn answer(
        &self,
        method: &str,
        target: &str,
        body: Option<&[u8]>,
    ) -> Option<HeaderValue> {
        let proof = self.proof()?;
        proof.answer(Asked {
            of: &self.origin(),
            method,
            target,
            body,
        })
    }

    /// Reads the challenge of a 407; tells whether [`answer`](ProxyServer::answer) has something
    /// to say now.
    pub(crate) fn challenged(&self, refusal: Refusal<'_>) -> bool {
        let proof = self.proof();
        proof.is_some_and(|proof| proof.challenged(&self.origin(), refusal))
    }

    /// Takes note that an answer to a fresh challenge was not accepted.
    pub(crate) fn refused(&self) {
        if let Some(proof) = self.proof() {
            proof.refused();
        }
    }

    /// Takes note of what a response says about the answer that its request carried.
    pub(crate) fn accepted(&self, headers: &Fields, longest: usize) {
        if let Some(proof) = self.proof() {
            proof.accepted(&self.origin(), headers, longest);
        }
    }

    /// The headers that the proxy is to see, and nobody else, besides an answer to it.
    pub(crate) fn own_headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        let authorization = self.authorization.as_ref().filter(|_| !self.is_told());
        let authorization = authorization.map(|value| (&header::PROXY_AUTHORIZATION, value));
        authorization
            .into_iter()
            .chain(self.headers.iter().map(|(name, value)| (name, value)))
    }
}

impl fmt::Debug for ProxyServer {
    /// Shows no credentials and no headers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}:{}", self.kind, self.host, self.port)?;
        if self.credentials.is_some() {
            f.write_str(" with credentials")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// Decodes `%xx`; `None` when the result is not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    while let [byte, behind @ ..] = rest {
        rest = behind;
        let pair = match behind {
            [high, low, ..] => digit(high).zip(digit(low)),
            _ => None,
        };
        match pair.filter(|_| *byte == b'%') {
            Some((high, low)) => {
                out.push((high * 16 + low) as u8);
                rest = &behind[2..];
            }
            None => out.push(*byte),
        }
    }
    String::from_utf8(out).ok()
}
