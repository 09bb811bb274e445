//! The algorithms of RFC 6265bis, as a table: what a server sets, and what it gets back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use super::*;

mod jar;
mod model;

const A: &str = "https://www.a.example/dir/page?q#f";

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// A jar whose clock stands, and moves when it is told to.
fn clocked() -> (CookieJar, Arc<AtomicU64>) {
    let clock = Arc::new(AtomicU64::new(1_700_000_000));
    let hand = clock.clone();
    let jar = CookieJar::with_clock(move || {
        UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::Relaxed))
    });
    (jar, hand)
}

fn sent(jar: &CookieJar, to: &str) -> String {
    let header = jar.header(&url(to));
    header.map_or(String::new(), |value| {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    })
}

/// Sets `lines` from `from`, and checks what goes to each URL.
#[track_caller]
fn check(from: &str, lines: &[&str], rows: &[(&str, &str)]) {
    let (jar, _) = clocked();
    for line in lines {
        let _ = jar.set(&url(from), line);
    }
    for (to, want) in rows {
        assert_eq!(sent(&jar, to), *want, "{lines:?} from {from} to {to}");
    }
}

#[track_caller]
fn refused(from: &str, rows: &[(&str, CookieError)]) {
    for (line, want) in rows {
        let (jar, _) = clocked();
        assert_eq!(
            jar.set(&url(from), line),
            Err(*want),
            "{line:?} from {from}"
        );
        assert!(jar.is_empty());
    }
}

#[test]
fn pairs() {
    for (line, want) in [
        ("a=b", "a=b"),
        ("a=b;", "a=b"),
        ("a=b; c=d", "a=b"),
        ("a = b", "a=b"),
        ("  a\t=\tb  ", "a=b"),
        ("a=b=c", "a=b=c"),
        ("a==b", "a==b"),
        ("a=\"b\"", "a=\"b\""),
        ("a=\"b; c\"", "a=\"b"),
        ("a=b, c=d", "a=b, c=d"),
        ("a=", "a="),
        ("a=;", "a="),
        ("A=b", "A=b"),
        ("a b=c d", "a b=c d"),
        ("a=\u{e4}", "a=\u{e4}"),
        ("\u{e4}=b", "\u{e4}=b"),
        ("a=b\tc", "a=b\tc"),
        ("a=b;;;c", "a=b"),
        ("$Version=1", "$Version=1"),
        (",=b", ",=b"),
    ] {
        check(A, &[line], &[(A, want)]);
    }
}

#[test]
fn input_113_cookies_without_a_name() {
    for (line, want) in [
        ("=x", "x"),
        ("x", "x"),
        (" = x", "x"),
        ("=x=y", "x=y"),
        ("x; Secure", "x"),
    ] {
        check(A, &[line], &[(A, want)]);
    }
    refused(
        A,
        &[
            ("", CookieError::Empty),
            ("=", CookieError::Empty),
            ("; Secure", CookieError::Empty),
            (" = ; Path=/", CookieError::Empty),
            ("__Host-x", CookieError::Prefix),
            ("=__Secure-x=1; Secure; Path=/", CookieError::Prefix),
            ("=__host-", CookieError::Prefix),
        ],
    );
    check(A, &["x", "=y", "a=z"], &[(A, "y; a=z")]);
}

#[test]
fn input_110_sizes_and_control_characters() {
    let long = |n| format!("a={}", "x".repeat(n));
    let (limit, seen) = (4096, 4097);
    let too_large = CookieError::Size { limit, seen };
    check(A, &[&long(4095)], &[(A, &long(4095))]);
    refused(
        A,
        &[(&long(4096), too_large), (&"x".repeat(4097), too_large)],
    );
    for byte in (0..=0x1f).chain([0x7f]).filter(|byte| *byte != b'\t') {
        let c = char::from(byte);
        for line in [
            format!("a=b{c}c"),
            format!("a{c}=b"),
            format!("a=b; Path=/{c}"),
            format!("{c}a=b"),
        ] {
            refused(A, &[(&line, CookieError::Control)]);
        }
    }
    // An attribute that is too long is as good as absent.
    let path = format!("a=b; Path=/{}", "x".repeat(1024));
    check(A, &[&path], &[("https://www.a.example/dir/", "a=b")]);
}

