//! Tables of redirects.

use http::HeaderMap;

use super::*;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn go(status: u16, locations: &[&[u8]], method: Method) -> Result<Option<Next>, RedirectErrorKind> {
    let mut headers = HeaderMap::new();
    for location in locations {
        headers.append(header::LOCATION, HeaderValue::from_bytes(location).unwrap());
    }
    let status = StatusCode::from_u16(status).unwrap();
    next(
        &Redirect::default(),
        status,
        &headers.into(),
        &method,
        &url("http://a.example/dir/page?q#frag"),
    )
}

#[track_caller]
fn leads_to(location: &str, want: &str) {
    let next = go(302, &[location.as_bytes()], Method::GET)
        .unwrap()
        .unwrap();
    assert_eq!(next.url.as_str(), want, "{location}");
}

#[test]
fn methods() {
    for (status, method, rewritten) in [
        (301, Method::POST, Some(Method::GET)),
        (302, Method::POST, Some(Method::GET)),
        (303, Method::POST, Some(Method::GET)),
        (303, Method::PUT, Some(Method::GET)),
        (303, Method::HEAD, None),
        (303, Method::GET, None),
        (301, Method::PUT, None),
        (302, Method::DELETE, None),
        (307, Method::POST, None),
        (308, Method::POST, None),
    ] {
        let next = go(status, &[b"/x"], method.clone()).unwrap().unwrap();
        assert_eq!(next.rewritten, rewritten, "{status} {method}");
    }
    for status in [200, 300, 304, 305, 306, 399, 400] {
        assert_eq!(go(status, &[b"/x"], Method::GET), Ok(None), "{status}");
    }
}

#[test]
fn input_096_locations_as_browsers_read_them() {
    leads_to("/b", "http://a.example/b#frag");
    leads_to("b#x", "http://a.example/dir/b#x");
    leads_to("?r", "http://a.example/dir/page?r#frag");
    leads_to("//evil.example/", "http://evil.example/#frag");
    leads_to("\\\\evil.example", "http://evil.example/#frag");
    leads_to("/\\evil.example", "http://evil.example/#frag");
    leads_to("http:b", "http://a.example/dir/b#frag");
    leads_to("http://user:secret@b.example/", "http://b.example/#frag");
    leads_to("https://B.EXAMPLE:443/", "https://b.example/#frag");
}

#[test]
fn input_097_nothing_can_be_injected() {
    leads_to("/a b", "http://a.example/a%20b#frag");
    leads_to("/a\tb", "http://a.example/ab#frag");
    let next = go(302, &["/\u{e9}".as_bytes()], Method::GET)
        .unwrap()
        .unwrap();
    assert_eq!(next.url.path(), "/%C3%A9");
    assert_eq!(
        go(302, &[b"/\xff"], Method::GET),
        Err(RedirectErrorKind::Location)
    );
    assert_eq!(
        go(302, &[b"http://[x"], Method::GET),
        Err(RedirectErrorKind::Location)
    );
}

#[test]
fn input_098_schemes() {
    for bad in [
        "file:///etc/passwd",
        "data:,x",
        "javascript:x",
        "ftp://a/",
        "unix:/x",
        "x:y",
    ] {
        assert_eq!(
            go(302, &[bad.as_bytes()], Method::GET),
            Err(RedirectErrorKind::Scheme),
            "{bad}"
        );
    }
}

#[test]
fn input_101_no_or_two_locations() {
    assert_eq!(go(302, &[], Method::GET), Ok(None));
    assert_eq!(go(302, &[b""], Method::GET), Ok(None));
    assert!(go(302, &[b"/a", b"/a"], Method::GET).unwrap().is_some());
    assert_eq!(
        go(302, &[b"/a", b"/b"], Method::GET),
        Err(RedirectErrorKind::Location)
    );
}

#[test]
fn what_is_bound_to_its_origin() {
    let plain = HeaderValue::from_static("x");
    let mut secret = plain.clone();
    secret.set_sensitive(true);
    for name in [
        "authorization",
        "cookie",
        "proxy-authorization",
        "x-api-key",
        "x-auth-token",
        "host",
    ] {
        assert!(
            Redirect::default().binds(&HeaderName::from_static(name), &plain),
            "{name}"
        );
    }
    assert!(!Redirect::default().binds(&header::ACCEPT, &plain));
    assert!(Redirect::default().binds(&header::ACCEPT, &secret));
}
