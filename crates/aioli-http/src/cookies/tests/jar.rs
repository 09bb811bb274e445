//! Bounds, files, and what a jar shows of itself.

use super::*;

#[test]
fn input_111_116_one_response_and_other_ports() {
    let (jar, _) = clocked();
    let mut headers = HeaderMap::new();
    for n in 0..1000 {
        headers.append(
            header::SET_COOKIE,
            HeaderValue::try_from(format!("c{n}=x")).unwrap(),
        );
    }
    jar.take_from(&url(A), &headers);
    assert_eq!(jar.len(), 50);
    let bounds = CookieBounds::default();
    assert_eq!(of_response(&url(A), &headers, bounds).len(), 50);
    check(
        "http://a.example:81/",
        &["a=b"],
        &[
            ("http://a.example:82/", "a=b"),
            ("https://a.example/", "a=b"),
        ],
    );
}

#[test]
fn the_bound_of_a_site() {
    let (jar, hand) = clocked();
    let from = |n: usize| url(&format!("https://h{}.a.example/", n % 7));
    jar.set(&from(0), "kept=1; Secure; Domain=a.example")
        .unwrap();
    jar.set(&from(0), "short=1; Max-Age=5; Domain=a.example")
        .unwrap();
    for n in 0..178 {
        jar.set(&from(n), format!("c{n}=x")).unwrap();
    }
    assert_eq!(jar.len(), 180);
    hand.fetch_add(5, Ordering::Relaxed);
    jar.set(&from(0), "d0=x").unwrap();
    let has = |name: &str| jar.cookies().iter().any(|cookie| cookie.name() == name);
    assert!(
        has("c0") && has("d0") && !has("short"),
        "the expired one went first"
    );

    let used = sent(&jar, "https://h0.a.example/");
    assert!(used.contains("c0=x"), "{used}");
    for n in 1..100 {
        jar.set(&from(n), format!("d{n}=x")).unwrap();
    }
    assert_eq!(jar.len(), 180);
    assert!(has("kept") && has("c0"), "secure and lately used ones stay");
    assert!(!has("c1") && has("d99"));
}

#[test]
fn the_bound_of_a_jar() {
    let (jar, _) = clocked();
    jar.set(&url("https://first.example/"), "a=b").unwrap();
    for n in 0..55 {
        for m in 0..60 {
            jar.set(&url(&format!("https://s{n}.example/")), format!("c{m}=x"))
                .unwrap();
        }
    }
    assert_eq!(jar.len(), 3000);
    assert_eq!(
        sent(&jar, "https://first.example/"),
        "a=b",
        "sites with many lose theirs"
    );
    for n in 0..4000 {
        jar.set(&url(&format!("https://t{n}.example/")), "a=b")
            .unwrap();
    }
    assert_eq!(jar.len(), 3000);
}

#[test]
fn a_jar_of_other_bounds() {
    let jar = CookieJar::with_limits(&Limits::default().set_cookies(3, 9).cookies(2, 4));
    let mut headers = HeaderMap::new();
    for line in ["c0=0", "too-large=1", "c2=2", "c3=3"] {
        headers.append(header::SET_COOKIE, HeaderValue::from_static(line));
    }
    jar.take_from(&url(A), &headers);
    assert_eq!(sent(&jar, A), "c0=0; c2=2");
    jar.set(&url(A), "c4=4").unwrap();
    assert_eq!(sent(&jar, A), "c2=2; c4=4");
    for n in 0..4 {
        jar.set(&url(&format!("https://s{n}.example/")), "a=b")
            .unwrap();
        assert!(jar.len() <= 4);
    }
    // They outlive its emptying, and hold for what is read.
    jar.clear();
    let other = CookieJar::new();
    for line in ["a=b", "c=d", "e=f"] {
        other.set(&url(A), line).unwrap();
    }
    let saved = other.to_json(SessionCookies::Keep);
    jar.add_json(&saved).unwrap();
    assert_eq!(jar.len(), 2);
    other.set(&url(A), "name=values").unwrap();
    let saved = other.to_json(SessionCookies::Keep);
    let error = jar.add_json(&saved).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    let text = error.to_string();
    assert!(text.contains("10") && text.contains('9'), "{text}");
    assert_eq!(jar.len(), 2);
}

