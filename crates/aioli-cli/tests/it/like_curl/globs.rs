//! URLs that stand for many.

use super::{CURL, Folder, check, codes, left, run, server, versions};
use std::process::Command;

#[test]
fn one_after_the_other() {
    let server = server();
    for (pattern, seen) in [
        ("[1-3]", &["GET 1", "GET 2", "GET 3"][..]),
        ("[08-12:2]", &["GET 08", "GET 10", "GET 12"]),
        (
            "[a-e:2]{x,,y}",
            &[
                "GET ax", "GET a", "GET ay", "GET cx", "GET c", "GET cy", "GET ex", "GET e",
                "GET ey",
            ],
        ),
        ("{a\\,b,c}[7-7]\\{", &["GET a,b7{", "GET c7{"]),
    ] {
        // What a URL may not hold, curl sends, and the client escapes otherwise.
        let words = ["--path-as-is", &server.url(pattern)];
        check(&server, &words, 0, seen);
    }
    check(
        &server,
        &["-g", &server.url("a?[1-2]")],
        0,
        &["GET a?[1-2]"],
    );
    let url = server.url("").replace("127.0.0.1", "{127.0.0.1,localhost}");
    let to = "::127.0.0.1:";
    check(&server, &["--connect-to", to, &url], 0, &["GET "; 2]);
}

#[test]
fn columns_of_what_is_wrong() {
    let server = server();
    let folder = Folder::new();
    for pattern in [
        "[1-",
        "[3-1]",
        "[1-3:9]",
        "[1-3:0]",
        "[1-3:x]",
        "[1-1:2]",
        "[1]",
        "[a-3]",
        "[A-z]",
        "[-]",
        "[x",
        "{a",
        "x}y",
        "x]",
        "{a,{b}}",
        "{a[1-2]}",
        "{}",
        "{a,b]",
        "[0-99999999999999999999]",
        "[a-c:5]",
        "[1-9999999999][1-9999999999]",
    ] {
        let url = server.url(pattern);
        let own = run(&folder, ["get", &url]);
        own.check(3, &[&[" in URL position ", &url]]);
        if *CURL {
            let curl = Command::new("curl").args(["-q", "-sS", &url]).output();
            let said = String::from_utf8(curl.unwrap().stderr).unwrap();
            let said = said.lines().next().unwrap().trim_end_matches(':');
            let said = said.trim_start_matches("curl: ");
            assert!(own.errors[0].contains(said), "{said}: {own:?}");
        }
    }
    // It ends everything, but is found in its turn only.
    let (good, bad) = (server.url("x"), server.url("["));
    for words in [
        &[&good[..], &bad, &good][..],
        &[&good, "--next", &bad, "--next", &good],
    ] {
        check(&server, words, 3, &["GET x"]);
    }
    for (who, code) in codes(&folder, &["-Z", &bad, &good]) {
        assert_eq!(code, Some(3), "{who}");
    }
    // It is not made before it is got.
    let many = server.url("[1-9223372036854775807]");
    for words in [
        &["-f", "--fail-early", "-m", "0.0001"][..],
        &["-Z", "--fail-early", "-m", "0.0001"],
    ] {
        let words = [words, &["-x", "127.0.0.1:1", &many]].concat();
        let own = run(&folder, [&["get", "-s"], &words[..]].concat());
        assert!(matches!(own.code, Some(7 | 28)), "{own:?}");
    }
}

#[test]
fn files_of_choices() {
    let server = versions();
    let (own, curls) = (Folder::new(), Folder::new());
    let folders = [&own, &curls];
    let url = server.url("{a,b}?[1-2]");
    let words = [
        "-o",
        "#1_#2_#3#",
        "-D",
        "heads",
        "-w",
        "%{urlnum}\n",
        &url,
        &url,
        "-o",
        "other",
    ];
    for (who, out) in left(folders, &words, 0) {
        assert_eq!(out, "0\n0\n0\n0\n1\n1\n1\n1\n", "{who}");
    }
    assert_eq!(
        own.names(),
        ["a_1_#3#", "a_2_#3#", "b_1_#3#", "b_2_#3#", "heads", "other"]
    );
    for folder in if *CURL { &folders[..] } else { &folders[..1] } {
        let heads = String::from_utf8(folder.read("heads")).unwrap();
        assert_eq!(heads.matches("HTTP/1.1 200").count(), 8);
    }
    left(folders, &["-Zo", "z#1", &url], 0);
    left(folders, &["-go", "#1", &server.url("x")], 0);
    assert!(own.names().contains(&"#1".to_owned()) && own.names().contains(&"zb".to_owned()));
}
