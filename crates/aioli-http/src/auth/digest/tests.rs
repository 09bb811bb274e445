//! The examples of the standards, and when a challenge is answered.

use http::HeaderValue;
use url::Url;

use super::*;

fn answering(header: &str) -> Option<Answering> {
    challenge::parse(header.as_bytes(), 4096)
        .iter()
        .find_map(Answering::to)
}

fn headers(challenges: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for text in challenges {
        headers.append(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_str(text).unwrap(),
        );
    }
    headers
}

fn origin(url: &str) -> Origin {
    Origin::of(&Url::parse(url).unwrap()).unwrap()
}

/// `GET /`, which has no body.
fn get(of: &Origin) -> Asked<'_> {
    asked(of, "GET", "/", Some(b""))
}

fn asked<'a>(
    of: &'a Origin,
    method: &'a str,
    target: &'a str,
    body: Option<&'a [u8]>,
) -> Asked<'a> {
    Asked {
        of,
        method,
        target,
        body,
    }
}

/// Whether a refusal with these headers is worth an answer.
fn refused(digest: &Digest, of: &Origin, headers: &HeaderMap, answered: bool) -> bool {
    let refusal = Refusal {
        headers,
        answered,
        hashable: true,
        longest: 4096,
    };
    digest.challenged(of, refusal)
}

#[track_caller]
fn check(challenge: &str, cnonce: &str, user: &str, password: &str, target: &str, want: &str) {
    let mut answering = answering(challenge).unwrap();
    answering.cnonce = cnonce.to_owned();
    answering.count = 1;
    let here = origin("http://a.example/");
    let asked = asked(&here, "GET", target, None);
    assert_eq!(answering.response(user, password, asked), want);
}

#[test]
fn rfc_7616_section_3_9_1() {
    for (algorithm, want) in [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        (
            "SHA-256",
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
    ] {
        check(
            &format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                 opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            ),
            "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            "Mufasa",
            "Circle of Life",
            "/dir/index.html",
            want,
        );
    }
}

#[test]
fn rfc_2617_section_3_5() {
    check(
        "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"",
        "0a4f113b",
        "Mufasa",
        "Circle Of Life",
        "/dir/index.html",
        "6629fae49393a05397450978507c4ef1",
    );
}

#[test]
fn the_header_says_what_the_server_needs() {
    let mut a = answering(
        "Digest realm=\"a \\\"b\\\"\", nonce=n, qop=auth, opaque=o, algorithm=SHA-256-sess, userhash=false",
    )
    .unwrap();
    a.cnonce = "c".into();
    a.count = 10;
    let here = origin("http://a.example/");
    let asked = asked(&here, "GET", "/x?y", None);
    let text = a.write("u", "p", asked);
    let response = a.response("u", "p", asked);
    assert_eq!(
        text,
        format!(
            "Digest username=\"u\", realm=\"a \\\"b\\\"\", nonce=\"n\", uri=\"/x?y\", response=\"{response}\", \
             opaque=\"o\", algorithm=SHA-256-sess, qop=auth, nc=0000000a, cnonce=\"c\""
        )
    );
    let key = Algorithm::Sha256.hash(&["u", "a \"b\"", "p"]);
    let key = Algorithm::Sha256.hash(&[&key, "n", "c"]);
    let what = Algorithm::Sha256.hash(&["GET", "/x?y"]);
    let want = Algorithm::Sha256.hash(&[&key, "n", "0000000a", "c", "auth", &what]);
    assert_eq!(response, want);
}

#[test]
fn without_qop_there_is_no_count() {
    let mut a = answering("Digest realm=r, nonce=n").unwrap();
    a.count = 1;
    let here = origin("http://a.example/");
    let text = a.write("u", "p", get(&here));
    for absent in ["nc=", "cnonce", "qop", "algorithm", "opaque"] {
        assert!(!text.contains(absent), "{text}");
    }
    let want = Algorithm::Md5.hash(&[
        &Algorithm::Md5.hash(&["u", "r", "p"]),
        "n",
        &Algorithm::Md5.hash(&["GET", "/"]),
    ]);
    assert!(text.contains(&want), "{text}");
}

