//! Which schemes may be asked in: `--proto` and its relatives.

use aioli::http::{HstsStore, Url};

use super::failure::{Code, Failure};
use super::options::RequestOptions;

/// The schemes of the options.
pub(super) struct Schemes {
    first: Allowed,
    redirect: Allowed,
    default: String,
    /// Hosts that are asked by https whatever their URL says.
    hsts: Option<HstsStore>,
}

/// Which of the two schemes of the web may be asked in.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Allowed {
    http: bool,
    https: bool,
}

impl Schemes {
    pub(super) fn of(asked: &RequestOptions) -> Schemes {
        let both = Allowed {
            http: true,
            https: true,
        };
        let read = |text: &Option<String>| text.as_deref().map_or(both, |text| both.read(text));
        let first = read(&asked.proto);
        let redirect = read(&asked.proto_redir);
        Schemes {
            first,
            redirect: Allowed {
                http: redirect.http && first.http,
                https: redirect.https && first.https,
            },
            default: asked.proto_default.clone(),
            hsts: None,
        }
    }

    /// The same, with hosts that are asked by https only.
    pub(super) fn with_hsts(mut self, hosts: Option<HstsStore>) -> Schemes {
        self.hsts = hosts;
        self
    }

    /// The hosts that are asked by https only, if any are to be.
    pub(super) fn hsts(&self) -> Option<&HstsStore> {
        self.hsts.as_ref()
    }

    /// The URL that is asked when this one is to be.
    pub(super) fn asked(&self, url: &Url) -> Url {
        let upgraded = self.hsts.as_ref().and_then(|hosts| hosts.upgrade(url));
        upgraded.unwrap_or_else(|| url.clone())
    }

    /// Reads a URL, to which a scheme is added where none is.
    ///
    /// # Errors
    ///
    /// When it is none, or its scheme is not to be asked in.
    pub(super) fn url(&self, text: &str) -> Result<Url, Failure> {
        let whole = match split_scheme(text) {
            Some(_) => text.to_owned(),
            None => format!("{}://{text}", self.default),
        };
        let url = Url::parse(&whole).map_err(|error| Failure::new(Code::MalformedUrl, error))?;
        // What the client does not speak it says itself.
        let asked = self.asked(&url);
        let refused = match asked.scheme() {
            "http" => !self.first.http,
            "https" => !self.first.https,
            _ => false,
        };
        if refused {
            let text = format!("--proto does not allow {}", asked.scheme());
            return Err(Failure::new(Code::UnsupportedProtocol, text));
        }
        Ok(url)
    }

    /// Whether redirects may lead to https only.
    ///
    /// # Errors
    ///
    /// When https is not allowed: no redirect is kept from what is safer.
    pub(super) fn redirects_to_https_only(&self) -> Result<bool, Failure> {
        match self.redirect.https {
            true => Ok(!self.redirect.http),
            false => Err(Failure::usage("redirects without https are not supported")),
        }
    }
}

/// The scheme and what follows it, where one is written: not all URLs within a query are it.
pub(super) fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let split = text.split_once("://");
    split.filter(|(scheme, _)| scheme.bytes().all(is_scheme))
}

impl Allowed {
    /// What a list comes to, as curl has it: each part adds, unless there is a sign before it.
    /// Schemes that nobody speaks here are of no consequence.
    fn read(self, text: &str) -> Allowed {
        text.split(',').fold(self, |allowed, part| {
            let part = part.trim().to_ascii_lowercase();
            let (sign, name) = match part.chars().next() {
                Some(sign @ ('+' | '-' | '=')) => (sign, &part[1..]),
                _ => ('+', &part[..]),
            };
            let http = matches!(name, "http" | "all");
            let https = matches!(name, "https" | "all");
            match sign {
                '=' => Allowed { http, https },
                '-' => Allowed {
                    http: allowed.http && !http,
                    https: allowed.https && !https,
                },
                _ => Allowed {
                    http: allowed.http || http,
                    https: allowed.https || https,
                },
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Allowed, HstsStore, Schemes};
    use crate::get::options::parse;

    fn schemes(words: &[&str]) -> Schemes {
        let words = words.iter().chain(&["a"]).map(Into::into);
        let [options] = parse(words.collect()).unwrap().try_into().unwrap();
        Schemes::of(&options.request)
    }

    #[test]
    fn urls_without_a_scheme() {
        let usual = schemes(&[]);
        assert_eq!(usual.url("a.b/c").unwrap().as_str(), "http://a.b/c");
        let nested = usual.url("a:81/c?u=http://d/").unwrap();
        assert_eq!(nested.as_str(), "http://a:81/c?u=http://d/");
        assert_eq!(usual.url("https://a").unwrap().as_str(), "https://a/");
        assert_eq!(usual.url("http://[x").unwrap_err().code, 3);
        let secure = schemes(&["--proto-default", "https", "--proto", "=https"]);
        assert_eq!(secure.url("a.b/c").unwrap().as_str(), "https://a.b/c");
        assert_eq!(secure.url("http://a").unwrap_err().code, 1);
    }

    #[test]
    fn a_scheme_is_that_which_is_asked_in() {
        let known = HstsStore::from_text("a \"unlimited\"\n");
        let secure = schemes(&["--proto", "=https"]).with_hsts(Some(known.clone()));
        assert_eq!(secure.url("a/b").unwrap().as_str(), "http://a/b");
        assert_eq!(secure.url("b").unwrap_err().code, 1);
        let plain = schemes(&["--proto", "=http"]).with_hsts(Some(known));
        assert_eq!(plain.url("a").unwrap_err().code, 1);
        let url = plain.url("b").unwrap();
        assert_eq!(plain.asked(&url), url);
    }

    #[test]
    fn redirects() {
        let only_https = |words: &[&str]| schemes(words).redirects_to_https_only().ok();
        assert_eq!(only_https(&[]), Some(false));
        assert_eq!(only_https(&["--proto-redir", "=https"]), Some(true));
        assert_eq!(only_https(&["--proto", "=https"]), Some(true));
        assert_eq!(only_https(&["--proto-redir", "-https"]), None);
    }

    #[test]
    fn lists() {
        let both = Allowed {
            http: true,
            https: true,
        };
        for (text, http, https) in [
            ("=https", false, true),
            ("-http", false, true),
            ("https,ftp", true, true),
            ("-all,https", false, true),
            ("=ftp", false, false),
            ("=all,-HTTP", false, true),
            ("=https,+http", true, true),
            ("nonsense", true, true),
            ("", true, true),
        ] {
            assert_eq!(both.read(text), Allowed { http, https }, "{text}");
        }
    }
}
