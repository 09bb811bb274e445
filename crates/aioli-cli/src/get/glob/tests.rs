//! What patterns stand for, and what is said of bad ones.

use super::{Asked, Pattern, Urls};
use std::path::Path;

fn urls(text: &str) -> Vec<String> {
    let pattern = Pattern::of(text, true).unwrap();
    (0..pattern.count()).map(|n| pattern.url(n).0).collect()
}

#[test]
fn what_a_pattern_stands_for() {
    for (text, expected) in [
        ("a", &["a"][..]),
        ("", &[""]),
        ("[1-3]", &["1", "2", "3"]),
        ("[08-12:2]", &["08", "10", "12"]),
        ("[9-10]", &["9", "10"]),
        ("[1- 2]", &["1", "2"]),
        ("[7-7]", &["7"]),
        ("[a-e:3]x", &["ax", "dx"]),
        ("{a,,b}[1-2]", &["a1", "a2", "1", "2", "b1", "b2"]),
        ("{a\\,b,\\},ü}", &["a,b", "}", "ü"]),
        ("{,}", &["", ""]),
        ("\\[1\\]\\{\\}\\x", &["[1]{}\\x"]),
        ("[::1]:8/[1-2]", &["[::1]:8/1", "[::1]:8/2"]),
        ("h[fe80::1%25x]", &["h[fe80::1%25x]"]),
        (
            "[18446744073709551614-18446744073709551615]",
            &["18446744073709551614", "18446744073709551615"],
        ),
    ] {
        assert_eq!(urls(text), expected, "{text}");
    }
    let zeros = "0".repeat(70_000);
    let wide = [format!("{zeros}1"), format!("{zeros}2")];
    assert_eq!(urls(&format!("[{zeros}1-2]")), wide);
    let as_is = Pattern::of("{a}[1-2]", false).unwrap();
    assert_eq!((as_is.count(), as_is.url(0).0.as_str()), (1, "{a}[1-2]"));
}

#[test]
fn what_is_no_pattern() {
    for (text, what, at) in [
        ("a/[1-", "bad range", 6),
        ("[3-1]", "bad range", 6),
        ("[1-3:9]", "bad range", 8),
        ("[1-3:0]", "bad range", 8),
        ("[1-3:x]", "bad range", 6),
        ("[1]", "bad range", 2),
        ("[a-3]", "bad range", 6),
        ("[a-é]", "bad range", 2),
        ("[A-z]", "bad range", 6),
        ("[a-a:300]", "bad range", 10),
        ("[-]", "bad range specification", 2),
        ("[", "bad range specification", 2),
        ("{a,b}[3-1]", "bad range", 11),
        ("{a", "unmatched brace", 1),
        ("a{b,\\", "unmatched brace", 2),
        ("x}", "unmatched close brace/bracket", 2),
        ("{a,{b}}", "nested brace", 4),
        ("{}", "empty string within braces", 2),
        ("{a,b]", "unexpected close bracket", 5),
        ("[0-99999999999999999999]", "bad range", 4),
        ("[0-18446744073709551615]", "bad range", 25),
        ("[1-9999999999][1-9999999999]", "range overflow", 29),
        (&"{a}".repeat(101), "too many globs", 301),
    ] {
        let failure = Pattern::of(text, true).unwrap_err();
        assert_eq!(failure.code, 3, "{text}");
        let expected = format!("{what} in URL position {at}: {text}");
        assert_eq!(failure.text, expected);
    }
    let secret = Pattern::of("http://me:secret@h/[", true).unwrap_err();
    assert!(!secret.text.contains("secret"), "{}", secret.text);
}

#[test]
fn names_of_choices() {
    let asked = Asked {
        text: String::new(),
        number: 0,
        is_first: true,
        choices: vec!["a".into(), "7".into()],
    };
    for (name, expected) in [
        ("#1_#2", "a_7"),
        ("#2#1.x", "7a.x"),
        (
            "#3 #0 # ## #x #99999999999999999999",
            "#3 #0 # ## #x #99999999999999999999",
        ),
        ("d/ü#01", "d/üa"),
        ("none", "none"),
    ] {
        assert_eq!(asked.name(Path::new(name)), Path::new(expected));
    }
}

#[test]
fn servers_are_told_without_the_paths() {
    let servers = |text| {
        Pattern::of(text, true)
            .unwrap()
            .servers()
            .collect::<Vec<_>>()
    };
    assert_eq!(servers("{a,b}.c/[1-999999999]"), ["a.c/", "b.c/"]);
    assert_eq!(
        servers("http{,s}://a:[1-2]/x{y,z}"),
        [
            "http://a:1/x",
            "http://a:2/x",
            "https://a:1/x",
            "https://a:2/x"
        ]
    );
    assert_eq!(servers("http:/{/a,/b}/{c,d}").len(), 2);
    assert_eq!(servers("http:/{/a,/b}"), ["http://a", "http://b"]);
    assert_eq!(servers("a"), ["a"]);
}

#[test]
fn urls_of_a_group_come_one_after_the_other() {
    let texts = ["a[1-9999999999]", "[", "b"].map(str::to_owned);
    let mut some = Urls::of(&texts, true);
    let first = some.next().unwrap().unwrap();
    assert!(first.is_first && first.text == "a1");
    let last = some.by_ref().nth(100).unwrap().unwrap();
    assert!(!last.is_first && last.number == 0 && last.text == "a102");
    let texts = ["a", "[", "b"].map(str::to_owned);
    let mut bad = Urls::of(&texts, true);
    assert_eq!(bad.next().unwrap().unwrap().text, "a");
    assert_eq!(bad.next().unwrap().unwrap_err().code, 3);
    assert!(bad.next().is_none(), "nothing comes behind a bad one");
    let numbers = Urls::of(&["{a,b}", "c"].map(str::to_owned), true)
        .map(|asked| asked.unwrap().number)
        .collect::<Vec<_>>();
    assert_eq!(numbers, [0, 0, 1]);
}
