//! Files as they are written, and whose password is found.

use http::HeaderValue;
use url::Url;

use super::*;
use crate::auth::Asked;
use crate::origin::Origin;

fn sent(auth: &Auth) -> HeaderValue {
    let origin = Origin::of(&Url::parse("http://a.example/").unwrap()).unwrap();
    auth.header(Asked {
        of: &origin,
        method: "GET",
        target: "/",
        body: None,
    })
    .unwrap()
}

/// Checks which login and password `host` gets.
#[track_caller]
fn check(text: &str, host: &str, want: Option<(&str, &str)>) {
    let netrc: Netrc = text.parse().unwrap();
    let found = netrc.auth(host).map(|auth| sent(&auth));
    let want = want.map(|(login, password)| sent(&Auth::basic(login, password).unwrap()));
    assert_eq!(found, want, "{text:?}");
}

#[test]
fn files() {
    const ME: Option<(&str, &str)> = Some(("me", "pw"));
    for text in [
        "machine a.example login me password pw",
        "machine a.example\n\tlogin me\n\tpassword pw\n",
        "machine A.Example. password pw account x login me",
        "# a comment\nmachine a.example login me password pw # another\n",
        "machine b.example login x password y\r\nmachine a.example login me password pw\r\n",
        "machine a.example login \"me\" password \"pw\"",
        "machine a.example login m\\e password \\pw",
        "macdef init\ncd /\nmachine a.example login x password y\n\nmachine a.example login me password pw",
        "machine a.example\nmacdef m\nput x\n\nlogin me password pw",
        "machine a.example login me password pw\nmachine a.example login other password x",
        "machine a.example login x\nmachine a.example login me password pw",
        "default login x password y\nmachine a.example login me password pw",
    ] {
        check(text, "a.example", ME);
    }
    check("machine a login me password #pw", "a", Some(("me", "#pw")));
    check(
        "machine a login me password \"a b\\\"\"",
        "a",
        Some(("me", "a b\"")),
    );
    check(
        "machine a login me password machine",
        "a",
        Some(("me", "machine")),
    );
    check("machine a login me password \"\"", "a", Some(("me", "")));
    check("", "a", None);
}

#[test]
fn input_126_nobody_elses_password() {
    let text = "machine a.example login me password pw\nmachine b.example login me\ndefault login x password y";
    for host in [
        "www.a.example",
        "example",
        "xa.example",
        "b.example",
        "c.example",
        "",
    ] {
        check(text, host, None);
    }
    let netrc: Netrc = text.parse().unwrap();
    assert!(netrc.auth_of("a.example", "me").is_some());
    assert!(netrc.auth_of("a.example", "you").is_none());
    assert!(netrc.auth_of("c.example", "x").is_none());
    assert!(netrc.auth("A.EXAMPLE.").is_some());
}

#[test]
fn broken_files() {
    for (text, want) in [
        ("machine", NetrcError::Incomplete { line: 1 }),
        ("machine a\nlogin", NetrcError::Incomplete { line: 2 }),
        ("machine a login \"x", NetrcError::Incomplete { line: 1 }),
        ("machine a login x\\", NetrcError::Incomplete { line: 1 }),
        ("login x", NetrcError::Word { line: 1 }),
        ("\n\nmachin a", NetrcError::Word { line: 3 }),
        (
            "machine a\nlogin a:b password x",
            NetrcError::Credentials { line: 1 },
        ),
        (
            "machine a login a password \"x\ny\"",
            NetrcError::Credentials { line: 1 },
        ),
    ] {
        assert_eq!(text.parse::<Netrc>().unwrap_err(), want, "{text:?}");
    }
}

#[test]
fn nothing_is_shown() {
    let netrc: Netrc = "machine a login me password s3cret".parse().unwrap();
    assert!(!format!("{netrc:?}").contains("s3cret"));
}

proptest::proptest! {
    #[test]
    fn any_text_is_read(text: String) {
        let _ = text.parse::<Netrc>();
    }

    #[test]
    fn anything_like_a_file_is_read(text in "(machine|login|password|macdef|default|#|\"|\\\\|\n| |a){0,40}") {
        let _ = text.parse::<Netrc>();
    }
}
