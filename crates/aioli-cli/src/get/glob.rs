//! URLs that stand for many: `{a,b}`, `[1-10]`, `[01-10:2]`, `[a-z]`, as curl writes them.

use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};

use super::failure::{Code, Failure};
use super::schemes::split_scheme;
use crate::errors::without_credentials;

mod parse;
#[cfg(test)]
mod tests;

/// The largest number of parts of one pattern, as curl has it.
const PARTS_MAX: usize = 100;
/// The largest number of URLs that one pattern stands for, as curl has it.
const COUNT_MAX: u64 = i64::MAX as u64;

/// A URL of the command line, and what it stands for. It keeps its parts, and none of the URLs.
#[derive(Debug, PartialEq)]
pub(super) struct Pattern {
    parts: Vec<Part>,
    count: u64,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Set(Vec<String>),
    /// Numbers from the first one on, with zeros in front up to a width.
    Numbers {
        first: u64,
        step: u64,
        count: u64,
        width: usize,
    },
    Letters {
        first: u8,
        step: u8,
        count: u64,
    },
}

impl Part {
    fn count(&self) -> u64 {
        match self {
            Part::Text(_) => 1,
            Part::Set(choices) => choices.len() as u64,
            Part::Numbers { count, .. } | Part::Letters { count, .. } => *count,
        }
    }

    /// The choice of this number, which is less than the count.
    fn choice(&self, number: u64) -> String {
        match self {
            Part::Text(text) => text.clone(),
            Part::Set(choices) => choices[number as usize].clone(),
            Part::Numbers {
                first, step, width, ..
            } => {
                // Not by a width of `format!`, which has a bound.
                let number = (first + step * number).to_string();
                "0".repeat(width.saturating_sub(number.len())) + &number
            }
            Part::Letters { first, step, .. } => {
                char::from(first + step * number as u8).to_string()
            }
        }
    }
}

impl Pattern {
    /// Reads a pattern; without `globs` braces and brackets are nothing special.
    ///
    /// # Errors
    ///
    /// When it is none, or stands for too many URLs: what is wrong at which byte, counted from 1.
    pub(super) fn of(text: &str, globs: bool) -> Result<Pattern, Failure> {
        if !globs {
            let parts = vec![Part::Text(text.to_owned())];
            return Ok(Pattern { parts, count: 1 });
        }
        parse::pattern(text).map_err(|(what, at)| {
            let text = without_credentials(text);
            let text = format!("{what} in URL position {at}: {text}");
            Failure::new(Code::MalformedUrl, text)
        })
    }

    /// How many URLs it stands for.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// One of the URLs, and what was chosen for it; the last choice changes first.
    fn url(&self, mut number: u64) -> (String, Vec<String>) {
        let mut chosen = Vec::new();
        for part in self.parts.iter().rev() {
            chosen.push(part.choice(number % part.count()));
            number /= part.count();
        }
        chosen.reverse();
        let url = chosen.concat();
        let globs = self.parts.iter().zip(chosen);
        let globs = globs.filter(|(part, _)| !matches!(part, Part::Text(_)));
        (url, globs.map(|(_, choice)| choice).collect())
    }

    /// URLs with all the servers that it names: those of the pattern up to where a path begins.
    pub(super) fn servers(&self) -> impl Iterator<Item = String> + use<> {
        let mut before = String::new();
        let end = self.parts.iter().position(|part| {
            before += &part.choice(0);
            matches!(part, Part::Text(text) if text.contains(['/', '?', '#'])) && has_path(&before)
        });
        let parts = self.parts[..end.map_or(self.parts.len(), |end| end + 1)].to_vec();
        let count = parts.iter().map(Part::count).product();
        let servers = Pattern { parts, count };
        (0..count).map(move |number| servers.url(number).0)
    }
}

/// Whether a URL has been written beyond its host.
fn has_path(text: &str) -> bool {
    let (_, rest) = split_scheme(text).unwrap_or(("", text));
    let end = rest.find(['/', '?', '#']);
    // Otherwise a scheme is about to end.
    end.is_some_and(|end| !rest[..end].ends_with(':'))
}

/// One URL that is to be got.
#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) text: String,
    /// Which of the URLs of the command line it comes from, from 0 on.
    pub(super) number: usize,
    /// Whether it is the first one of its group.
    pub(super) is_first: bool,
    choices: Vec<String>,
}

impl Asked {
    /// A file's name, with what was chosen for the URL instead of `#1` and so on. What was not
    /// chosen stays as it is.
    pub(super) fn name(&self, path: &Path) -> PathBuf {
        let Some(name) = path.to_str().filter(|name| name.contains('#')) else {
            return path.to_owned();
        };
        let mut parts = name.split('#');
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|c: char| !c.is_ascii_digit());
            let (number, rest) = part.split_at(end.unwrap_or(part.len()));
            let number = number.parse::<usize>().ok();
            let choice = number.and_then(|number| self.choices.get(number.checked_sub(1)?));
            match choice {
                Some(choice) => filled.extend([choice, rest]),
                None => filled.extend(["#", part]),
            }
        }
        filled.into()
    }
}

/// The URLs of a group, made one after the other. A bad one is the last one.
pub(super) struct Urls<'a> {
    texts: &'a [String],
    globs: bool,
    /// How many patterns were taken.
    taken: usize,
    pattern: Option<Pattern>,
    /// The next URL of the pattern.
    next: u64,
    is_first: bool,
}

impl Urls<'_> {
    pub(super) fn of(texts: &[String], globs: bool) -> Urls<'_> {
        Urls {
            texts,
            globs,
            taken: 0,
            pattern: None,
            next: 0,
            is_first: true,
        }
    }
}

impl Iterator for Urls<'_> {
    type Item = Result<Asked, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let unfinished = self.pattern.take().filter(|it| self.next < it.count());
        let pattern = match unfinished {
            Some(pattern) => pattern,
            None => {
                let text = self.texts.get(self.taken)?;
                self.next = 0;
                match Pattern::of(text, self.globs) {
                    Ok(pattern) => {
                        self.taken += 1;
                        pattern
                    }
                    Err(failure) => {
                        self.taken = self.texts.len();
                        return Some(Err(failure));
                    }
                }
            }
        };
        let (text, choices) = pattern.url(self.next);
        self.next += 1;
        self.pattern = Some(pattern);
        Some(Ok(Asked {
            text,
            number: self.taken - 1,
            is_first: std::mem::take(&mut self.is_first),
            choices,
        }))
    }
}
