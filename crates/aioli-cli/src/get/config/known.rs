//! The options that there are, and the words that are some of them.

use std::any::TypeId;
use std::collections::HashMap;
use std::error::Error as _;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::Str;
use clap::error::ErrorKind;
use clap::{Arg, Command};

use crate::get::options;
use crate::nearest::nearest;

/// As much of an unknown name as is compared with known ones.
const NAME_MAX: usize = 64;

/// The options by their names.
pub(super) struct Known {
    long: HashMap<String, KnownOption>,
    short: HashMap<char, KnownOption>,
    command: Command,
}

/// One of them.
#[derive(Clone)]
struct KnownOption {
    name: Str,
    takes_value: bool,
    refuses: Refuses,
}

/// Which values an option does not take.
#[derive(Clone, Copy)]
enum Refuses {
    Nothing,
    Empty,
    Some,
}

/// An option of a word, in full.
#[derive(PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Item {
    /// Its name without dashes.
    pub(super) name: String,
    pub(super) value: Option<OsString>,
}

/// Why a word is no options.
#[derive(PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub(super) enum Wrong {
    Unknown,
    NeedsValue,
    TakesNone,
}

impl Item {
    /// The option as one word: no value of it is taken for another option.
    pub(super) fn word(self) -> OsString {
        let mut word = OsString::from(format!("--{}", self.name));
        if let Some(value) = self.value {
            word.push("=");
            word.push(value);
        }
        word
    }
}

impl Known {
    pub(super) fn new() -> Known {
        let mut known = Known {
            long: HashMap::new(),
            short: HashMap::new(),
            command: options::command(),
        };
        known.command.build();
        for arg in known.command.get_arguments() {
            let Some(one) = KnownOption::of(arg) else {
                continue;
            };
            let aliases = arg.get_all_aliases().into_iter().flatten();
            let names = aliases.map(str::to_owned).chain([one.name.to_string()]);
            known.long.extend(names.map(|name| (name, one.clone())));
            let aliases = arg.get_all_short_aliases().into_iter().flatten();
            // `-h` says less than `--help`.
            let letter = arg.get_short().filter(|_| arg.get_id() != "help");
            let letters = aliases.chain(letter);
            known.short.extend(letters.map(|c| (c, one.clone())));
        }
        known
    }

    /// The options of a word that begins with a dash; the last of them takes its value out of
    /// `next` if it needs one that is not in the word.
    ///
    /// # Errors
    ///
    /// Then nothing is to be made of the word, whatever has become of `next`.
    pub(super) fn items(
        &self,
        word: &str,
        mut next: impl FnMut() -> Option<OsString>,
    ) -> Result<Vec<Item>, Wrong> {
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            };
            let one = self.long.get(name).ok_or(Wrong::Unknown)?;
            return match value {
                Some(_) if !one.takes_value => Err(Wrong::TakesNone),
                Some(value) => Ok(vec![one.item(Some(value.into()))]),
                None => Ok(vec![one.with_value(next)?]),
            };
        }
        let mut items = Vec::new();
        let letters = word.strip_prefix('-').ok_or(Wrong::Unknown)?;
        for (at, letter) in letters.char_indices() {
            let one = self.short.get(&letter).ok_or(Wrong::Unknown)?;
            let rest = &letters[at + letter.len_utf8()..];
            if one.takes_value && !rest.is_empty() {
                items.push(one.item(Some(rest.into())));
                break;
            }
            items.push(one.with_value(&mut next)?);
        }
        match items.is_empty() {
            true => Err(Wrong::Unknown),
            false => Ok(items),
        }
    }

    /// Says what is wrong with the value of an option, without the value.
    pub(super) fn check(&mut self, item: &Item) -> Result<(), String> {
        let refuses = |value: &&OsString| match self.long[&item.name].refuses {
            Refuses::Nothing => false,
            Refuses::Empty => value.is_empty(),
            Refuses::Some => true,
        };
        // The parser takes its time, and a file may have very many texts and names.
        let Some(value) = item.value.as_ref().filter(refuses) else {
            return Ok(());
        };
        let mut word = OsString::from(format!("--{}=", item.name));
        word.push(value);
        let alone = [OsString::from("get"), word];
        // That it needs others beside it is none of its value's faults.
        let error = match self.command.try_get_matches_from_mut(alone) {
            Err(error) => error,
            Ok(_) => return Ok(()),
        };
        match error.kind() {
            ErrorKind::ValueValidation | ErrorKind::InvalidValue => {}
            _ => return Ok(()),
        }
        let why = error.source().map(ToString::to_string);
        // Some say what the value is that they do not take.
        let why = why.filter(|why| !why.contains(&*value.to_string_lossy()));
        Err(why.unwrap_or_else(|| "not a value that it takes".to_owned()))
    }

    /// The known name that an unknown one may stand for.
    pub(super) fn nearest(&self, word: &str) -> Option<&str> {
        let name = word.trim_start_matches('-').split('=').next()?;
        let name: String = name.chars().take(NAME_MAX).collect();
        // A short name within a long word says little.
        let is_like = |known: &&str| 2 * known.len() >= name.len();
        let names = self.long.keys().map(String::as_str);
        let mut names: Vec<_> = names.filter(is_like).collect();
        names.sort_unstable();
        nearest(&name, names).first().copied()
    }
}

