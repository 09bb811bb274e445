//! Challenges alone, in lists, and broken.

use super::*;

fn show(header: &str) -> String {
    let challenges = parse(header.as_bytes(), 4096);
    let shown = challenges.iter().map(|challenge| {
        let params = challenge.params.iter().map(|(k, v)| format!(" {k}={v}"));
        format!("{}{}", challenge.scheme, params.collect::<String>())
    });
    shown.collect::<Vec<_>>().join(" | ")
}

#[test]
fn lists() {
    for (header, want) in [
        ("", ""),
        ("Basic", "basic"),
        ("Basic realm=\"a b\"", "basic realm=a b"),
        ("Basic realm=a,charset=UTF-8", "basic realm=a charset=UTF-8"),
        (
            "Digest REALM = \"a\" , qop= auth",
            "digest realm=a qop=auth",
        ),
        (
            ", ,Basic realm=a, , Digest realm=b,nonce=c",
            "basic realm=a | digest realm=b nonce=c",
        ),
        ("Negotiate", "negotiate"),
        ("Negotiate YII=, Basic realm=a", "negotiate | basic realm=a"),
        ("Negotiate YII, Basic realm=a", "negotiate | basic realm=a"),
        (
            "NTLM, Negotiate, Basic realm=a",
            "ntlm | negotiate | basic realm=a",
        ),
        (
            "Digest realm=\"a, Basic realm=b\"",
            "digest realm=a, Basic realm=b",
        ),
        ("Digest realm=\"a\\\"b\\\\c\"", "digest realm=a\"b\\c"),
        ("Digest realm=\"\"", "digest realm="),
    ] {
        assert_eq!(show(header), want, "{header}");
    }
}

#[test]
fn what_is_broken_is_left_out_with_what_follows() {
    for (header, want) in [
        ("realm=a", ""),
        ("=", ""),
        ("Digest realm=", "digest"),
        ("Digest realm=\"a", ""),
        ("Digest realm=\"a\\", ""),
        ("Basic realm=a, Digest realm=\"b", "basic realm=a"),
        ("Digest realm=a, realm=b", ""),
        ("Digest realm=a, Realm=a", ""),
        ("Digest nonce=\"\u{e4}\"", "digest nonce=\u{e4}"),
        ("\u{e4}", ""),
    ] {
        assert_eq!(show(header), want, "{header}");
    }
    assert_eq!(parse(b"Digest nonce=\"\xff\"", 4096), []);
}

#[test]
fn bounds() {
    let long = |n| format!("Digest nonce=\"{}\"", "x".repeat(n));
    assert_eq!(parse(long(4096).as_bytes(), 4096).len(), 1);
    assert_eq!(parse(long(4097).as_bytes(), 4096).len(), 0);
    let many: String = (0..33).map(|n| format!("a{n}=b,")).collect();
    assert_eq!(parse(format!("Digest {many}").as_bytes(), 4096).len(), 0);
    assert_eq!(parse("Basic,".repeat(1000).as_bytes(), 4096).len(), 16);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read(bytes: Vec<u8>) {
        parse(&bytes, 4096);
    }

    #[test]
    fn anything_like_a_challenge_is_read(text in "([A-Za-z]{1,4}|[ ,=\"\\\\]){0,40}") {
        parse(text.as_bytes(), 4096);
    }
}
