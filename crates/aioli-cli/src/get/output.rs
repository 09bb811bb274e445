//! Where an answer goes: the standard output or a file, the head before it or beside it.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use aioli::http::{HeaderMap, StatusCode, Url, Version};
use aioli::prelude::*;

use super::failure::{Code, Failure};
use super::glob::Asked;
use super::options::OutputOptions;

/// Where bytes are written to.
pub(super) enum Target {
    /// The standard output; a terminal gets what is no text only if that was asked for.
    Stdout { to_terminal: bool },
    /// A file, which is made when the first byte comes, or when all is well.
    File {
        path: PathBuf,
        file: Option<fs::File>,
        manner: Manner,
    },
}

/// How a file is made.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Manner {
    /// What was there goes away.
    Replace,
    /// What comes goes behind what was there.
    Append,
    /// Nothing may have been there.
    New,
    /// If something was there, the name gets a number.
    Numbered,
}

/// The largest number behind the name of a file.
const NUMBER_MAX: u32 = 100;

impl Target {
    /// The target of a URL.
    ///
    /// # Errors
    ///
    /// When `-O` is given and the URL has no last part.
    pub(super) fn of(options: &OutputOptions, asked: &Asked, url: &Url) -> Result<Target, Failure> {
        let named = options.output.get(asked.number);
        let name = match named {
            Some(path) if path == Path::new("-") => {
                return Ok(Target::Stdout { to_terminal: true });
            }
            Some(path) => asked.name(path),
            None if options.remote_name => last_part(url)
                .ok_or_else(|| Failure::new(Code::WriteError, "the URL names no file"))?,
            None => return Ok(Target::Stdout { to_terminal: false }),
        };
        let path = match &options.output_dir {
            // As curl has it, a path from the root is below the folder too.
            Some(folder) => folder.join(name.strip_prefix("/").unwrap_or(&name)),
            None => name,
        };
        Ok(Target::File {
            path,
            file: None,
            manner: match options.no_clobber {
                true => Manner::Numbered,
                false => Manner::Replace,
            },
        })
    }

    /// Takes the name that the server has said; no file of that name may be there.
    pub(super) fn rename(&mut self, name: &str) {
        if let Target::File { path, manner, .. } = self {
            path.set_file_name(name);
            if *manner == Manner::Replace {
                *manner = Manner::New;
            }
        }
    }

    /// Goes on behind what is there.
    pub(super) fn append(&mut self) {
        if let Target::File { manner, .. } = self {
            *manner = Manner::Append;
        }
    }

    /// How many bytes are there already.
    pub(super) async fn length(&self) -> u64 {
        match self.path() {
            // What cannot be looked at cannot be written either, which says it better.
            Some(path) => fs::metadata(path).await.map_or(0, |there| there.len()),
            None => 0,
        }
    }

    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Target::Stdout { .. } => None,
            Target::File { path, .. } => Some(path),
        }
    }

    pub(super) fn is_file(&self) -> bool {
        matches!(self, Target::File { .. })
    }

    /// Writes; a file is made first, and with `folders` the folders above it.
    ///
    /// # Errors
    ///
    /// What the system says; bytes that are not text are not written to a terminal.
    pub(super) async fn write(&mut self, bytes: &[u8], folders: bool) -> Result {
        match self {
            Target::Stdout { to_terminal } => {
                ensure!(
                    *to_terminal || !bytes.contains(&0) || !io::stdout().is_terminal(),
                    "binary output can mess up your terminal; use -o FILE, or -o - to do it anyway"
                );
                stdout(bytes)
            }
            Target::File { path, file, manner } => {
                if file.is_none() {
                    if let Some(above) = path.parent().filter(|_| folders) {
                        fs::create_dir_all(above).await?;
                    }
                    *file = Some(match manner {
                        Manner::Numbered => open_numbered(path).await?,
                        manner => open(path, *manner).await?,
                    });
                }
                if let Some(file) = file {
                    file.write_all(bytes).await?;
                }
                Ok(())
            }
        }
    }

    /// Ends the file, which is empty when nothing has come.
    pub(super) async fn close(&mut self, folders: bool) -> Result {
        self.write(b"", folders).await?;
        if let Target::File { file, .. } = self
            && let Some(file) = file.take()
        {
            file.close().await?;
        }
        Ok(())
    }

    /// Removes the file, if it was made, and is one: a device or a pipe stays.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(super) async fn remove(&mut self) -> Result {
        if let Target::File { file, path, .. } = self
            && let Some(file) = file.take()
        {
            drop(file);
            if fs::metadata(&*path).await?.is_file() {
                fs::remove_file(&*path).await?;
            }
        }
        Ok(())
    }
}