#[test]
fn default_paths() {
    for (from, path) in [
        ("https://a.example", "/"),
        ("https://a.example/", "/"),
        ("https://a.example/x", "/"),
        ("https://a.example/x/", "/x"),
        ("https://a.example/x/y", "/x"),
        ("https://a.example/x/y/z?q=/a/b", "/x/y"),
        ("https://a.example//", "/"),
        ("https://a.example/x//y", "/x/"),
    ] {
        let (jar, _) = clocked();
        for line in [
            "a=b",
            "a=b; Path=",
            "a=b; Path=x",
            "a=b; Path",
            "a=b; Path=/q; Path=x",
        ] {
            jar.clear();
            jar.set(&url(from), line).unwrap();
            assert_eq!(jar.cookies()[0].path(), path, "{line} from {from}");
        }
    }
}

#[test]
fn paths() {
    let to = |path: &str| format!("https://www.a.example{path}");
    for (attribute, path, goes) in [
        ("/", "/", true),
        ("/", "/x", true),
        ("/x", "/x", true),
        ("/x", "/x/", true),
        ("/x", "/x/y", true),
        ("/x", "/x?q", true),
        ("/x", "/xy", false),
        ("/x", "/", false),
        ("/x", "/X", false),
        ("/x", "/y/x", false),
        ("/x/", "/x", false),
        ("/x/", "/x/", true),
        ("/x/", "/x/y", true),
        ("/x/y", "/x/y/../y", true),
        ("/x%20y", "/x y", true),
        ("/x;y", "/x", true),
        ("/other", "/dir/page", false),
        ("/dir ", "/dir/page", true),
    ] {
        let want = if goes { "a=b" } else { "" };
        check(
            A,
            &[&format!("a=b; Path={attribute}")],
            &[(&to(path), want)],
        );
    }
    check(
        A,
        &["a=b; path=/x; PATH=/y"],
        &[(&to("/x"), ""), (&to("/y"), "a=b")],
    );
}

#[test]
fn domains() {
    for (attribute, rows) in [
        (
            "",
            [("www", true), ("x.www", false), ("", false), ("api", false)],
        ),
        (
            "www.a.example",
            [("www", true), ("x.www", true), ("", false), ("api", false)],
        ),
        (
            "a.example",
            [("www", true), ("x.www", true), ("", true), ("api", true)],
        ),
        (
            ".a.example",
            [("www", true), ("x.www", true), ("", true), ("api", true)],
        ),
        (
            "A.eXample",
            [("www", true), ("x.www", true), ("", true), ("api", true)],
        ),
        (
            "b.example; Domain=a.example",
            [("www", true), ("x.www", true), ("", true), ("api", true)],
        ),
        (
            "a.example; Domain=",
            [("www", true), ("x.www", false), ("", false), ("api", false)],
        ),
    ] {
        for (host, goes) in rows {
            let dot = if host.is_empty() { "" } else { "." };
            let to = format!("https://{host}{dot}a.example/dir/");
            let want = if goes { "a=b" } else { "" };
            check(A, &[&format!("a=b; Domain={attribute}")], &[(&to, want)]);
        }
    }
}

