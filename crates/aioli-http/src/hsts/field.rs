//! `strict-transport-security` taken apart (RFC 6797, section 6.1).

use crate::tokens::{Input, is_blank, seconds};

/// A field with more directives says nothing: there are two that mean anything.
const MAX_DIRECTIVES: usize = 32;

/// What a field says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Policy {
    /// Seconds; zero takes everything back.
    pub(super) max_age: u64,
    pub(super) include_subdomains: bool,
}

/// Reads a field; `None` when it is malformed in whatever part, and when it has no `max-age`.
///
/// Directives that are not known are passed over, but have to be well-formed, and no directive may
/// be there twice.
pub(super) fn parse(field: &[u8]) -> Option<Policy> {
    let mut input = Input(field);
    let mut names: Vec<&str> = Vec::new();
    let mut max_age = None;
    let mut include_subdomains = false;
    loop {
        // Directives may be empty.
        input.skip(|byte| is_blank(byte) || byte == b';');
        if input.0.is_empty() {
            let max_age = max_age?;
            return Some(Policy {
                max_age,
                include_subdomains,
            });
        }
        let name = input.token()?;
        let is_again = names.iter().any(|known| known.eq_ignore_ascii_case(name));
        if is_again || names.len() == MAX_DIRECTIVES {
            return None;
        }
        names.push(name);
        input.skip(is_blank);
        let value = match input.take(b'=') {
            true => {
                input.skip(is_blank);
                Some(input.value()?)
            }
            false => None,
        };
        input.skip(is_blank);
        if !matches!(input.0.first(), None | Some(b';')) {
            return None;
        }
        if name.eq_ignore_ascii_case("max-age") {
            max_age = Some(seconds(value?.as_bytes())?);
        } else if name.eq_ignore_ascii_case("includeSubDomains") {
            include_subdomains = true;
            if value.is_some() {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(field: &str) -> Option<(u64, bool)> {
        parse(field.as_bytes()).map(|policy| (policy.max_age, policy.include_subdomains))
    }

    #[test]
    fn what_a_field_says() {
        for (field, max_age, include_subdomains) in [
            ("max-age=31536000", 31_536_000, false),
            ("max-age=\"31536000\"", 31_536_000, false),
            ("max-age=\"3153\\6000\"", 31_536_000, false),
            ("max-age=15768000 ; includeSubDomains", 15_768_000, true),
            ("MAX-AGE=7;INCLUDESUBDOMAINS", 7, true),
            ("includesubdomains; max-age = 7", 7, true),
            ("\t;; max-age\t=\t7 ;;", 7, false),
            ("max-age=0; includeSubDomains", 0, true),
            ("max-age=007", 7, false),
            ("max-age=99999999999999999999999", u64::MAX, false),
            ("max-age=7; preload", 7, false),
            ("max-age=7; x=y; z=\"a;b, \\\" c\"", 7, false),
            ("max-age=7; x=\"includeSubDomains\"", 7, false),
        ] {
            assert_eq!(
                policy(field),
                Some((max_age, include_subdomains)),
                "{field}"
            );
        }
    }

    #[test]
    fn what_says_nothing() {
        for field in [
            "",
            ";",
            "includeSubDomains",
            "max-age",
            "max-age=",
            "max-age=\"\"",
            "max-age=\"7",
            "max-age=-1",
            "max-age=+7",
            "max-age=7.5",
            "max-age=7s",
            "max-age=7 7",
            "max-age=7, includeSubDomains",
            "max-age=7; max-age=7",
            "max-age=7; Max-Age=8",
            "max-age=7; includeSubDomains; includesubdomains",
            "max-age=7; includeSubDomains=1",
            "max-age=7; includeSubDomains=",
            "max-age=7; x; X",
            "max-age=7; x=",
            "max-age=7; =x",
            "max-age=7; x=\"y",
            "max-age=7; \"x\"",
            "max-age=7; (x)",
            "max-age=\u{0667}",
            "\u{a0}max-age=7",
        ] {
            assert_eq!(policy(field), None, "{field}");
        }
    }

    #[test]
    fn only_so_many_directives_are_looked_at() {
        let with = |more: usize| {
            let more: Vec<_> = (0..more).map(|n| format!("; x{n}")).collect();
            policy(&format!("max-age=7{}", more.concat()))
        };
        assert_eq!(with(MAX_DIRECTIVES - 1), Some((7, false)));
        assert_eq!(with(MAX_DIRECTIVES), None);
    }

    proptest! {
        #[test]
        fn whatever_it_is_it_is_read_or_not(
            field in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..60),
                "([;= \t]|max-age|\"|\\\\|[0-9]{1,3}|includeSubDomains|x|\u{e9}){0,12}"
                    .prop_map(String::into_bytes),
            ],
        ) {
            parse(&field);
        }

        #[test]
        fn the_order_of_directives_says_nothing(
            directives in Just(vec!["max-age=7", "includeSubDomains", "preload", "", "x=\"; y\""])
                .prop_shuffle(),
            between in prop::sample::select(vec![";", "; ", " ;", " \t;\t"]),
        ) {
            prop_assert_eq!(policy(&directives.join(between)), Some((7, true)));
        }
    }
}
