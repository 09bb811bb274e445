//! Names of hostile and of unlucky URLs.

use super::{LENGTH_MAX, names};
use aioli::http::Url;
use std::collections::HashSet;

fn urls(urls: &[&str]) -> Vec<Url> {
    urls.iter().map(|url| Url::parse(url).unwrap()).collect()
}

#[track_caller]
fn check(path: &str, name: &str) {
    assert_eq!(names(&urls(&[&format!("http://a/{path}")])), [name]);
}

#[test]
fn plain_names_stay() {
    check("a/b/file.tar.gz", "file.tar.gz");
    check("file?query=1", "file");
    check("a%20b.txt", "a b.txt");
    check("%C3%BC", "ü");
}

#[test]
fn names_of_folders() {
    check("", "index.html");
    check("a/b/", "index.html");
}

#[test]
fn no_name_leads_out_of_the_folder() {
    check("..%2f..%2Fetc%2Fpasswd", "_._.._etc_passwd");
    check("%2e%2e", "index.html");
    check("a/..%5c..%5cb", "_._.._b");
    check("%2Fetc%2Fpasswd", "_etc_passwd");
    check("...", "_");
    check(".bashrc", "_bashrc");
    check("-rf", "_rf");
    check("a%00b%0Ac", "a_b_c");
    check("C:%5Cx", "C__x");
    check("%FF", "_");
}

#[test]
fn names_of_devices_and_of_partial_files() {
    check("con", "_con");
    check("Com1.txt", "_Com1.txt");
    check("com10", "com10");
    check("a.part", "a.part_");
    check("a.PART.json", "a.PART.json_");
}

#[test]
fn long_names_keep_their_extension() {
    let long = names(&urls(&[&format!("http://a/{}.txt", "ü".repeat(400))]));
    assert!(
        long[0].len() <= LENGTH_MAX && long[0].ends_with("ü.txt"),
        "{long:?}"
    );
}

#[test]
fn names_that_are_cut_stay_harmless() {
    let cut = "a".repeat(LENGTH_MAX - 6);
    let part = format!("{cut}.part{}", "x".repeat(100));
    check(&part, &format!("{cut}.part_"));
    check(&format!("{cut}.....{}", "x".repeat(100)), &cut);
}

#[test]
fn equal_names_are_told_apart_in_any_order() {
    let list = urls(&[
        "http://a/x/file.txt",
        "http://a/y/FILE.txt",
        "http://a/z/other.txt",
        "http://b/file.txt?1",
        "http://b/file.txt?2",
    ]);
    let forth = names(&list);
    let unique: HashSet<_> = forth.iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(unique.len(), list.len(), "{forth:?}");
    assert_eq!(forth[2], "other.txt");
    assert!(
        forth[0].starts_with("file-") && forth[0].ends_with(".txt"),
        "{forth:?}"
    );
    let reversed: Vec<_> = list.iter().rev().cloned().collect();
    let mut back = names(&reversed);
    back.reverse();
    assert_eq!(forth, back);
}

#[test]
fn a_name_may_be_that_of_a_mark() {
    let marked = names(&urls(&["http://a/x/f", "http://a/y/f"]));
    let third = format!("http://a/z/{}", marked[0]);
    let all = names(&urls(&["http://a/x/f", "http://a/y/f", &third]));
    let unique: HashSet<_> = all.iter().collect();
    assert_eq!(unique.len(), 3, "{all:?}");
}
