//! The words of the command line, with the options of files (`-K`) in their places.
//!
//! Each option comes out as one word, `--name=value`, so that no value can be taken for another
//! option or for `--next`, whatever it begins with.

mod known;
mod line;

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::path::Path;

use aioli::prelude::*;

use super::body::all_of;
use super::failure::{Code, Failure};
use crate::errors::cause;
use known::{Item, Known, Wrong};
use line::{Value, line};

/// How many files may be within each other: curl's limit.
const DEPTH_MAX: usize = 5;
/// How long all files together may be, in bytes: the URLs of a large site fit in.
const BYTES_MAX: usize = 16 << 20;

/// Puts the options of files where the files are named.
///
/// # Errors
///
/// When a file cannot be read, or has a line that is no option; no value is told.
pub(super) async fn expanded(words: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    let mut expansion = Expansion {
        known: Known::new(),
        words: Vec::new(),
        bytes_left: BYTES_MAX,
    };
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == "--" {
            expansion.words.extend(words.map(url));
            break;
        }
        let text = word.to_str().filter(|text| text.starts_with('-'));
        let items = text.map(|text| expansion.known.items(text, || words.next()));
        match items {
            Some(Ok(items)) => expansion.add(items, None).await?,
            // What is no option is a URL, or the parser has something to say about it.
            _ => expansion.words.push(word),
        }
    }
    Ok(expansion.words)
}

/// What is a URL whatever it begins with.
fn url(word: OsString) -> OsString {
    let mut option = OsString::from("--url=");
    option.push(word);
    option
}

/// What has come of the words so far.
struct Expansion {
    known: Known,
    words: Vec<OsString>,
    /// How many bytes may still be read.
    bytes_left: usize,
}

/// A file of options that is being read.
struct File<'a> {
    name: &'a str,
    line: usize,
    /// How many others it is within.
    depth: usize,
}

impl File<'_> {
    fn wrong(&self, why: impl Display) -> Failure {
        self.failure(Code::Usage, why)
    }

    fn failure(&self, code: Code, why: impl Display) -> Failure {
        Failure::new(code, format!("{}:{}: {why}", self.name, self.line))
    }
}

impl Expansion {
    /// Adds options, which stand in `file` or on the command line.
    async fn add(&mut self, items: Vec<Item>, file: Option<&File<'_>>) -> Result<(), Failure> {
        for item in items {
            match (item.name.as_str(), &item.value) {
                ("config", Some(path)) => self.file(path, file).await?,
                _ => self.words.push(item.word()),
            }
        }
        Ok(())
    }

    /// Adds what is in a file that is named on the command line, or in another file.
    async fn file(&mut self, path: &OsStr, within: Option<&File<'_>>) -> Result<(), Failure> {
        let depth = within.map_or(0, |file| file.depth + 1);
        if let Some(file) = within.filter(|_| depth == DEPTH_MAX) {
            return Err(file.wrong(format_args!(
                "more than {DEPTH_MAX} files within each other"
            )));
        }
        let name = match path.to_str() {
            Some("-") => "the standard input".into(),
            _ => path.to_string_lossy(),
        };
        let read = self.read(Path::new(path)).await.map_err(|error| {
            let why = format!("{name}: {}", cause(&error));
            match within {
                Some(file) => file.failure(Code::ReadError, why),
                None => Failure::new(Code::ReadError, format!("-K {why}")),
            }
        })?;
        let mut file = File {
            name: &name,
            line: 0,
            depth,
        };
        for bytes in read.split(|byte| *byte == b'\n') {
            file.line += 1;
            let text = str::from_utf8(bytes).map_err(|_| file.wrong("not UTF-8"))?;
            if let Some(line) = line(text).map_err(|why| file.wrong(why))? {
                let items = self.items(line, &file)?;
                Box::pin(self.add(items, Some(&file))).await?;
            }
        }
        Ok(())
    }

    /// Reads a file, or the standard input, if it is not too long.
    async fn read(&mut self, path: &Path) -> Result<Vec<u8>> {
        let read = match path == Path::new("-") {
            true => all_of(fs::stdin(), self.bytes_left).await?,
            false => all_of(fs::open(path).await?, self.bytes_left).await?,
        };
        self.bytes_left -= read.len();
        Ok(read)
    }

    /// The options of a line.
    fn items(&mut self, line: line::Line<'_>, file: &File<'_>) -> Result<Vec<Item>, Failure> {
        let word = match line.option.starts_with('-') {
            true => line.option.to_owned(),
            false => format!("--{}", line.option),
        };
        let mut value = line.value;
        let next = || {
            value.take().map(|value| match value {
                Value::Plain(text) => text.into(),
                Value::Quoted(text) => text.into(),
            })
        };
        let items = self.known.items(&word, next);
        // A comment behind a switch is no value of it.
        let is_over = match &value {
            None => true,
            Some(Value::Plain(text)) => text.starts_with('#'),
            Some(Value::Quoted(_)) => false,
        };
        let items = match items {
            Ok(items) if is_over => items,
            // Not even the name is told: it may be part of a value that has gone astray.
            Err(Wrong::Unknown) => {
                let near = self.known.nearest(&word);
                let near = near.map(|name| format!("; is {name} meant?"));
                let near = near.unwrap_or_default();
                return Err(file.wrong(format_args!("no such option{near}")));
            }
            Err(Wrong::NeedsValue) => return Err(file.wrong("the option needs a value")),
            _ => return Err(file.wrong("the option takes no value, or one alone")),
        };
        for item in &items {
            let checked = self.known.check(item);
            checked.map_err(|why| file.wrong(format_args!("{}: {why}", item.name)))?;
        }
        Ok(items)
    }
}