#[test]
fn the_bound_of_a_header() {
    let jar = CookieJar::new();
    let half = "x".repeat(4000);
    for line in [
        format!("a={half}"),
        format!("b={half}"),
        format!("c={half}"),
    ] {
        jar.set(&url(A), line).unwrap();
    }
    jar.set(&url(A), "d=1; Path=/").unwrap();
    // What is too large makes room for what is not.
    let sent = sent(&jar, A);
    assert_eq!(sent, format!("a={half}; b={half}; d=1"));
    assert_eq!(jar.matching(&url(A)).len(), 4);

    // To the byte, and beside what others have written.
    let header = |limit: usize, taken: usize| {
        let jar = CookieJar::with_limits(&Limits::default().cookie_header(limit));
        jar.set(&url(A), "a=b").unwrap();
        jar.set(&url(A), "c=d").unwrap();
        let mut out = Vec::new();
        jar.write(&url(A), &mut out, taken, |_| true);
        String::from_utf8(out).unwrap()
    };
    let whole = "cookie: a=b; c=d".len();
    assert_eq!(header(whole, 0), "a=b; c=d");
    assert_eq!(header(whole - 1, 0), "a=b");
    assert_eq!(header(whole + 7, 7), "a=b; c=d");
    assert_eq!(header(whole + 6, 7), "a=b");
    assert_eq!(header(0, 0), "");
}

#[test]
fn input_112_a_file_keeps_what_a_cookie_is() {
    let (jar, _) = clocked();
    let from = url(A);
    for line in [
        "host=1; Max-Age=100000000; Path=/",
        "domain=2; Domain=a.example; Secure; HttpOnly; SameSite=Strict; Path=/; Max-Age=100000000",
        "session=3",
        "value-alone",
        "__Host-x=4; Secure; Path=/",
        "quoted=\"5\u{e4}\"",
    ] {
        jar.set(&from, line).unwrap();
    }
    jar.set(&from, b"latin=\xe4").unwrap();
    let saved = jar.to_json(SessionCookies::Keep);
    let read = CookieJar::from_json(&saved).unwrap_or_default();
    // The clock of the one that is read is the system's: what has not expired is the same.
    let all = jar.cookies();
    let lasting: Vec<Cookie> = all
        .iter()
        .filter(|c| c.expires().is_none())
        .cloned()
        .collect();
    assert_eq!(lasting.len(), 5);
    for cookie in &lasting {
        assert!(read.cookies().contains(cookie), "{cookie:?}");
    }
    assert_eq!(sent(&read, "https://x.www.a.example/dir/"), "");
    let none = CookieJar::from_json(&jar.to_json(SessionCookies::Drop)).unwrap();
    assert!(
        none.cookies()
            .iter()
            .all(|cookie| cookie.expires().is_some())
    );
}

#[test]
fn what_a_caller_may_send() {
    for (name, value) in [
        ("a", "b"),
        ("a", ""),
        ("a", "b c"),
        ("a", "\"b\""),
        ("a!b", "\u{e4}"),
        ("a", "b=c,d"),
    ] {
        assert!(is_sendable(name, value), "{name}={value}");
    }
    for (name, value) in [
        ("", "b"),
        ("a b", "c"),
        ("a=b", "c"),
        ("a;b", "c"),
        ("a\n", "c"),
        ("\u{e4}", "c"),
        ("a", "b;c"),
        ("a", "b\r\nc: d"),
        ("a", "b\0"),
        ("a", "b\u{7f}"),
    ] {
        assert!(!is_sendable(name, value), "{name}={value}");
    }
}

#[test]
fn input_164_nothing_is_shown() {
    let (jar, _) = clocked();
    jar.set(&url(A), "a=s3cret").unwrap();
    let shown = format!("{jar:?} {:?}", jar.cookies());
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(jar.header(&url(A)).unwrap().is_sensitive());
}

proptest::proptest! {
    #[test]
    fn any_line_is_read(line: Vec<u8>) {
        let jar = CookieJar::new();
        let _ = jar.set(&url(A), &line);
        let _ = jar.header(&url(A));
    }

    /// What is kept can be sent, and saved and read again.
    #[test]
    fn what_is_kept_can_be_written(
        lines in proptest::collection::vec("[ -~\u{e4}\t]{0,20}(; ?(Path|Domain|Max-Age|Secure|HttpOnly|SameSite)(=[/.a-z0-9-]{0,9})?){0,3}", 0..8)
    ) {
        let jar = CookieJar::new();
        let kept = lines.iter().filter(|line| jar.set(&url(A), line).is_ok()).count();
        proptest::prop_assert!(jar.len() <= kept);
        let read = CookieJar::from_json(&jar.to_json(SessionCookies::Keep)).unwrap();
        proptest::prop_assert_eq!(read.cookies(), jar.cookies());
        proptest::prop_assert_eq!(read.header(&url(A)), jar.header(&url(A)));
    }
}
