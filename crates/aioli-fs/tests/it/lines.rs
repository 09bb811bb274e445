//! Reading by lines.

use aioli_fs as fs;
use std::io::ErrorKind;

async fn all(text: impl AsRef<[u8]>, limit: usize) -> Vec<Result<String, ErrorKind>> {
    let file = fs::TempFile::new().await.unwrap();
    fs::write(file.path(), text).await.unwrap();
    let mut lines = fs::lines(file.path()).await.unwrap().with_limit(limit);
    let mut all = Vec::new();
    while let Some(line) = lines.next().await {
        all.push(line.map_err(|error| error.kind()));
    }
    assert!(lines.next().await.is_none(), "it has ended for good");
    all
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let lines = crate::block_on(all(text, 100));
    let lines: Vec<_> = lines.into_iter().map(Result::unwrap).collect();
    assert_eq!(lines, expected);
}

#[test]
fn ends_of_lines() {
    check("", &[]);
    check("a", &["a"]);
    check("a\n", &["a"]);
    check("a\nb", &["a", "b"]);
    check("a\r\nb\r", &["a", "b"]);
    check("\n\n", &["", ""]);
    check("a\rb\n", &["a\rb"]);
}

#[test]
fn c388_simple_iteration() {
    crate::block_on(async {
        let file = fs::TempFile::new().await.unwrap();
        let text: String = (1..=10).map(|i| format!("line {i}\n")).collect();
        fs::write(file.path(), text).await.unwrap();
        let mut i = 0;
        let lines = fs::lines(file.path()).await.unwrap();
        lines
            .for_each(async |line| {
                i += 1;
                assert_eq!(line, format!("line {i}"));
            })
            .await
            .unwrap();
        assert_eq!(i, 10);
    });
}

#[test]
fn a_line_that_is_no_text_does_not_hide_the_others() {
    let lines = crate::block_on(all(b"a\n\xff\nb\n", 100));
    assert_eq!(
        lines,
        [Ok("a".into()), Err(ErrorKind::InvalidData), Ok("b".into())]
    );
}

#[test]
fn a_line_may_be_as_long_as_the_limit_and_no_longer() {
    let lines = crate::block_on(all("12345678\n123456789\nx\n", 8));
    assert_eq!(lines, [Ok("12345678".into()), Err(ErrorKind::InvalidData)]);
}

#[test]
fn an_endless_line_is_not_read_into_memory() {
    crate::block_on(async {
        let mut lines = fs::lines("/dev/zero").await.unwrap();
        let error = lines.next().await.expect("an item").unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"read a line of "/dev/zero": a line is longer than 1048576 bytes"#
        );
        assert!(lines.next().await.is_none());
    });
}

#[test]
fn lines_across_the_steps_of_reading_are_whole() {
    let text: String = (0..100_000).map(|i| format!("{i}\n")).collect();
    let lines = crate::block_on(all(text, 100));
    assert_eq!(lines.len(), 100_000);
    for (i, line) in lines.into_iter().enumerate() {
        assert_eq!(line.unwrap(), i.to_string());
    }
}
