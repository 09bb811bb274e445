//! What holds of the values of fields, whatever a server puts there.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use url::Url;

use crate::date::parse_date;
use crate::h1::fields::Fields;
use crate::h1::parse_decimal;
use crate::hsts::{HstsError, HstsStore};
use crate::redirect::{Redirect, next};
use crate::{charset, retry};

/// One value, for each field that we read.
pub(super) fn values(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else {
        return;
    };
    retry_after(&value);
    location(&value);
    content_type(&value, data);
}

/// The value of `strict-transport-security`.
pub(super) fn hsts(data: &[u8]) {
    let url = Url::parse("https://a.example/").expect("a constant");
    let store = HstsStore::new();
    let set = store.set(&url, data);
    let text = data.to_ascii_lowercase();
    let says = |word: &[u8]| text.windows(word.len()).any(|part| part == word);
    match (set, &store.hosts()[..]) {
        (Err(error), hosts) => {
            assert_eq!((error, hosts), (HstsError::Malformed, &[][..]));
            return;
        }
        (Ok(()), []) => assert!(says(b"0"), "it was taken back"),
        (Ok(()), [host]) => {
            assert_eq!(host.name(), "a.example");
            assert!(!host.include_subdomains() || says(b"includesubdomains"));
        }
        (Ok(()), hosts) => panic!("one host has spoken: {hosts:?}"),
    }
    assert!(says(b"max-age"));
    let twice = [data, b";max-age=1"].concat();
    assert_eq!(store.set(&url, twice), Err(HstsError::Malformed));
}

fn retry_after(value: &HeaderValue) {
    let now = UNIX_EPOCH + Duration::from_secs(1_900_000_000);
    let one = HeaderMap::from_iter([(header::RETRY_AFTER, value.clone())]);
    let delay = retry::retry_after(&one, now);
    if let Some(seconds) = parse_decimal(value.as_bytes()) {
        assert_eq!(delay, Some(Duration::from_secs(seconds)));
    }
    let date = value.to_str().ok().and_then(parse_date);
    if let Some(date) = date {
        // From the first year of the calendar to the last one of four digits.
        let years = |n: u64| Duration::from_secs(n * 366 * 86_400);
        assert!(date > UNIX_EPOCH - years(369) && date < UNIX_EPOCH + years(8030));
        let distance = date.duration_since(now).ok();
        assert_eq!(delay, distance.filter(|_| delay.is_some()), "{value:?}");
        let mut both = one;
        both.insert(header::DATE, value.clone());
        assert_eq!(
            retry::retry_after(&both, SystemTime::now()),
            Some(Duration::ZERO)
        );
    }
}

fn location(value: &HeaderValue) {
    let base = Url::parse("https://user:secret@a.example/dir/page?q#f").expect("a constant");
    let headers = HeaderMap::from_iter([(header::LOCATION, value.clone())]);
    let headers = Fields::from(headers);
    for status in [301, 302, 303, 307, 308] {
        let status = StatusCode::from_u16(status).expect("a constant");
        for method in [Method::GET, Method::HEAD, Method::POST] {
            let Ok(Some(to)) = next(&Redirect::default(), status, &headers, &method, &base) else {
                continue;
            };
            assert!(matches!(to.url.scheme(), "http" | "https"), "{}", to.url);
            assert!(to.url.has_host() && to.url.username().is_empty());
            assert_eq!(to.url.password(), None);
            assert!(to.rewritten.is_none() || method == Method::POST);
        }
    }
}

/// The value is the body as well, so that there is one.
fn content_type(value: &HeaderValue, data: &[u8]) {
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, value.clone())]);
    let body = Bytes::copy_from_slice(data);
    let strict = charset::decode(&headers, body.clone());
    let lossy = charset::decode_lossy(&headers, body.clone());
    if let Ok(text) = strict {
        assert_eq!(text, lossy, "nothing was to be replaced");
        if let Ok(bytes) = charset::utf8(&headers, body) {
            assert_eq!(bytes, text.as_bytes());
        }
    }
    if charset::says_json(&headers) {
        let lower = data.to_ascii_lowercase();
        assert!(lower.windows(4).any(|part| part == b"json"));
    }
}