async fn open(path: &Path, manner: Manner) -> Result<fs::File> {
    let options = fs::OpenOptions::new();
    let options = match manner {
        Manner::Replace => options.write(true).create(true).truncate(true),
        Manner::Append => options.append(true).create(true),
        Manner::New | Manner::Numbered => options.write(true).create_new(true),
    };
    Ok(options.open(path).await?)
}

/// Makes a file of a name that is free: `path`, or that with a number behind it.
async fn open_numbered(path: &mut PathBuf) -> Result<fs::File> {
    let wanted = path.clone();
    for number in 1..=NUMBER_MAX {
        match open(path, Manner::New).await {
            Err(error) if is_taken(&error) => {
                let mut name = wanted.clone().into_os_string();
                name.push(format!(".{number}"));
                *path = name.into();
            }
            opened => return opened,
        }
    }
    open(path, Manner::New).await
}

fn is_taken(error: &Error) -> bool {
    let failed = error.downcast_ref::<fs::Error>();
    failed.is_some_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
}

/// Writes to the standard output at once.
pub(super) fn stdout(bytes: &[u8]) -> Result {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    Ok(out.flush()?)
}

/// The last part of a URL's path, harmless as a name.
fn last_part(url: &Url) -> Option<PathBuf> {
    let name = url.path_segments()?.next_back()?;
    // The URL's parser leaves no slash and no control character in it.
    (!name.is_empty() && name != "." && name != "..").then(|| name.into())
}

/// A head as HTTP/1.1 writes it; the reason is the usual one.
pub(super) fn head(of: Version, status: StatusCode, headers: &HeaderMap) -> Vec<u8> {
    let mut text = format!("HTTP/{} {}", version(of), status.as_str());
    if let Some(reason) = status.canonical_reason() {
        text = format!("{text} {reason}");
    }
    let mut head = format!("{text}\r\n").into_bytes();
    head.extend(lines(headers));
    head.extend(b"\r\n");
    head
}

fn lines(headers: &HeaderMap) -> Vec<u8> {
    let mut lines = Vec::new();
    for (name, value) in headers {
        lines.extend(name.as_str().bytes());
        lines.extend(b": ");
        lines.extend(value.as_bytes());
        lines.extend(b"\r\n");
    }
    lines
}

/// The version as a number.
pub(super) fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}

#[cfg(test)]
mod tests {
    use super::{Target, last_part};
    use crate::get::glob::Urls;
    use crate::get::options::parse;
    use aioli::http::Url;

    #[test]
    fn a_terminal_gets_everything_when_that_is_asked_for() {
        let to_terminal = |words: &[&str]| {
            let options = parse(words.iter().map(Into::into).collect()).unwrap();
            let url = Url::parse("http://a/b").unwrap();
            let asked = Urls::of(&options[0].urls, true).next().unwrap().unwrap();
            let target = Target::of(&options[0].output, &asked, &url).unwrap();
            matches!(target, Target::Stdout { to_terminal: true })
        };
        assert!(to_terminal(&["a", "-o", "-"]));
        assert!(!to_terminal(&["a"]));
    }

    #[test]
    fn names_of_files() {
        let name = |url: &str| last_part(&Url::parse(url).unwrap());
        assert_eq!(name("http://a/b/c.txt?d"), Some("c.txt".into()));
        assert_eq!(name("http://a/..%2fb"), Some("..%2fb".into()));
        assert_eq!(name("http://a/b/"), None);
        assert_eq!(name("http://a"), None);
    }
}
