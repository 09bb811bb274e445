//! Whom a connection talks to: scheme, host and port of a URL.

use std::fmt;
use std::net::IpAddr;

use url::{Host, ParseError, Url};

/// Whom a connection talks to; connections are shared by nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) secure: bool,
    /// Lower-case, in ASCII, without a trailing dot; an IPv6 address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Origin {
    /// The origin of an `http` or `https` URL.
    pub(crate) fn of(url: &Url) -> Option<Origin> {
        let secure = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let host = written(&url.host()?);
        if host.is_empty() {
            return None;
        }
        Some(Origin {
            secure,
            host,
            port: url.port_or_known_default()?,
        })
    }

    /// The origin that is asked in place of this one of http (RFC 6797, section 8.3).
    pub(crate) fn upgraded(mut self) -> Origin {
        self.secure = true;
        if self.port == 80 {
            self.port = 443;
        }
        self
    }

    /// Host and port, as `CONNECT` and URLs name them.
    pub(crate) fn authority(&self) -> String {
        match self.host_ref() {
            Host::Ipv6(address) => format!("[{address}]:{}", self.port),
            _ => format!("{}:{}", self.host, self.port),
        }
    }

    /// The host as what it is.
    pub(crate) fn host_ref(&self) -> Host<&str> {
        read_host(&self.host)
    }
}

/// A host that is given apart from a URL, as the host of an [`Origin`].
pub(crate) fn parse_host(text: &str) -> Result<String, ParseError> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    let host = written(&Host::parse(text)?);
    if host.is_empty() || host.ends_with('.') {
        return Err(ParseError::EmptyHost);
    }
    Ok(host)
}

/// A host as that of an [`Origin`].
pub(crate) fn written<S: AsRef<str>>(host: &Host<S>) -> String {
    match host {
        Host::Domain(name) => {
            let name = name.as_ref();
            name.strip_suffix('.').unwrap_or(name).to_owned()
        }
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    }
}

/// A host, an IPv6 address without brackets, as what it is.
pub(crate) fn read_host(host: &str) -> Host<&str> {
    if let Ok(address) = host.parse() {
        Host::Ipv4(address)
    } else if let Ok(address) = host.parse() {
        Host::Ipv6(address)
    } else {
        Host::Domain(host)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> String {
        Origin::of(&Url::parse(url).unwrap()).unwrap().to_string()
    }

    #[test]
    fn n127_one_spelling_of_a_host() {
        for same in [
            "http://a.example",
            "http://A.EXAMPLE:80/x",
            "http://a.example./",
            "http://a\u{3002}example/",
        ] {
            assert_eq!(origin(same), "http://a.example:80", "{same}");
        }
        assert_eq!(
            origin("https://b\u{fc}cher.example/"),
            "https://xn--bcher-kva.example:443"
        );
        assert_eq!(origin("http://[::1]:8080/"), "http://::1:8080");
        assert_eq!(origin("http://0x7f.1/"), "http://127.0.0.1:80");
    }

    #[test]
    fn a_host_apart_from_a_url_is_the_same_host() {
        for (text, url) in [
            ("A.EXAMPLE", "http://a.example/"),
            ("a.example.", "http://a.example/"),
            ("b\u{fc}cher.example", "http://b\u{fc}cher.example/"),
            ("xn--bcher-kva.example", "http://b\u{fc}cher.example/"),
            ("some_where", "http://some_where/"),
            ("127.0.0.1", "http://127.0.0.1/"),
            ("0x7f.1", "http://127.0.0.1/"),
            ("::1", "http://[::1]/"),
            ("[0:0::1]", "http://[::1]/"),
            ("::ffff:1.2.3.4", "http://[::ffff:1.2.3.4]/"),
        ] {
            let host = Origin::of(&Url::parse(url).unwrap()).unwrap().host;
            assert_eq!(parse_host(text), Ok(host), "{text}");
        }
        for bad in ["", ".", "a.example..", "a/b", "a:1", "[::1", "a b", "me@a"] {
            assert!(parse_host(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn other_schemes_have_none() {
        for url in ["ftp://a/", "data:,x", "file:///x", "unix:/x"] {
            assert_eq!(Origin::of(&Url::parse(url).unwrap()), None, "{url}");
        }
    }
}
