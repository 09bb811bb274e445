//! A light colour for Rust code, where it goes to a terminal.

use std::env;
use std::io::{self, IsTerminal};

/// Words that are coloured as the language's own.
const KEYWORDS: [&str; 18] = [
    "async", "await", "use", "fn", "let", "mut", "move", "for", "in", "if", "match", "struct",
    "impl", "while", "else", "loop", "self", "return",
];

/// Whether to colour.
#[derive(Clone, Copy)]
pub(super) struct Colour(bool);

impl Colour {
    /// Colours for the standard output stream: if it is a terminal, and `NO_COLOR` is not set.
    pub(super) fn for_terminal() -> Colour {
        Colour(io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none())
    }

    pub(super) fn heading(self, text: &str) -> String {
        self.paint("1;36", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// A line of Rust.
    pub(super) fn code(self, line: &str) -> String {
        let mut coloured = String::new();
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let token = token(rest, first);
            rest = &rest[token.len()..];
            let is_call = rest.starts_with('(') || rest.starts_with("!(");
            coloured += &match first {
                '"' => self.paint("32", token),
                '/' if token.starts_with("//") => self.paint("2", token),
                _ if KEYWORDS.contains(&token) => self.paint("35", token),
                '0'..='9' => self.paint("33", token),
                'a'..='z' | '_' if is_call => self.paint("34", token),
                _ => token.to_owned(),
            };
        }
        coloured
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// The token that `text` begins with.
fn token(text: &str, first: char) -> &str {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let length = match first {
        '/' if text.starts_with("//") => text.len(),
        '"' => string_length(text),
        c if is_word(c) => text.find(|c| !is_word(c)).unwrap_or(text.len()),
        c => c.len_utf8(),
    };
    &text[..length]
}

fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        match c {
            '"' if !is_escaped => return i + 1,
            _ => is_escaped = c == '\\' && !is_escaped,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::Colour;

    #[test]
    fn without_colour_nothing_changes() {
        let line = "    println!(\"{} \\\" }\", task1.await); // ü";
        assert_eq!(Colour(false).code(line), line);
    }

    #[test]
    fn tokens_have_their_colour() {
        let coloured = Colour(true).code("let x = f(\"a\\\"b\", 10); // why");
        assert_eq!(
            coloured,
            "\x1b[35mlet\x1b[0m x = \x1b[34mf\x1b[0m(\x1b[32m\"a\\\"b\"\x1b[0m, \
             \x1b[33m10\x1b[0m); \x1b[2m// why\x1b[0m"
        );
    }
}