#[test]
fn input_107_domains_of_others() {
    for domain in [
        "com",
        "example",
        "EXAMPLE",
        ".example",
        "example.",
        "b.example",
        "www.b.example",
        "api.a.example",
        "x.www.a.example",
        "xa.example",
        "ww.a.example",
        "w.a.example",
        ".example.",
        "a.example.",
        "..a.example",
        "www.a.example..",
        "127.0.0.1",
        "*.a.example",
        "a",
        "a.exampl\u{e9}",
        "www.a.example:443",
        "https://www.a.example",
    ] {
        refused(
            A,
            &[(&format!("a=b; Domain={domain}"), CookieError::Domain)],
        );
    }
    for domain in ["uk", "co.uk", "CO.uk", "co.uk.", ".co.uk", "cO.uK."] {
        refused(
            "https://shop.example.co.uk/",
            &[(&format!("a=b; Domain={domain}"), CookieError::Domain)],
        );
    }
    for (from, domain) in [
        ("https://me.github.io/", "github.io"),
        ("https://x.y.kawasaki.jp/", "y.kawasaki.jp"),
        ("https://x.y.kawasaki.jp/", "kawasaki.jp"),
        ("https://x.y.ck/", "y.ck"),
        ("https://www.xn--85x722f.com.cn/", "com.cn"),
        ("https://www.a.example/", "."),
    ] {
        let kept = CookieJar::new().set(&url(from), format!("a=b; Domain={domain}"));
        let want = if domain == "." {
            Ok(())
        } else {
            Err(CookieError::Domain)
        };
        assert_eq!(kept, want, "{domain}");
    }
    // A domain that is nothing but a dot names nobody: the cookie is the host's alone.
    check(
        A,
        &["a=b; Domain=."],
        &[(A, "a=b"), ("https://x.www.a.example/dir/", "")],
    );
    // A host that is a public suffix can have cookies for itself.
    check(
        "https://github.io/",
        &["a=b; Domain=github.io"],
        &[("https://github.io/", "a=b"), ("https://me.github.io/", "")],
    );
    check(
        "http://localhost/",
        &["a=b; Domain=localhost"],
        &[("http://localhost:8080/", "a=b")],
    );
    check(
        "https://www.ck/",
        &["a=b; Domain=www.ck"],
        &[("https://x.www.ck/", "a=b")],
    );
    check(
        "https://b\u{fc}cher.de/",
        &["a=b; Domain=xn--bcher-kva.de"],
        &[("https://www.b\u{fc}cher.de/", "a=b")],
    );
}

#[test]
fn addresses_stand_for_themselves() {
    check(
        "http://127.0.0.1/",
        &["a=b; Domain=127.0.0.1", "c=d"],
        &[
            ("http://127.0.0.1:81/", "a=b; c=d"),
            ("http://1.127.0.0.1.a.example/", ""),
            ("http://0x7f.1/", "a=b; c=d"),
        ],
    );
    check(
        "http://[::1]/",
        &["a=b"],
        &[("http://[0::1]/", "a=b"), ("http://1/", "")],
    );
    for domain in ["0.0.1", "1", ".0.0.1", "127.0.0.1."] {
        refused(
            "http://127.0.0.1/",
            &[(&format!("a=b; Domain={domain}"), CookieError::Domain)],
        );
    }
}

#[test]
fn input_115_127_hosts() {
    let set = &["a=b; Domain=example.com"];
    for (to, want) in [
        ("http://example.com/", "a=b"),
        ("http://EXAMPLE.com./", "a=b"),
        ("http://x.example.com/", "a=b"),
        ("http://evilexample.com/", ""),
        ("http://example.com.evil/", ""),
        ("http://example.co/", ""),
        ("http://com/", ""),
    ] {
        check("http://example.com/", set, &[(to, want)]);
    }
    check(
        "http://example.com./",
        set,
        &[("http://example.com/", "a=b")],
    );
}

