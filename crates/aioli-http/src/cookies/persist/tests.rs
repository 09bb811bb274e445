//! What a file of cookies may bring in.

use super::*;

const NOW: i64 = 1_700_000_000;

fn file(cookie: &str) -> String {
    format!("{{\"version\":1,\"cookies\":[{cookie}]}}")
}

#[track_caller]
fn refused(cookie: &str, what: &str) {
    let error = from_json(&file(cookie), 4096, NOW).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    let text = error.to_string();
    assert!(text.contains(what), "{cookie}: {text}");
}

#[test]
fn no_more_than_a_server_could_set() {
    let row = |name: &str, value: &str, domain: &str, host_only: bool, path: &str| {
        format!(
            "{{\"name\":{name:?},\"value\":{value:?},\"domain\":{domain:?},\"host_only\":{host_only},\"path\":{path:?}}}"
        )
    };
    assert_eq!(
        from_json(&file(&row("a", "1", "a.example", false, "/")), 4096, NOW)
            .unwrap()
            .len(),
        1
    );
    for (cookie, what) in [
        (row("a", "1; b=2", "a.example", true, "/"), "value"),
        (
            row("a", "1\\r\\nx: y", "a.example", true, "/").replace("\\\\", "\\"),
            "value",
        ),
        (row("a", " 1", "a.example", true, "/"), "value"),
        (row("a=b", "1", "a.example", true, "/"), "name"),
        (row("a;b", "1", "a.example", true, "/"), "name"),
        (row("", "", "a.example", true, "/"), "size"),
        (row("a", &"x".repeat(4096), "a.example", true, "/"), "size"),
        (row("a", "1", "com", false, "/"), "domain"),
        (row("a", "1", "co.uk", false, "/"), "domain"),
        (row("a", "1", "127.0.0.1", false, "/"), "domain"),
        (row("a", "1", "A.example", true, "/"), "domain"),
        (row("a", "1", "a.example.", true, "/"), "domain"),
        (row("a", "1", ".a.example", true, "/"), "domain"),
        (row("a", "1", "", true, "/"), "domain"),
        (row("a", "1", "a b", true, "/"), "domain"),
        (row("a", "1", "a.example", true, "x"), "path"),
        (row("a", "1", "a.example", true, ""), "path"),
        (row("__Host-a", "1", "a.example", true, "/"), "prefix"),
        (row("__secure-a", "1", "a.example", true, "/"), "prefix"),
        (
            row("a", "1", "a.example", true, "/").replace('}', ",\"same_site\":\"none\"}"),
            "same site",
        ),
    ] {
        refused(&cookie, what);
    }
}

#[test]
fn other_files() {
    for text in [
        "",
        "[]",
        "{}",
        "{\"version\":1}",
        "{\"cookies\":[],\"version\":2}",
        "{\"version\":1,\"cookies\":[{}]}",
    ] {
        assert_eq!(
            from_json(text, 4096, NOW).unwrap_err().kind(),
            io::ErrorKind::InvalidData,
            "{text}"
        );
    }
    let error = from_json(&file("\"s3cret"), 4096, NOW).unwrap_err();
    assert!(!error.to_string().contains("s3cret"));
}

#[test]
fn input_114_lifetimes_in_files_are_bounded() {
    let row = |expires: i64| {
        file(&format!(
            "{{\"name\":\"a\",\"value\":\"1\",\"domain\":\"a.example\",\"host_only\":true,\"path\":\"/\",\"expires\":{expires}}}"
        ))
    };
    let read = |expires| from_json(&row(expires), 4096, NOW).unwrap();
    assert_eq!(read(i64::MAX)[0].expires, Some(NOW + MAX_LIFETIME));
    assert_eq!(read(NOW + 1)[0].expires, Some(NOW + 1));
    assert!(read(NOW).is_empty());
    assert!(read(i64::MIN).is_empty());
}
