//! The known names that somebody who wrote an unknown one may have meant.

/// As many suggestions as fit on a line.
const SUGGESTIONS_MAX: usize = 3;

/// The names most like `word`, the nearest first; none if nothing is like it.
pub(crate) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = word.to_lowercase();
    let far = word.chars().count().max(4) / 2;
    let mut near: Vec<_> = names
        .into_iter()
        .filter_map(|name| {
            let is_part = word.len() > 2 && (name.contains(&word) || word.contains(name));
            let distance = if is_part { 0 } else { distance(&word, name) };
            (distance <= far).then_some((distance, name))
        })
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.truncate(SUGGESTIONS_MAX);
    near.into_iter().map(|(_, name)| name).collect()
}

/// How many characters must be put in, left out or exchanged to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let exchanged = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distances() {
        for (a, b, n) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("kitten", "sitting", 3),
            ("ü", "u", 1),
        ] {
            assert_eq!((distance(a, b), distance(b, a)), (n, n), "{a} {b}");
        }
    }

    #[test]
    fn nearest_first() {
        let names = ["hello", "gather", "gather_errors", "race", "timeout"];
        assert_eq!(nearest("gahter", names), ["gather"]);
        assert_eq!(nearest("gather_", names), ["gather", "gather_errors"]);
        assert_eq!(nearest("TIMEOT", names), ["timeout"]);
        assert_eq!(nearest("completely_different", names), [""; 0]);
    }
}
