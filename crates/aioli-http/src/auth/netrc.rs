//! `.netrc`: passwords by host, in the file that `ftp` and `curl` read.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Auth;

/// Bytes of a file.
const MAX_FILE: u64 = 1 << 20;

/// The passwords of a `.netrc` file, by host.
///
/// Given to [`SessionBuilder::netrc`](crate::SessionBuilder::netrc), a request without
/// credentials of its own gets those of its host, as [`Auth::basic`]. Only an entry with exactly
/// that host counts: not one of a parent domain, and not `default`, which would give one password
/// to every server. `macdef` is passed over.
///
/// # Examples
///
/// ```
/// use aioli_http::Netrc;
///
/// let netrc: Netrc = "machine a.example login me password \"to rest\"".parse()?;
/// assert!(netrc.auth("a.example").is_some());
/// assert!(netrc.auth("www.a.example").is_none());
/// assert!(netrc.auth_of("a.example", "somebody").is_none());
/// # Ok::<(), aioli_http::NetrcError>(())
/// ```
#[doc(alias = "netrc.netrc")]
#[derive(Clone, Default)]
pub struct Netrc {
    entries: Arc<[Entry]>,
}

struct Entry {
    /// Without a trailing dot.
    machine: String,
    login: String,
    auth: Auth,
}

/// Why a `.netrc` file cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetrcError {
    /// A word stands where one of the file's own should.
    #[error("line {line}: neither machine, default, login, password, account nor macdef")]
    Word {
        /// The line, from 1.
        line: usize,
    },
    /// A word is missing at the end, or a quotation mark.
    #[error("line {line}: the entry is not complete")]
    Incomplete {
        /// The line, from 1.
        line: usize,
    },
    /// A login has a colon, or a login or a password a control character.
    #[error("line {line}: the login or the password cannot be sent")]
    Credentials {
        /// The line, from 1.
        line: usize,
    },
}

impl Netrc {
    /// Reads a file; blocks the thread.
    ///
    /// # Errors
    ///
    /// Those of the file system, and `InvalidData` with a [`NetrcError`] or for a file of more
    /// than 1 MiB.
    pub fn load(path: impl AsRef<Path>) -> io::Result<Netrc> {
        let invalid = |error: Box<dyn std::error::Error + Send + Sync>| {
            io::Error::new(io::ErrorKind::InvalidData, error)
        };
        let mut text = String::new();
        let mut file = File::open(path)?.take(MAX_FILE + 1);
        file.read_to_string(&mut text)?;
        if text.len() as u64 > MAX_FILE {
            return Err(invalid("a netrc file has at most 1 MiB".into()));
        }
        text.parse()
            .map_err(|error: NetrcError| invalid(error.into()))
    }

    /// Reads the file that `NETRC` names, or `.netrc` (or `_netrc`) in the home directory; empty
    /// when there is none. Blocks the thread.
    ///
    /// # Errors
    ///
    /// As [`load`](Netrc::load); a file that `NETRC` names must be there.
    pub fn from_env() -> io::Result<Netrc> {
        if let Some(path) = std::env::var_os("NETRC").filter(|path| !path.is_empty()) {
            return Netrc::load(PathBuf::from(path));
        }
        let Some(home) = std::env::home_dir() else {
            return Ok(Netrc::default());
        };
        for name in [".netrc", "_netrc"] {
            match Netrc::load(home.join(name)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                read => return read,
            }
        }
        Ok(Netrc::default())
    }

    /// Returns the first credentials for `host`.
    #[must_use]
    pub fn auth(&self, host: &str) -> Option<Auth> {
        self.find(host, |_| true)
    }

    /// Returns the credentials of `user` for `host`; nobody else's.
    #[must_use]
    pub fn auth_of(&self, host: &str, user: &str) -> Option<Auth> {
        self.find(host, |login| login == user)
    }

    fn find(&self, host: &str, is_wanted: impl Fn(&str) -> bool) -> Option<Auth> {
        let host = without_dot(host);
        let is_here = |entry: &Entry| entry.machine.eq_ignore_ascii_case(host);
        let mut entries = self.entries.iter();
        let found = entries.find(|entry| is_here(entry) && is_wanted(&entry.login))?;
        Some(found.auth.clone())
    }
}

fn without_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