#[test]
fn input_108_prefixes() {
    for line in [
        "__Host-a=b",
        "__Host-a=b; Secure",
        "__Host-a=b; Path=/",
        "__Host-a=b; Secure; Path=/dir",
        "__Host-a=b; Secure; Path=/; Domain=www.a.example",
        "__Secure-a=b",
        "__secure-a=b",
        "__SECURE-a=b",
        "__host-a=b; Secure",
        "__HoSt-a=b; Path=/",
        "__Host-=b",
    ] {
        refused(A, &[(line, CookieError::Prefix)]);
    }
    for (line, want) in [
        ("__Host-a=b; Secure; Path=/", "__Host-a=b"),
        ("__host-a=b; Path=/; Secure; Domain=", "__host-a=b"),
        ("__Secure-a=b; Secure", "__Secure-a=b"),
        ("__Secure-a=b; Secure; Domain=a.example", "__Secure-a=b"),
        ("__Host=b", "__Host=b"),
        ("_Host-a=b", "_Host-a=b"),
        ("a__Host-=b", "a__Host-=b"),
    ] {
        check(A, &[line], &[(A, want)]);
    }
    // At the root a cookie's path is `/` without saying so, and that is not enough.
    refused(
        "https://a.example/",
        &[("__Host-a=b; Secure", CookieError::Prefix)],
    );
    refused(
        "http://a.example/",
        &[("__Secure-a=b; Secure", CookieError::Insecure)],
    );
}

#[test]
fn input_109_what_is_secure() {
    let plain = "http://www.a.example/dir/page";
    refused(
        plain,
        &[
            ("a=b; Secure", CookieError::Insecure),
            ("a=b; SECURE=no", CookieError::Insecure),
        ],
    );
    refused(A, &[("a=b; SameSite=None", CookieError::Insecure)]);
    check(A, &["a=b; Secure"], &[(A, "a=b"), (plain, "")]);
    check(A, &["a=b"], &[(plain, "a=b")]);
    check(A, &["a=b; secure; SameSite=none"], &[(A, "a=b")]);

    for (secure, over_http, hidden) in [
        ("a=s; Secure", "a=p", true),
        ("a=s; Secure; Path=/", "a=p; Path=/", true),
        ("a=s; Secure; Path=/", "a=p", true),
        ("a=s; Secure; Path=/dir", "a=p; Path=/", false),
        ("a=s; Secure; Path=/other", "a=p", false),
        ("a=s; Secure; Domain=a.example", "a=p", true),
        ("a=s; Secure", "a=p; Domain=a.example", true),
        ("a=s; Secure", "b=p", false),
        ("a=s", "a=p", false),
    ] {
        let (jar, _) = clocked();
        jar.set(&url(A), secure).unwrap();
        let want = if hidden {
            Err(CookieError::Overlay)
        } else {
            Ok(())
        };
        assert_eq!(
            jar.set(&url(plain), over_http),
            want,
            "{secure} then {over_http}"
        );
        assert_eq!(
            jar.set(&url(plain), format!("{over_http}; Max-Age=0")),
            want,
            "nor deleted"
        );
    }
    let (jar, hand) = clocked();
    jar.set(&url(A), "a=s; Secure; Max-Age=10").unwrap();
    hand.fetch_add(10, Ordering::Relaxed);
    assert_eq!(
        jar.set(&url(plain), "a=p"),
        Ok(()),
        "an expired cookie protects nothing"
    );
}

