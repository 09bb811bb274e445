//! Whom a connection talks to: scheme, host and port of a URL.

use std::fmt;

use url::{Host, Url};

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
        let host = match url.host()? {
            Host::Domain(name) => name.strip_suffix('.').unwrap_or(name).to_owned(),
            // The serialization of an address is the one of its type, in brackets or not.
            Host::Ipv4(_) => url.host_str()?.to_owned(),
            Host::Ipv6(address) => address.to_string(),
        };
        if host.is_empty() {
            return None;
        }
        Some(Origin {
            secure,
            host,
            port: url.port_or_known_default()?,
        })
    }

    /// The host as what it is.
    pub(crate) fn host_ref(&self) -> Host<&str> {
        read_host(&self.host)
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
    fn other_schemes_have_none() {
        for url in ["ftp://a/", "data:,x", "file:///x", "unix:/x"] {
            assert_eq!(Origin::of(&Url::parse(url).unwrap()), None, "{url}");
        }
    }
}