impl std::str::FromStr for Netrc {
    type Err = NetrcError;

    fn from_str(text: &str) -> Result<Netrc, NetrcError> {
        let mut words = Words {
            rest: text,
            line: 1,
        };
        let mut entries = Vec::new();
        let mut open: Option<Partial> = None;
        while let Some(word) = words.keyword()? {
            let line = words.line;
            match &word[..] {
                "machine" => {
                    finish(&mut open, &mut entries)?;
                    let machine = without_dot(&words.value()?).to_owned();
                    open = Some(Partial::new(Some(machine), line));
                }
                "default" => {
                    finish(&mut open, &mut entries)?;
                    open = Some(Partial::new(None, line));
                }
                "macdef" => words.skip_macro(),
                "account" => drop(words.value()?),
                "login" | "password" => {
                    let value = words.value()?;
                    let entry = open.as_mut().ok_or(NetrcError::Word { line })?;
                    if word == "login" {
                        entry.login = Some(value);
                    } else {
                        entry.password = Some(value);
                    }
                }
                _ => return Err(NetrcError::Word { line }),
            }
        }
        finish(&mut open, &mut entries)?;
        Ok(Netrc {
            entries: entries.into(),
        })
    }
}

/// An entry that is being read.
struct Partial {
    /// `None` is the entry for every host.
    machine: Option<String>,
    login: Option<String>,
    password: Option<String>,
    line: usize,
}

impl Partial {
    fn new(machine: Option<String>, line: usize) -> Partial {
        Partial {
            machine,
            login: None,
            password: None,
            line,
        }
    }
}

/// Keeps an entry that is for one host and has both a login and a password.
fn finish(open: &mut Option<Partial>, entries: &mut Vec<Entry>) -> Result<(), NetrcError> {
    let Some(entry) = open.take() else {
        return Ok(());
    };
    let (Some(machine), Some(login), Some(password)) = (entry.machine, entry.login, entry.password)
    else {
        return Ok(());
    };
    let auth =
        Auth::basic(&login, &password).map_err(|_| NetrcError::Credentials { line: entry.line })?;
    entries.push(Entry {
        machine,
        login,
        auth,
    });
    Ok(())
}

/// The words of a file.
struct Words<'a> {
    rest: &'a str,
    /// The line of the word read last.
    line: usize,
}

impl Words<'_> {
    fn skip(&mut self, n: usize) {
        let (skipped, rest) = self.rest.split_at(n);
        self.line += skipped.matches('\n').count();
        self.rest = rest;
    }

    fn skip_blanks(&mut self) {
        self.skip(self.rest.len() - self.rest.trim_start().len());
    }

    /// The next word where a comment may stand.
    fn keyword(&mut self) -> Result<Option<String>, NetrcError> {
        self.skip_blanks();
        while self.rest.starts_with('#') {
            self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
            self.skip_blanks();
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.word().map(Some)
    }

    /// The next word, whatever it begins with.
    fn value(&mut self) -> Result<String, NetrcError> {
        self.skip_blanks();
        if self.rest.is_empty() {
            return Err(NetrcError::Incomplete { line: self.line });
        }
        self.word()
    }

    fn word(&mut self) -> Result<String, NetrcError> {
        let quoted = self.rest.starts_with('"');
        let mut word = String::new();
        let mut chars = self.rest.char_indices().skip(usize::from(quoted));
        let end = loop {
            match chars.next() {
                None if quoted => return Err(NetrcError::Incomplete { line: self.line }),
                None => break self.rest.len(),
                Some((at, '"')) if quoted => break at + 1,
                Some((at, c)) if !quoted && c.is_whitespace() => break at,
                Some((_, '\\')) => match chars.next() {
                    Some((_, c)) => word.push(c),
                    None => return Err(NetrcError::Incomplete { line: self.line }),
                },
                Some((_, c)) => word.push(c),
            }
        };
        self.skip(end);
        Ok(word)
    }

    /// Passes over a macro, which goes on to a blank line.
    fn skip_macro(&mut self) {
        let end = ["\n\n", "\n\r\n"]
            .iter()
            .filter_map(|blank| self.rest.find(blank));
        self.skip(end.min().unwrap_or(self.rest.len()));
    }
}

impl fmt::Debug for Netrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Netrc")
            .field("entries", &self.entries.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
