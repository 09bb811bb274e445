//! One line of a file of options.

/// An option, and what stands behind it.
#[derive(PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Line<'a> {
    /// As it is written, with or without its dashes.
    pub(super) option: &'a str,
    pub(super) value: Option<Value<'a>>,
}

/// The value of an option.
#[derive(PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub(super) enum Value<'a> {
    Plain(&'a str),
    Quoted(String),
}

/// What curl's `isspace` takes.
const BLANK: [char; 6] = [' ', '\t', '\n', '\r', '\x0b', '\x0c'];

/// Reads a line; `None` is one that says nothing.
///
/// # Errors
///
/// Says what curl makes something else of than was meant: a value that ends at a blank, or at a
/// quote, with more behind it, or whose quote is not closed.
pub(super) fn line(text: &str) -> Result<Option<Line<'_>>, &'static str> {
    let text = text.trim_matches(BLANK);
    // As curl has it, all three begin a comment.
    if text.is_empty() || text.starts_with(['#', '/', '*']) {
        return Ok(None);
    }
    // The short ones have their values behind them, `=` and all.
    let is_separator = |c: char| match text.as_bytes() {
        [b'-', b'-', ..] => c == '=',
        [b'-', ..] => false,
        _ => matches!(c, '=' | ':'),
    };
    let ends = |c: char| BLANK.contains(&c) || is_separator(c);
    let (option, rest) = text.split_at(text.find(ends).unwrap_or(text.len()));
    let rest = match text.starts_with('-') {
        true if rest.starts_with('=') => rest[1..].trim_start_matches(BLANK),
        true => rest.trim_start_matches(BLANK),
        false => rest.trim_start_matches(ends),
    };
    let value = match rest.strip_prefix('"') {
        _ if rest.is_empty() || is_comment(rest) => None,
        Some(quoted) => Some(Value::Quoted(unquoted(quoted)?)),
        None => {
            let (value, behind) = rest.split_once(BLANK).unwrap_or((rest, ""));
            nothing_but_a_comment(behind, "a value with a blank in it needs quotes")?;
            Some(Value::Plain(value))
        }
    };
    Ok(Some(Line { option, value }))
}

/// The text before the quote that closes it.
fn unquoted(text: &str) -> Result<String, &'static str> {
    let mut value = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next().ok_or("the quotes are not closed")? {
            '"' => break,
            '\\' => value.extend(characters.next().map(|c| match c {
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                'v' => '\x0b',
                c => c,
            })),
            c => value.push(c),
        }
    }
    nothing_but_a_comment(characters.as_str(), "something stands behind the quotes")?;
    Ok(value)
}

/// Whether it can be no value: one that begins so may be one if no blank is in it.
fn is_comment(text: &str) -> bool {
    let rest = text.strip_prefix('#');
    rest.is_some_and(|rest| rest.starts_with(BLANK))
}

fn nothing_but_a_comment(rest: &str, wrong: &'static str) -> Result<(), &'static str> {
    let rest = rest.trim_start_matches(BLANK);
    match rest.is_empty() || rest.starts_with('#') {
        true => Ok(()),
        false => Err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, Value, line};

    #[track_caller]
    fn check(text: &str, option: &str, value: Option<Value<'_>>) {
        assert_eq!(line(text), Ok(Some(Line { option, value })), "{text}");
    }

    #[test]
    fn what_ends_an_option_and_its_value() {
        let plain = |text| Some(Value::Plain(text));
        for text in ["data=x", "data:x", "data x", "\tdata = : x\r", "data x # y"] {
            check(text, "data", plain("x"));
        }
        check("-d=x", "-d=x", None);
        check("-d  =x", "-d", plain("=x"));
        check("--data x", "--data", plain("x"));
        check("--data=:x", "--data", plain(":x"));
        check("--data :x", "--data", plain(":x"));
        check("referer=a#b", "referer", plain("a#b"));
        for text in ["silent", "silent # now", "silent\t#\tnow"] {
            check(text, "silent", None);
        }
        check("-s # now", "-s", None);
        check("data = #", "data", plain("#"));
        check("data = #x # y", "data", plain("#x"));
        check("url = http://a:1/?b=c", "url", plain("http://a:1/?b=c"));
    }

    #[test]
    fn quotes_and_what_is_escaped_in_them() {
        for (text, value) in [
            (r#"data="a b""#, "a b"),
            (r#"data "a b" # c"#, "a b"),
            (r#"data="""#, ""),
            (r#"data="\"\\\t\n\r\v\q""#, "\"\\\t\n\r\x0bq"),
            (r#"--data="= b""#, "= b"),
        ] {
            let option = text.split(['=', ' ']).next().unwrap();
            check(text, option, Some(Value::Quoted(value.into())));
        }
    }

    #[test]
    fn lines_that_say_nothing() {
        for text in ["", " \r", "# url=a", "  # url=a", "/ url=a", "*"] {
            assert_eq!(line(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn lines_that_say_something_else_than_was_meant() {
        for (text, wrong) in [
            ("header = A: b", "needs quotes"),
            ("data = \"a", "not closed"),
            ("data = \"a\\", "not closed"),
            ("data = \"a\" b", "behind the quotes"),
        ] {
            assert!(line(text).unwrap_err().contains(wrong), "{text}");
        }
    }
}
