//! The name in a `content-disposition`, for `-J` (RFC 6266).

use crate::fetch::harmless;
use crate::server::decode;

/// The file's name that the header says, made harmless.
pub(super) fn file_name(header: &str) -> Option<String> {
    let (mut plain, mut extended) = (None, None);
    for part in parts(header).skip(1) {
        let Some((name, value)) = part.split_once('=') else {
            continue;
        };
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "filename" => plain = plain.or(Some(unquoted(value))),
            "filename*" => extended = extended.or_else(|| utf8(value)),
            _ => {}
        }
    }
    // RFC 6266, section 4.3: who understands the extended form takes that.
    let name = extended.or(plain)?;
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    (!last.is_empty()).then(|| harmless(last))
}

/// Splits at semicolons that are not between quotes.
fn parts(header: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    header.split(move |c| {
        let was_escaped = std::mem::take(&mut escaped);
        match c {
            '\\' if quoted && !was_escaped => escaped = true,
            '"' if !was_escaped => quoted = !quoted,
            _ => {}
        }
        c == ';' && !quoted
    })
}

/// The text without quotes, and without the backslashes that are for them.
fn unquoted(value: &str) -> String {
    let Some(inner) = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
    else {
        return value.to_owned();
    };
    let mut text = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        // A path of Windows has backslashes that nobody has doubled; they are no names either way.
        match c {
            '\\' => text.extend(chars.next()),
            c => text.push(c),
        }
    }
    text
}

/// Reads `UTF-8''na%20me` (RFC 8187); other character sets are not understood.
fn utf8(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_, text) = rest.split_once('\'')?;
    charset.eq_ignore_ascii_case("utf-8").then(|| decode(text))
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::file_name;

    proptest! {
        #[test]
        fn input_167_whatever_is_said_a_name_is_one_part_of_a_path(
            parts in prop::collection::vec(prop_oneof![
                prop::sample::select(vec![
                    ";", "=", "\"", "\\", "/", "..", ".", "%2F", "%5c", "%00", "%2e", "''", "utf-8''",
                    "filename", "filename*", "; filename=", "; filename*=UTF-8''", "attachment", "CON",
                    "c:", " ", ".part", "\u{202e}",
                ]).prop_map(str::to_owned),
                ".{0,5}",
                "[a-z]{250,300}",
            ], 0..12),
        ) {
            if let Some(name) = file_name(&parts.concat()) {
                let mut components = Path::new(&name).components();
                let only = components.next();
                prop_assert!(matches!(only, Some(Component::Normal(part)) if part == &name[..]), "{name:?}");
                prop_assert_eq!(components.next(), None);
                prop_assert!(!name.starts_with(['.', '-']) && name.len() < 255, "{:?}", name);
                let is_bad = |c: char| c.is_control() || "/\\:*?\"<>|".contains(c);
                prop_assert!(!name.contains(is_bad), "{name:?}");
            }
        }
    }

    #[test]
    fn input_167_names_of_servers() {
        for (header, expected) in [
            ("attachment; filename=a.txt", Some("a.txt")),
            ("attachment; FileName=\"a b;c.txt\"; x=y", Some("a b;c.txt")),
            ("attachment; filename=\"a\\\"b\"", Some("a_b")),
            (
                "attachment; filename=x; filename*=UTF-8''%c3%bc.txt",
                Some("ü.txt"),
            ),
            ("attachment; filename=x; filename*=latin1''y", Some("x")),
            ("attachment; filename=\"../../etc/passwd\"", Some("passwd")),
            (
                "attachment; filename*=utf-8'en'..%2F.bashrc",
                Some("_bashrc"),
            ),
            ("attachment; filename=\"/etc/passwd\"", Some("passwd")),
            ("attachment; filename=\"C:\\\\x\\\\y.txt\"", Some("y.txt")),
            ("attachment; filename*=UTF-8''a%00b", Some("a_b")),
            ("attachment; filename=CON", Some("_CON")),
            ("attachment; filename=/", None),
            ("attachment; filename=\"\"", None),
            ("attachment", None),
            ("inline; filename=..", Some("_")),
        ] {
            assert_eq!(file_name(header).as_deref(), expected, "{header}");
        }
    }
}
