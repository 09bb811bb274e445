//! Hosts that are reached directly.

use std::fmt;
use std::net::IpAddr;

use url::Host;

use crate::network::Network;

/// A list of hosts, as `NO_PROXY` has it.
#[derive(Clone, Default)]
pub(super) struct NoProxy {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    hosts: Hosts,
    /// Any port if none.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    All,
    /// The name, and all names below it.
    Below(String),
    Network(Network),
}

impl NoProxy {
    /// Adds the entries of a list that is separated by commas or white space.
    pub(super) fn add(&mut self, list: &str) {
        let entries = list
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|entry| !entry.is_empty());
        for entry in entries {
            match Entry::parse(entry) {
                Some(entry) => self.entries.push(entry),
                None => tracing::debug!(entry, "an entry of no_proxy is neither name nor network"),
            }
        }
    }

    pub(super) fn covers(&self, host: &Host<&str>, port: u16) -> bool {
        self.entries.iter().any(|entry| {
            entry.port.is_none_or(|only| only == port)
                && match (&entry.hosts, host) {
                    (Hosts::All, _) => true,
                    (Hosts::Below(name), Host::Domain(host)) => is_below(host, name),
                    (Hosts::Network(network), Host::Ipv4(host)) => {
                        network.contains(IpAddr::V4(*host))
                    }
                    (Hosts::Network(network), Host::Ipv6(host)) => {
                        network.contains(IpAddr::V6(*host))
                    }
                    _ => false,
                }
        })
    }
}

impl fmt::Debug for NoProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.entries).finish()
    }
}

/// `a.b.example` is below `b.example`, and `ab.example` is not.
fn is_below(host: &str, name: &str) -> bool {
    match host.strip_suffix(name) {
        Some("") => true,
        Some(rest) => rest.ends_with('.'),
        None => false,
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Entry> {
        let (host, port) = split_port(text)?;
        let hosts = if host == "*" {
            Hosts::All
        } else if let Ok(network) = without_zone(host).parse() {
            Hosts::Network(network)
        } else {
            let name = host.strip_prefix('*').unwrap_or(host);
            let name = name.trim_start_matches('.').trim_end_matches('.');
            match Host::parse(name).ok()? {
                Host::Domain(name) => Hosts::Below(name),
                Host::Ipv4(address) => Hosts::Network(Network::new(address.into(), 32)?),
                Host::Ipv6(_) => return None,
            }
        };
        Some(Entry { hosts, port })
    }
}

/// Splits `host:port`, `[v6]:port` and what has no port.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        match rest {
            "" => (host, None),
            rest => (host, Some(rest.strip_prefix(':')?)),
        }
    } else {
        match text.split_once(':') {
            // A second colon: an IPv6 address without brackets.
            Some((_, rest)) if rest.contains(':') => (text, None),
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    match port {
        None => Some((host, None)),
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some((host, Some(port.parse().ok()?)))
        }
        Some(_) => None,
    }
}

/// An IPv6 address without its zone, which URLs cannot have.
///
/// What looks like a name within a zone must not become one (CVE-2025-22870).
fn without_zone(host: &str) -> &str {
    match host.split_once('%') {
        Some((address, _)) if address.contains(':') => address,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::Origin;

    fn covers(list: &str, url: &str) -> bool {
        let mut no_proxy = NoProxy::default();
        no_proxy.add(list);
        let origin = Origin::of(&url::Url::parse(url).unwrap()).unwrap();
        no_proxy.covers(&origin.host_ref(), origin.port)
    }

    #[test]
    fn input_133_what_is_covered() {
        for (list, url) in [
            ("*", "http://a.example/"),
            ("*", "http://[::1]/"),
            ("x, *", "http://a.example/"),
            ("example", "http://a.example/"),
            ("a.example", "http://a.example/"),
            ("A.EXAMPLE", "http://a.example/"),
            ("a.example", "http://A.Example./"),
            ("a.example.", "http://a.example/"),
            (".a.example", "http://a.example/"),
            (".a.example", "http://b.a.example/"),
            ("*.a.example", "http://b.a.example/"),
            ("x,a.example", "http://a.example/"),
            (" x\ta.example ", "http://a.example/"),
            ("b\u{fc}cher.example", "http://xn--bcher-kva.example/"),
            ("a.example:8080", "http://a.example:8080/"),
            ("a.example:80", "http://a.example/"),
            ("a.example:443", "https://a.example/"),
            ("*:8080", "http://a.example:8080/"),
            ("127.0.0.1", "http://127.0.0.1/"),
            ("127.0.0.1", "http://0x7f.1/"),
            ("127.0.0.1", "http://[::ffff:127.0.0.1]/"),
            ("::ffff:127.0.0.1", "http://127.0.0.1/"),
            ("127.0.0.1:80", "http://127.0.0.1/"),
            ("10.0.0.0/8", "http://10.1.2.3/"),
            ("10.0.0.0/8", "http://[::ffff:10.1.2.3]/"),
            ("::1", "http://[::1]:99/"),
            ("[::1]", "http://[::1]/"),
            ("[::1]:99", "http://[::1]:99/"),
            ("[::1%25eth0]", "http://[::1]/"),
            ("fe80::1%eth0", "http://[fe80::1]/"),
            ("2001:db8::/32", "http://[2001:db8::7]/"),
        ] {
            assert!(covers(list, url), "{list:?} {url}");
        }
    }

    #[test]
    fn input_133_what_is_not_covered() {
        for (list, url) in [
            ("", "http://a.example/"),
            (",, ,", "http://a.example/"),
            ("a.example", "http://ba.example/"),
            ("a.example", "http://a.example.org/"),
            ("b.a.example", "http://a.example/"),
            ("a.example:8080", "http://a.example/"),
            ("a.example:x", "http://a.example/"),
            ("a.example:+80", "http://a.example/"),
            ("127.0.0.1", "http://127.0.0.2/"),
            ("127.0.0.1:81", "http://127.0.0.1/"),
            ("0.0.1", "http://127.0.0.1/"),
            ("10.0.0.0/8", "http://11.0.0.1/"),
            ("10.0.0.0/99", "http://10.0.0.1/"),
            ("10.0.0.0/8", "http://a.10.example/"),
            ("::1", "http://[::2]/"),
            ("[::1]:98", "http://[::1]:99/"),
            ("[::1", "http://[::1]/"),
            // What looks like a name inside a zone is none.
            ("*.example.com", "http://[::1]/"),
            ("[::1%25.a.example]", "http://a.example/"),
            ("::1%.a.example", "http://b.a.example/"),
        ] {
            assert!(!covers(list, url), "{list:?} {url}");
        }
    }

    #[test]
    fn a_zone_in_a_url_is_no_host() {
        assert!(url::Url::parse("http://[::1%25.a.example]/").is_err());
    }
}
