//! What holds of files that somebody else may have written.

use std::time::SystemTime;

use url::Url;

use super::{LONGEST, check_saved};
use crate::Netrc;
use crate::cookies::CookieJar;
use crate::hsts::HstsStore;

/// Cookies as JSON.
pub(super) fn cookie_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let now = SystemTime::now();
    let Ok(jar) = CookieJar::from_json(text) else {
        return;
    };
    for cookie in jar.cookies() {
        assert!(cookie.name().len() + cookie.value_bytes().len() <= 3 * 4096);
        assert!(cookie.path().starts_with('/'), "{cookie:?}");
        assert!(cookie.expires().is_none_or(|end| end <= now + LONGEST));
        let host = match cookie.domain() {
            address if address.contains(':') => format!("[{address}]"),
            name => name.to_owned(),
        };
        let own = Url::parse(&format!("https://{host}/"));
        let own = own.unwrap_or_else(|error| panic!("{cookie:?}: {error}"));
        // It can be sent, or is not.
        assert_eq!(jar.header(&own).is_some(), !jar.matching(&own).is_empty());
        let foreign = Url::parse(&format!("https://{}.b/", cookie.domain()));
        if let Ok(foreign) = foreign {
            let mut sent = jar.matching(&foreign).into_iter();
            assert!(sent.all(|sent| sent.domain() != cookie.domain()));
        }
    }
    check_saved(&jar, now);
}

/// Hosts as curl keeps them.
pub(super) fn hsts(data: &[u8]) {
    let store = HstsStore::from_text(data);
    let now = SystemTime::now();
    for host in store.hosts() {
        let name = host.name();
        assert!(host.expires().is_none_or(|end| end > now));
        assert!(store.covers(name), "{host:?}");
        let plain = Url::parse(&format!("http://{name}/"));
        let plain = plain.unwrap_or_else(|error| panic!("{host:?}: {error}"));
        assert_eq!(plain.domain(), Some(name), "it is written as in a URL");
        let asked = store.upgrade(&plain).map(String::from);
        assert_eq!(asked, Some(format!("https://{name}/")));
        if let Ok(below) = Url::parse(&format!("http://below.{name}/"))
            && host.include_subdomains()
        {
            assert!(below.as_str().len() > 253 || store.upgrade(&below).is_some());
        }
    }
    let again = HstsStore::from_text(store.to_text());
    assert_eq!(again.hosts(), store.hosts());
}

/// Users and passwords of hosts.
pub(super) fn netrc(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let netrc: Netrc = match text.parse() {
        Ok(netrc) => netrc,
        Err(error) => {
            // It names a line, and nothing of what stands there.
            let said = error.to_string();
            for word in text.split_ascii_whitespace().filter(|word| word.len() > 12) {
                assert!(!said.contains(word), "{said}");
            }
            return;
        }
    };
    let dotted = |host: &str| format!("{host}.");
    for word in text
        .split_ascii_whitespace()
        .filter(|word| !word.ends_with('.'))
    {
        let found = netrc.auth(word);
        assert_eq!(found.is_some(), netrc.auth(&dotted(word)).is_some());
        assert_eq!(
            found.is_some(),
            netrc.auth(&word.to_ascii_uppercase()).is_some()
        );
    }
}
