//! Where an answer goes: the standard output or a file, the head before it or beside it.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use aioli::http::{HeaderMap, StatusCode, Url, Version};
use aioli::prelude::*;

use super::failure::Failure;
use super::options::OutputOptions;

/// Where bytes are written to.
pub(super) enum Target {
    Stdout,
    /// A file, which is made when the first byte comes, or when all is well.
    File {
        path: PathBuf,
        file: Option<fs::File>,
    },
}

impl Target {
    /// The target of the URL with this number.
    ///
    /// # Errors
    ///
    /// When `-O` is given and the URL has no last part.
    pub(super) fn of(options: &OutputOptions, number: usize, url: &Url) -> Result<Target, Failure> {
        let named = options.output.get(number).cloned();
        let name = match named {
            Some(path) if path == Path::new("-") => return Ok(Target::Stdout),
            Some(path) => path,
            None if options.remote_name => last_part(url)
                .ok_or_else(|| Failure::new(Failure::WRITE_ERROR, "the URL names no file"))?,
            None => return Ok(Target::Stdout),
        };
        let path = match &options.output_dir {
            Some(folder) => folder.join(name),
            None => name,
        };
        Ok(Target::File { path, file: None })
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
            Target::Stdout => {
                ensure!(
                    !(io::stdout().is_terminal() && bytes.contains(&0)),
                    "binary output can mess up your terminal; use -o FILE, or -o - to do it anyway"
                );
                stdout(bytes)
            }
            Target::File { path, file } => {
                if file.is_none() {
                    if let Some(above) = path.parent().filter(|_| folders) {
                        fs::create_dir_all(above).await?;
                    }
                    *file = Some(fs::create(&*path).await?);
                }
                if let Some(file) = file {
                    file.write_all(bytes).await?;
                }
                Ok(())
            }
        }
    }

    /// Ends the file, which is empty when nothing has come.
    pub(super) async fn close(mut self, folders: bool) -> Result {
        self.write(b"", folders).await?;
        if let Target::File {
            file: Some(file), ..
        } = self
        {
            file.close().await?;
        }
        Ok(())
    }
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
    let mut text = format!("{} {}", version(of), status.as_str());
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

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}

/// What has come, as `--write-out` tells it.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) status: u16,
    pub(super) url: String,
    pub(super) content_type: String,
    pub(super) bytes: u64,
    pub(super) redirects: usize,
    pub(super) seconds: f64,
    pub(super) code: u8,
}

impl Report {
    /// Fills in a format of `--write-out`: `%{name}`, `%%`, `\n`, `\r`, `\t`.
    ///
    /// A name that is not known stays as it is.
    pub(super) fn fill(&self, format: &str) -> String {
        let mut text = String::new();
        let mut rest = format;
        while let Some(at) = rest.find(['%', '\\']) {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            let (filled, length) = self.next(rest);
            text.push_str(&filled);
            rest = &rest[length..];
        }
        text + rest
    }

    /// What stands for the beginning of `rest`, and how long that is.
    fn next(&self, rest: &str) -> (String, usize) {
        for (escape, text) in [("\\n", "\n"), ("\\r", "\r"), ("\\t", "\t"), ("%%", "%")] {
            if rest.starts_with(escape) {
                return (text.to_owned(), escape.len());
            }
        }
        let named = rest
            .strip_prefix("%{")
            .and_then(|rest| rest.split_once('}'));
        match named.and_then(|(name, _)| Some((name.len(), self.value(name)?))) {
            Some((length, value)) => (value, length + "%{}".len()),
            None => (rest[..1].to_owned(), 1),
        }
    }

    fn value(&self, name: &str) -> Option<String> {
        Some(match name {
            "http_code" | "response_code" => format!("{:03}", self.status),
            "url_effective" => self.url.clone(),
            "content_type" => self.content_type.clone(),
            "size_download" => self.bytes.to_string(),
            "num_redirects" => self.redirects.to_string(),
            "time_total" => format!("{:.6}", self.seconds),
            "exitcode" => self.code.to_string(),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, last_part};
    use aioli::http::Url;

    #[test]
    fn formats() {
        let report = Report {
            status: 200,
            bytes: 5,
            ..Report::default()
        };
        for (format, expected) in [
            ("%{http_code}\\n", "200\n"),
            ("%{size_download} 100%% %{nothing} %", "5 100% %{nothing} %"),
            ("\\x %{http_code", "\\x %{http_code"),
            ("ü%{exitcode}ü", "ü0ü"),
        ] {
            assert_eq!(report.fill(format), expected);
        }
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