#[test]
fn names_beyond_ascii() {
    let user = "J\u{e4}s\u{f8}n Doe";
    let mut a =
        answering("Digest realm=\"api@example.org\", nonce=n, qop=auth, algorithm=SHA-512-256")
            .unwrap();
    let here = origin("http://a.example/");
    assert!(
        a.write(user, "p", get(&here))
            .starts_with("Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, ")
    );
    a.userhash = true;
    let hashed = a.algorithm.hash(&[user, "api@example.org"]);
    let text = a.write(user, "p", get(&here));
    assert!(
        text.starts_with(&format!("Digest username=\"{hashed}\", userhash=true, ")),
        "{text}"
    );
}

#[test]
fn what_is_not_answered() {
    for challenge in [
        "Basic realm=a",
        "Digest realm=a",
        "Digest nonce=a",
        "Digest realm=a, nonce=b, qop=token",
        "Digest realm=a, nonce=b, algorithm=SHA-1",
        "Digest realm=a, nonce=b, algorithm=token",
    ] {
        assert!(answering(challenge).is_none(), "{challenge}");
    }
    let long = format!("Digest realm=a, nonce={}", "x".repeat(4097));
    assert!(answering(&long).is_none());
}

#[test]
fn the_strongest_challenge_is_answered_and_counted() {
    let digest = Digest::new(FieldNames::Origin, "u", "p");
    let here = origin("http://a.example/");
    assert_eq!(digest.answer(get(&here)), None);
    let offered = headers(&[
        "Basic realm=a",
        "Digest realm=a, nonce=weak, qop=auth, Digest realm=a, nonce=strong, algorithm=SHA-256, qop=auth",
    ]);
    assert!(refused(&digest, &here, &offered, false));
    for count in ["nc=00000001", "nc=00000002"] {
        let answer = digest.answer(get(&here)).unwrap();
        assert!(answer.is_sensitive());
        let text = answer.to_str().unwrap();
        assert!(
            text.contains("nonce=\"strong\"") && text.contains(count),
            "{text}"
        );
    }
}

#[test]
fn input_104_other_origins_get_no_answer() {
    let digest = Digest::new(FieldNames::Origin, "u", "p");
    let here = origin("http://a.example/");
    assert!(refused(
        &digest,
        &here,
        &headers(&["Digest realm=a, nonce=b"]),
        false
    ));
    for other in [
        "https://a.example/",
        "http://a.example:81/",
        "http://b.example/",
    ] {
        assert_eq!(digest.answer(get(&origin(other))), None, "{other}");
    }
}

#[test]
fn a_wrong_password_is_tried_once() {
    let digest = Digest::new(FieldNames::Origin, "u", "p");
    let here = origin("http://a.example/");
    let first = headers(&["Digest realm=a, nonce=b"]);
    assert!(refused(&digest, &here, &first, false));
    assert!(!refused(&digest, &here, &first, true), "the same nonce");
    assert_eq!(digest.answer(get(&here)), None);

    assert!(refused(&digest, &here, &first, false));
    assert!(refused(
        &digest,
        &here,
        &headers(&["Digest realm=a, nonce=b, stale=TRUE"]),
        true
    ));
    assert!(refused(
        &digest,
        &here,
        &headers(&["Digest realm=a, nonce=c"]),
        true
    ));
    assert!(!refused(
        &digest,
        &here,
        &headers(&["Basic realm=a"]),
        false
    ));
    assert_eq!(digest.answer(get(&here)), None);
}

#[test]
fn cnonces_differ() {
    let here = origin("http://a.example/");
    let one = || {
        let digest = Digest::new(FieldNames::Origin, "u", "p");
        refused(
            &digest,
            &here,
            &headers(&["Digest realm=a, nonce=b, qop=auth"]),
            false,
        );
        digest.answer(get(&here)).unwrap()
    };
    assert_ne!(one(), one());
}

