//! The proxies of the environment.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Proxy, ProxyServer};

/// Variables by their exact names: on a system that finds `HTTP_PROXY` when asked for
/// `http_proxy` the difference between them, which is one of trust, must not be lost.
pub(super) struct Variables(HashMap<String, String>);

impl Variables {
    pub(super) fn of_process() -> Variables {
        let named = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Variables(std::env::vars_os().filter_map(named).collect())
    }

    /// The value in lower case, else that in upper case.
    fn either(&self, name: &str) -> Option<&str> {
        self.exactly(name)
            .or_else(|| self.exactly(&name.to_ascii_uppercase()))
    }

    fn exactly(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim())
    }
}

/// Reads the proxies out of `variables`.
pub(super) fn read(variables: &Variables) -> Proxy {
    let mut proxy = Proxy::of(None);
    // A visitor's header `Proxy: x` reaches a CGI program as `HTTP_PROXY` (CVE-2016-5385).
    let plain = match variables.exactly("REQUEST_METHOD") {
        Some(_) => variables.exactly("http_proxy"),
        None => variables.either("http_proxy"),
    };
    let secure = variables.either("https_proxy");
    let all = variables.either("all_proxy");
    let mut server = |name: &str, value: Option<&str>| {
        let value = value.or(all).filter(|value| !value.is_empty())?;
        match ProxyServer::parse(value) {
            Ok(server) => Some(Arc::new(server)),
            // To go without it would be to leave by a way that somebody has closed.
            Err(reason) => {
                let reason = format!("{name} or all_proxy in the environment: {reason}");
                proxy.malformed.get_or_insert(reason);
                None
            }
        }
    };
    let (plain, secure) = (server("http_proxy", plain), server("https_proxy", secure));
    (proxy.plain, proxy.secure) = (plain, secure);
    proxy.no_proxy(variables.either("no_proxy").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::Origin;

    /// What requests to these two take, as far as the environment says so.
    #[track_caller]
    fn check(variables: &[(&str, &str)], plain: &str, secure: &str) {
        let pairs = variables.iter().map(|(k, v)| ((*k).into(), (*v).into()));
        let proxy = read(&Variables(pairs.collect()));
        for (url, want) in [("http://a.example/", plain), ("https://a.example/", secure)] {
            let origin = Origin::of(&url::Url::parse(url).unwrap()).unwrap();
            let found = proxy.find(&origin).map(|server| format!("{server:?}"));
            assert_eq!(
                found.as_deref().unwrap_or("none"),
                want,
                "{url} {variables:?}"
            );
        }
    }

    #[test]
    fn which_variable_counts() {
        check(&[], "none", "none");
        let (p, q) = ("Http p:80", "Http q:80");
        check(&[("http_proxy", "p")], p, "none");
        check(&[("HTTP_PROXY", "p")], p, "none");
        check(&[("HTTP_PROXY", "q"), ("http_proxy", "p")], p, "none");
        check(&[("HTTP_PROXY", "q"), ("http_proxy", "")], "none", "none");
        check(&[("HTTPS_PROXY", "p")], "none", p);
        check(&[("ALL_PROXY", "p")], p, p);
        check(&[("all_proxy", "p"), ("https_proxy", "q")], p, q);
        check(&[("all_proxy", "p"), ("https_proxy", "")], p, "none");
        check(&[("Http_Proxy", "p")], "none", "none");
        check(
            &[("https_proxy", " socks5h://u:p@[::1] ")],
            "none",
            "Socks5h ::1:1080 with credentials",
        );
        check(
            &[("ALL_PROXY", "p"), ("NO_PROXY", "example")],
            "none",
            "none",
        );
        check(&[("ALL_PROXY", "p"), ("no_proxy", "other")], p, p);
    }

    #[test]
    fn input_134_a_visitor_cannot_choose_the_proxy() {
        let cgi = ("REQUEST_METHOD", "GET");
        check(&[cgi, ("HTTP_PROXY", "evil")], "none", "none");
        check(
            &[cgi, ("HTTP_PROXY", "evil"), ("http_proxy", "p")],
            "Http p:80",
            "none",
        );
        check(
            &[cgi, ("HTTP_PROXY", "evil"), ("HTTPS_PROXY", "p")],
            "none",
            "Http p:80",
        );
        check(
            &[cgi, ("HTTP_PROXY", "evil"), ("ALL_PROXY", "p")],
            "Http p:80",
            "Http p:80",
        );
    }

    #[test]
    fn a_malformed_one_is_told_and_shows_no_secret() {
        for value in [
            "socks://secret",
            "http://me:secret@",
            "http://a/secret",
            "gopher://a",
        ] {
            let variables = Variables([("HTTPS_PROXY".into(), value.into())].into());
            let error = read(&variables).check().unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(
                shown.contains("https_proxy") && !shown.contains("secret"),
                "{shown}"
            );
        }
    }
}
