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

#[track_caller]
fn check(challenge: &str, cnonce: &str, user: &str, password: &str, target: &str, want: &str) {
    let mut answering = answering(challenge).unwrap();
    answering.cnonce = cnonce.to_owned();
    answering.count = 1;
    assert_eq!(answering.response(user, password, "GET", target), want);
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
    let text = a.write("u", "p", "GET", "/x?y");
    let response = a.response("u", "p", "GET", "/x?y");
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
    let text = a.write("u", "p", "GET", "/");
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
    assert!(
        a.write(user, "p", "GET", "/")
            .starts_with("Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, ")
    );
    a.userhash = true;
    let hashed = a.algorithm.hash(&[user, "api@example.org"]);
    let text = a.write(user, "p", "GET", "/");
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
        "Digest realm=a, nonce=b, qop=auth-int",
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
    let digest = Digest::new("u", "p");
    let here = origin("http://a.example/");
    assert_eq!(digest.answer(&here, "GET", "/"), None);
    let offered = headers(&[
        "Basic realm=a",
        "Digest realm=a, nonce=weak, qop=auth, Digest realm=a, nonce=strong, algorithm=SHA-256, qop=auth",
    ]);
    assert!(digest.challenged(&here, &offered, false, 4096));
    for count in ["nc=00000001", "nc=00000002"] {
        let answer = digest.answer(&here, "GET", "/").unwrap();
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
    let digest = Digest::new("u", "p");
    let here = origin("http://a.example/");
    assert!(digest.challenged(&here, &headers(&["Digest realm=a, nonce=b"]), false, 4096));
    for other in [
        "https://a.example/",
        "http://a.example:81/",
        "http://b.example/",
    ] {
        assert_eq!(digest.answer(&origin(other), "GET", "/"), None, "{other}");
    }
}

#[test]
fn a_wrong_password_is_tried_once() {
    let digest = Digest::new("u", "p");
    let here = origin("http://a.example/");
    let first = headers(&["Digest realm=a, nonce=b"]);
    assert!(digest.challenged(&here, &first, false, 4096));
    assert!(
        !digest.challenged(&here, &first, true, 4096),
        "the same nonce"
    );
    assert_eq!(digest.answer(&here, "GET", "/"), None);

    assert!(digest.challenged(&here, &first, false, 4096));
    assert!(digest.challenged(
        &here,
        &headers(&["Digest realm=a, nonce=b, stale=TRUE"]),
        true,
        4096
    ));
    assert!(digest.challenged(&here, &headers(&["Digest realm=a, nonce=c"]), true, 4096));
    assert!(!digest.challenged(&here, &headers(&["Basic realm=a"]), false, 4096));
    assert_eq!(digest.answer(&here, "GET", "/"), None);
}

#[test]
fn cnonces_differ() {
    let here = origin("http://a.example/");
    let one = || {
        let digest = Digest::new("u", "p");
        digest.challenged(
            &here,
            &headers(&["Digest realm=a, nonce=b, qop=auth"]),
            false,
            4096,
        );
        digest.answer(&here, "GET", "/").unwrap()
    };
    assert_ne!(one(), one());
}