#[test]
fn input_114_lifetimes() {
    const DAY: u64 = 86_400;
    for (attributes, lives) in [
        ("", None),
        ("Max-Age=10", Some(10)),
        ("max-age = 10 ", Some(10)),
        ("Max-Age=010", Some(10)),
        ("Max-Age=0", Some(0)),
        ("Max-Age=-1", Some(0)),
        ("Max-Age=-9223372036854775809", Some(0)),
        ("Max-Age=9223372036854775808", Some(400 * DAY)),
        ("Max-Age=99999999999999999999999", Some(400 * DAY)),
        ("Max-Age=34560000", Some(400 * DAY)),
        ("Max-Age=", None),
        ("Max-Age", None),
        ("Max-Age=-", None),
        ("Max-Age=+10", None),
        ("Max-Age=1e3", None),
        ("Max-Age=10.5", None),
        ("Max-Age=\"10\"", None),
        ("Max-Age=10; Max-Age=x", Some(10)),
        ("Max-Age=10; Max-Age=20", Some(20)),
        (
            "Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            Some(10),
        ),
        (
            "Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=10",
            Some(10),
        ),
        ("Max-Age=0; Expires=Thu, 01 Jan 2099 00:00:00 GMT", Some(0)),
        ("Expires=Tue, 14 Nov 2023 22:13:30 GMT", Some(10)),
        ("Expires=Tue, 14-Nov-23 22:13:30 GMT", Some(10)),
        ("Expires=Mon, 01 Jan 1601 00:00:00 GMT", Some(0)),
        ("Expires=Fri, 31 Dec 9999 23:59:59 GMT", Some(400 * DAY)),
        ("Expires=Mon, 01 Jan 1600 00:00:00 GMT", None),
        ("Expires=never", None),
        ("Expires", None),
        ("Expires=Tue, 14 Nov 2023 22:13:30 GMT; Expires=x", Some(10)),
    ] {
        let (jar, hand) = clocked();
        jar.set(&url(A), format!("a=b; {attributes}")).unwrap();
        let Some(seconds) = lives else {
            assert_eq!(jar.cookies()[0].expires(), None, "{attributes}");
            continue;
        };
        if seconds > 0 {
            hand.fetch_add(seconds - 1, Ordering::Relaxed);
            assert_eq!(sent(&jar, A), "a=b", "{attributes}");
            hand.fetch_add(1, Ordering::Relaxed);
        }
        assert_eq!(sent(&jar, A), "", "{attributes}");
    }
}

#[test]
fn order_and_replacement() {
    check(
        A,
        &[
            "a=1; Path=/",
            "b=2; Path=/dir",
            "c=3; Path=/",
            "d=4; Path=/dir/page",
        ],
        &[(A, "d=4; b=2; a=1; c=3")],
    );
    // One that takes another's place takes its age over as well.
    check(A, &["a=1", "b=2", "a=3"], &[(A, "a=3; b=2")]);
    check(
        A,
        &["a=1", "b=2", "a=; Max-Age=0", "a=3"],
        &[(A, "b=2; a=3")],
    );
    check(A, &["a=1; Path=/", "a=2; Path=/dir"], &[(A, "a=2; a=1")]);
    check(A, &["a=1", "a=2; Domain=www.a.example"], &[(A, "a=1; a=2")]);
    check(
        A,
        &["a=1; Domain=a.example", "a=2; Domain=A.EXAMPLE"],
        &[(A, "a=2")],
    );
    check(
        A,
        &["a=1; Path=/", "a=; Path=/dir; Max-Age=0"],
        &[(A, "a=1")],
    );
    check(A, &["a=1", "A=2"], &[(A, "a=1; A=2")]);
    check(A, &["a=1; HttpOnly", "a=2"], &[(A, "a=2")]);
}

#[test]
fn attributes_are_kept() {
    let (jar, _) = clocked();
    for (line, same_site) in [
        ("a=b; SameSite=Strict", SameSite::Strict),
        ("a=b; samesite=LAX", SameSite::Lax),
        ("a=b; SameSite=None; Secure", SameSite::None),
        ("a=b; SameSite", SameSite::Unset),
        ("a=b; SameSite=x", SameSite::Unset),
        ("a=b; SameSite=Lax; SameSite=x", SameSite::Unset),
        ("a=b; Priority=High; Partitioned; X-Y=z", SameSite::Unset),
    ] {
        jar.set(&url(A), line).unwrap();
        assert_eq!(jar.cookies()[0].same_site(), same_site, "{line}");
    }
    jar.set(&url(A), "a=b; httponly=whatever").unwrap();
    assert!(jar.cookies()[0].http_only());
}