impl Refuses {
    fn of(arg: &Arg) -> Refuses {
        let parsed = arg.get_value_parser().type_id();
        if !arg.get_possible_values().is_empty() {
            Refuses::Some
        } else if parsed == TypeId::of::<String>() {
            Refuses::Nothing
        } else if parsed == TypeId::of::<PathBuf>() {
            Refuses::Empty
        } else {
            Refuses::Some
        }
    }
}

impl KnownOption {
    fn of(arg: &Arg) -> Option<KnownOption> {
        Some(KnownOption {
            name: arg.get_long()?.to_owned().into(),
            takes_value: arg.get_action().takes_values(),
            refuses: Refuses::of(arg),
        })
    }

    fn item(&self, value: Option<OsString>) -> Item {
        Item {
            name: self.name.to_string(),
            value,
        }
    }

    fn with_value(&self, mut next: impl FnMut() -> Option<OsString>) -> Result<Item, Wrong> {
        match self.takes_value {
            true => Ok(self.item(Some(next().ok_or(Wrong::NeedsValue)?))),
            false => Ok(self.item(None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Known, Wrong};

    /// The words in full, with `next` behind `word`.
    fn full(word: &str, next: &str) -> Result<Vec<String>, Wrong> {
        let mut next = (!next.is_empty()).then(|| next.into());
        let items = Known::new().items(word, || next.take())?;
        let words = items.into_iter().map(|item| item.word());
        Ok(words.map(|word| word.into_string().unwrap()).collect())
    }

    #[test]
    fn words_in_full() {
        for (word, next, expected) in [
            ("-d=x", "", &["--data==x"][..]),
            ("-d", "--next", &["--data=--next"]),
            ("-sSdx", "y", &["--silent", "--show-error", "--data=x"]),
            ("-sSd", "y", &["--silent", "--show-error", "--data=y"]),
            ("--data-ascii", "-1", &["--data=-1"]),
            ("--data=", "", &["--data="]),
            ("--no-silent", "", &["--no-silent"]),
            ("-:", "", &["--next"]),
            ("-V", "", &["--version"]),
        ] {
            let expected = expected.iter().map(ToString::to_string).collect();
            assert_eq!(full(word, next), Ok(expected), "{word} {next}");
        }
    }

    #[test]
    fn words_that_are_no_options() {
        for (word, wrong) in [
            ("--datum", Wrong::Unknown),
            ("--datum=x", Wrong::Unknown),
            ("-sß", Wrong::Unknown),
            ("-", Wrong::Unknown),
            ("-h", Wrong::Unknown),
            ("--data", Wrong::NeedsValue),
            ("-sd", Wrong::NeedsValue),
            ("--silent=yes", Wrong::TakesNone),
        ] {
            assert_eq!(full(word, ""), Err(wrong), "{word}");
        }
        assert_eq!(Known::new().nearest("--user-agnet=me"), Some("user-agent"));
        assert_eq!(Known::new().nearest("nothing-like-it"), None);
        // The name of `--url` is in it.
        assert_eq!(Known::new().nearest("zzzzzzzzurlzzzzzzzz"), None);
    }

    #[test]
    fn values_that_are_not_taken_are_not_told() {
        let mut known = Known::new();
        for (word, why) in [
            ("--max-time=abc", Some("not a number")),
            ("--max-time=5", None),
            ("--parallel-max=7777", Some("not a value that it takes")),
            ("--output=", Some("not a value that it takes")),
            ("--key=needs-another", None),
        ] {
            let item = known.items(word, || None).unwrap().remove(0);
            assert_eq!(known.check(&item).err().as_deref(), why, "{word}");
        }
    }
}
