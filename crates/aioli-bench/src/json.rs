//! One line of JSON, written by hand: the harness brings no dependencies into what it measures.

use std::fmt::Write;

/// An object that is being written.
#[derive(Debug)]
pub(crate) struct Object {
    text: String,
}

impl Object {
    pub(crate) fn new() -> Object {
        Object {
            text: "{".to_owned(),
        }
    }

    pub(crate) fn string(mut self, key: &str, value: &str) -> Object {
        self.key(key);
        quote(&mut self.text, value);
        self
    }

    pub(crate) fn number(mut self, key: &str, value: f64) -> Object {
        self.key(key);
        // JSON has no infinities; a reader takes null for "not measured".
        if value.is_finite() {
            let _ = write!(self.text, "{value}");
        } else {
            self.text.push_str("null");
        }
        self
    }

    /// Writes what is JSON already.
    pub(crate) fn raw(mut self, key: &str, value: &str) -> Object {
        self.key(key);
        self.text.push_str(value);
        self
    }

    pub(crate) fn end(mut self) -> String {
        self.text.push('}');
        self.text
    }

    fn key(&mut self, key: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        quote(&mut self.text, key);
        self.text.push(':');
    }
}

/// Returns a list of strings.
pub(crate) fn strings(list: &[&str]) -> String {
    let mut text = "[".to_owned();
    for (i, item) in list.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        quote(&mut text, item);
    }
    text.push(']');
    text
}

/// Returns the number that stands under `key` in a line that this module has written.
pub(crate) fn number_in(line: &str, key: &str) -> Option<f64> {
    let rest = line.split_once(&format!("\"{key}\":"))?.1;
    let end = rest.find([',', '}'])?;
    rest[..end].parse().ok()
}

fn quote(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::{Object, number_in, strings};

    #[test]
    fn lines_can_be_read_again() {
        let line = Object::new()
            .string("name", "a \"b\"\n")
            .number("n", 1.5)
            .number("m", f64::INFINITY)
            .raw("list", &strings(&["x", "y"]))
            .end();
        assert_eq!(
            line,
            r#"{"name":"a \"b\"\u000a","n":1.5,"m":null,"list":["x","y"]}"#
        );
        assert_eq!(number_in(&line, "n"), Some(1.5));
        assert_eq!(number_in(&line, "m"), None);
    }
}
