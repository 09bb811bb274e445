//! How errors show what others have written: escaped, short, and without what may be secret.

use std::error::Error as StdError;
use std::fmt::{self, Write as _};

use url::Url;

/// What is shown of a text that a server may have written, in bytes.
const SHOWN_MAX: usize = 128;

/// The beginning of a text that a server may have written, with control characters escaped.
pub(crate) struct Excerpt<'a>(pub(crate) &'a str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = 0;
        for char in self.0.chars() {
            let escaped = char.escape_debug();
            // Quotes are harmless, and a text within a text has enough of them.
            let harmless = matches!(char, '"' | '\'');
            shown += if harmless {
                1
            } else {
                escaped.clone().map(char::len_utf8).sum()
            };
            if shown > SHOWN_MAX {
                return f.write_char('…');
            }
            if harmless {
                f.write_char(char)?;
            } else {
                escaped.fmt(f)?;
            }
        }
        Ok(())
    }
}

/// A URL as it may be shown: without user information, query and fragment.
///
/// Its path may be the server's work, by a redirect.
pub(crate) struct Shown<'a>(pub(crate) &'a Url);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.0;
        let host = url.host_str().unwrap_or_default();
        write!(f, "{}://{}", url.scheme(), Excerpt(host))?;
        if let Some(port) = url.port() {
            write!(f, ":{port}")?;
        }
        Excerpt(url.path()).fmt(f)
    }
}

/// What a parser has said about a text of the server's, of which it quotes what it likes.
#[derive(Debug)]
pub(crate) struct Said {
    text: String,
}

impl Said {
    /// What is wrong with a JSON text, and where.
    pub(crate) fn of_json(error: &serde_json::Error) -> Said {
        let text = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let what = text.strip_suffix(&place).unwrap_or(&text);
        Said {
            text: format!("{}{place}", Excerpt(&without_quotes(what))),
        }
    }
}

/// Leaves out what stands in double quotes: values of the text, which may be anything.
fn without_quotes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        out.push(char);
        if char != '"' {
            continue;
        }
        while let Some(quoted) = chars.next() {
            match quoted {
                '\\' => drop(chars.next()),
                '"' => break,
                _ => {}
            }
        }
        out.push_str("…\"");
    }
    out
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Said {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_164_what_others_wrote_is_escaped_and_cut() {
        let shown = |text: &str| Excerpt(text).to_string();
        assert_eq!(shown("gar\"lic"), "gar\"lic");
        assert_eq!(shown("a\r\n\u{1b}[31m\0"), "a\\r\\n\\u{1b}[31m\\0");
        let long = shown(&"\n".repeat(1000));
        assert_eq!(long, format!("{}…", "\\n".repeat(64)));
        assert_eq!(shown(&"ü".repeat(64)), "ü".repeat(64));
    }

    #[test]
    fn input_164_urls_show_no_secrets() {
        let mut url: Url = "https://u:p@a.example:444/x?token=1#f".parse().unwrap();
        assert_eq!(Shown(&url).to_string(), "https://a.example:444/x");
        url.set_path(&"y".repeat(1000));
        assert!(Shown(&url).to_string().len() < 200);
    }

    #[test]
    fn json_errors_keep_their_place() {
        let bad = format!("\n\n  \"{}\"", "sec\\\"ret".repeat(100));
        let error = serde_json::from_str::<u32>(&bad).unwrap_err();
        assert_eq!(
            Said::of_json(&error).to_string(),
            "invalid type: string \"…\", expected u32 at line 3 column 804"
        );
        assert_eq!(
            without_quotes(r#"a "b\"c" d "e\\" f "g"#),
            r#"a "…" d "…" f "…""#
        );
    }
}
