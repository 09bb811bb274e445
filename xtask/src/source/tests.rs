//! The scanner tells code, literals and comments apart, and finds functions.

use super::Source;

#[track_caller]
fn code_of(text: &str, expected: &str) {
    let source = Source::new(text);
    assert_eq!(source.code.len(), text.len());
    assert_eq!(source.comments.len(), text.len());
    let squeezed = source.code.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(squeezed, expected);
}

#[test]
fn literals_and_comments_are_not_code() {
    code_of("a(\"{ // no\"); // }\nb", "a(\" \"); b");
    code_of("a(\"\\\"}\") + c", "a(\" \") + c");
    code_of("r#\"} \" {\"# + br\"{\\\" + c", "r#\" \"# + br\" \" + c");
    code_of("x /* { /* { */ } */ y", "x y");
    code_of(
        "'{' + '\\'' + '\\u{7d}' + b'}' + 'é'",
        "' ' + ' ' + ' ' + b' ' + ' '",
    );
    code_of(
        "fn f<'a>(x: &'a str) -> &'static str",
        "fn f<'a>(x: &'a str) -> &'static str",
    );
    code_of("for r in \"}\" {}", "for r in \" \" {}");
    code_of(
        "'outer: loop { break 'outer; }",
        "'outer: loop { break 'outer; }",
    );
}

#[test]
fn unfinished_literals_end_with_the_file() {
    for text in [
        "\"abc", "'\\", "r#\"abc", "/* abc", "// abc", "b", "br", "'",
    ] {
        assert_eq!(Source::new(text).code.len(), text.len());
    }
}

#[test]
fn functions_have_bounds_and_prefixes() {
    let text = "\
impl A {
    /// Docs.
    #[must_use]
    pub async fn one<T>(&self, x: [u8; 3]) -> T where T: B {
        let s = \"}\";
        move || { s }
    }

    fn two(&self);
}
type P = unsafe fn(u8);
pub(crate) unsafe fn three() {}
";
    let source = Source::new(text);
    let functions = source.functions();
    let names: Vec<_> = functions
        .iter()
        .map(|f| (f.name.as_str(), f.prefix.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            ("one", "pub async"),
            ("two", ""),
            ("three", "pub(crate) unsafe")
        ]
    );
    let body = functions[0].body.clone().unwrap();
    assert_eq!((functions[0].line, source.line_at(body.end - 1)), (3, 6));
    assert!(functions[1].body.is_none());
    assert_eq!(source.lead(functions[0].line), [2, 1]);
}

#[test]
fn lead_takes_attributes_of_several_lines() {
    let source = Source::new("x();\n\n/// A.\n#[doc(\n    alias = \"b\",\n)]\n// C.\nfn f() {}\n");
    assert_eq!(source.lead(7), [6, 5, 4, 3, 2]);
}

#[test]
fn items_under_test_are_known() {
    let source = Source::new("fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() {}\n}\nfn c() {}\n");
    let [range] = &source.test_ranges()[..] else {
        panic!("one range")
    };
    assert!(range.contains(&source.text.find("fn b").unwrap()));
    assert!(!range.contains(&source.text.find("fn c").unwrap()));
}
