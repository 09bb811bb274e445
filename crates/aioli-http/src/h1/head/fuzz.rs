//! What holds of a head, whichever of the two ways it was parsed.

use super::{Head, Seen};

/// The lines say what the map says, and the marks say what the lines do.
pub(crate) fn check(head: &Head) {
    let (fields, marks) = (&head.headers, head.marks);
    let lines: Vec<_> = fields
        .lines()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec()))
        .collect();
    let named = |name: &str| -> Vec<&[u8]> {
        let is_it = |line: &&(Vec<u8>, Vec<u8>)| line.0 == name.as_bytes();
        lines.iter().filter(is_it).map(|line| &line.1[..]).collect()
    };
    for (seen, name) in [
        (marks.content_length, "content-length"),
        (marks.transfer_encoding, "transfer-encoding"),
        (marks.connection, "connection"),
        (marks.keep_alive, "keep-alive"),
    ] {
        let values = named(name);
        assert!(seen.values(fields, name).eq(values.iter().copied()));
        assert_eq!(seen == Seen::Never, values.is_empty(), "{name}");
    }
    let is_there = |name| !named(name).is_empty();
    assert_eq!(marks.content_encoding, is_there("content-encoding"));
    assert_eq!(marks.set_cookie, is_there("set-cookie"));
    // Only now is the map made.
    assert_eq!(fields.len(), lines.len());
    for name in fields.keys() {
        let mapped = fields.get_all(name).iter().map(|value| value.as_bytes());
        assert!(mapped.eq(named(name.as_str())), "{name}");
    }
}