/// The hashes are those of another implementation.
#[test]
fn a_body_is_protected_where_nothing_less_will_do() {
    let here = origin("http://a.example/");
    for (algorithm, body, want) in [
        ("MD5", &b"body"[..], "7240d966675460c2c0dee540bbe544b6"),
        (
            "SHA-256-sess",
            b"\xff\0",
            "6c9da587063358737807c78000f6787a90e8ce8ae0356719e2d5bc70a46c0563",
        ),
    ] {
        let challenge = format!("Digest realm=r, nonce=n, algorithm={algorithm}, qop=\"auth-int\"");
        let mut a = answering(&challenge).unwrap();
        a.cnonce = "c".into();
        a.count = 1;
        let asked = asked(&here, "POST", "/x", Some(body));
        assert_eq!(a.response("u", "p", asked), want);
        let text = a.write("u", "p", asked);
        assert!(
            text.contains(", qop=auth-int, nc=00000001, cnonce=\"c\""),
            "{text}"
        );
    }

    let digest = Digest::new(FieldNames::Origin, "u", "p");
    let strict = headers(&["Digest realm=a, nonce=b, qop=auth-int"]);
    let refusal = Refusal {
        headers: &strict,
        answered: false,
        hashable: false,
        longest: 4096,
    };
    assert!(!digest.challenged(&here, refusal), "the body is a stream");
    assert!(refused(&digest, &here, &strict, false));
    assert!(digest.answer(get(&here)).is_some());
    assert_eq!(digest.answer(asked(&here, "PUT", "/", None)), None);
}

#[test]
fn a_response_names_the_next_nonce() {
    let here = origin("http://a.example/");
    let info = |digest: &Digest, name: &'static str, value: &'static str| {
        let mut headers = HeaderMap::new();
        headers.append(name, HeaderValue::from_static(value));
        digest.accepted(&here, &headers.into(), 20);
        let answer = digest.answer(get(&here)).unwrap();
        let text = answer.to_str().unwrap().to_owned();
        let nonce = text.split("nonce=\"").nth(1).unwrap().split('"').next();
        (nonce.unwrap().to_owned(), text.contains("nc=00000001"))
    };
    let challenge = "Digest realm=a, nonce=n1, qop=auth, algorithm=MD5-sess";
    let digest = Digest::new(FieldNames::Origin, "u", "p");
    assert!(refused(&digest, &here, &headers(&[challenge]), false));
    assert!(digest.answer(get(&here)).is_some());
    let field = "authentication-info";
    for (name, value, want) in [
        (field, "nextnonce=\"n2\", qop=auth", ("n2", true)),
        (field, "rspauth=\"\", nextnonce=n2", ("n2", false)),
        (field, "qop=auth", ("n2", false)),
        (field, "nextnonce", ("n2", false)),
        (field, "nextnonce=\"xxxxxxxxxxxxxxxxxxxxx\"", ("n2", false)),
        ("proxy-authentication-info", "nextnonce=n3", ("n2", false)),
        (field, "nextnonce=n4", ("n4", true)),
    ] {
        let (nonce, first) = info(&digest, name, value);
        assert_eq!((&nonce[..], first), want, "{name}: {value}");
    }
    // The key of the session stays that of its first nonce (RFC 7616, section 3.4.2).
    let current = digest.current.lock().unwrap();
    let (_, answering) = current.as_ref().unwrap();
    assert_eq!(answering.session.as_deref(), Some("n1"));
    drop(current);
    // Who is not the one that asked has no say.
    let other = origin("http://b.example/");
    let mut headers = HeaderMap::new();
    headers.append(field, HeaderValue::from_static("nextnonce=evil"));
    digest.accepted(&other, &headers.into(), 20);
    assert_eq!(info(&digest, "x", "y").0, "n4");
}

#[test]
fn the_fields_of_a_proxy() {
    let here = origin("http://p.example:3128/");
    let digest = Digest::new(FieldNames::Proxy, "u", "p");
    let mut headers = headers(&["Digest realm=a, nonce=b, qop=auth"]);
    assert!(!refused(&digest, &here, &headers, false), "a server's");
    let challenge = headers.remove(header::WWW_AUTHENTICATE).unwrap();
    headers.append(header::PROXY_AUTHENTICATE, challenge);
    assert!(refused(&digest, &here, &headers, false));
    headers.append(
        "proxy-authentication-info",
        HeaderValue::from_static("nextnonce=c"),
    );
    digest.accepted(&here, &headers.into(), 4096);
    let answer = digest.answer(asked(&here, "CONNECT", "a.example:443", Some(b"")));
    let answer = answer.unwrap();
    let text = answer.to_str().unwrap();
    assert!(
        text.contains("nonce=\"c\", uri=\"a.example:443\""),
        "{text}"
    );
}
