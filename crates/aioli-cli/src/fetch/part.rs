//! A file that is not complete: `NAME.part`, and beside it, in `NAME.part.json`, of what.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, SeekFrom};
use std::path::{Path, PathBuf};

use aioli::http::{Response, Url, header};
use aioli::prelude::*;
use serde_json::{Value, json};

use super::checksums::Hash;

/// Bytes of a note beside a file that are looked at; ours are shorter.
const NOTE_MAX: u64 = 64 * 1024;

/// An open `NAME.part`, which nobody else writes meanwhile.
pub(super) struct Part {
    path: PathBuf,
    file: fs::File,
    /// How many usable bytes it has.
    pub(super) length: u64,
    /// What they are of, if that is known, so that the rest can be asked for.
    pub(super) version: Option<Version>,
}

/// Which version of a resource some bytes are of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Version {
    /// A strong entity tag or the time of the last change, as `if-range` takes it.
    pub(super) validator: String,
    /// The length of the whole, if the server has told.
    pub(super) total: Option<u64>,
}

impl Part {
    /// Opens the partial file beside `path`, and makes it if it is not there.
    pub(super) async fn open(path: &Path, url: &Url) -> Result<Part> {
        let (path, url) = (beside(path, ".part"), url.clone());
        let open = move || open_now(path, &url);
        let (path, file, length, version) = to_thread(open).await?;
        let mut file = fs::File::from(file);
        file.seek(SeekFrom::Start(length)).await?;
        Ok(Part {
            path,
            file,
            length,
            version,
        })
    }

    /// Throws away what is there, and begins with what `response` is the whole of.
    pub(super) async fn restart(&mut self, url: &Url, response: &Response) -> Result {
        self.length = 0;
        self.version = Version::of(response);
        let note = self.version.as_ref().map(|version| version.note(url));
        let (path, file) = (self.path.clone(), self.file.get_ref().try_clone()?);
        to_thread(move || restart_now(&path, &file, note)).await?;
        self.file.seek(SeekFrom::Start(0)).await?;
        Ok(())
    }

    pub(super) async fn write(&mut self, piece: &[u8]) -> Result {
        self.file.write_all(piece).await?;
        self.length += piece.len() as u64;
        Ok(())
    }

    /// Gives the file, which is complete, its name; one that is not what it has to be goes away.
    pub(super) async fn complete(self, name: &Path, hash: Option<Hash>) -> Result {
        let Part { path, file, .. } = self;
        file.close().await?;
        let name = name.to_owned();
        // In one job, so that whoever is cancelled does not leave the note behind.
        let rename = move || {
            if let Some(hash) = hash
                && let Err(error) = hash.check(&path)
            {
                // What went wrong first says more than that this went wrong too.
                let _ = remove(&note_beside(&path)).and(remove(&path));
                return Err(error);
            }
            let error = || format!("cannot rename {} to {}", path.display(), name.display());
            std::fs::rename(&path, &name).with_context(error)?;
            Ok(remove(&note_beside(&path))?)
        };
        to_thread(rename).await
    }

    /// Removes the file, of which nothing can become.
    pub(super) async fn discard(self) -> Result {
        let path = self.path;
        Ok(to_thread(move || remove(&note_beside(&path)).and(remove(&path))).await?)
    }
}

fn open_now(path: PathBuf, url: &Url) -> Result<(PathBuf, File, u64, Option<Version>)> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let file = options.open(&path).with_context(|| open_error(&path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            bail!("another process is writing {}", path.display())
        }
        // There are file systems without locks.
        Err(TryLockError::Error(_)) => {}
    }
    let length = file.metadata()?.len();
    let version = Version::noted(&note_beside(&path), url);
    let is_of_it = |version: &Version| version.total.is_none_or(|total| length <= total);
    match version.filter(is_of_it) {
        Some(version) if length > 0 => Ok((path, file, length, Some(version))),
        // What is there goes when something else comes.
        _ => Ok((path, file, 0, None)),
    }
}

fn open_error(path: &Path) -> String {
    format!("cannot open {}", path.display())
}

fn restart_now(path: &Path, file: &File, note: Option<Value>) -> io::Result<()> {
    // First the bytes, then the note: the note must never be of other bytes than are there.
    if file.metadata()?.len() > 0 {
        file.set_len(0)?;
    }
    let note_path = note_beside(path);
    match note {
        Some(note) => std::fs::write(note_path, note.to_string()),
        None => remove(&note_path),
    }
}

/// Removes a file that may not be there.
fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The file's name with something behind it.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn note_beside(path: &Path) -> PathBuf {
    beside(path, ".json")
}

impl Version {
    /// The version that `response` is of, if a part of it can be asked for later.
    fn of(response: &Response) -> Option<Version> {
        let header = |name| response.headers().get(name)?.to_str().ok();
        let tag = header(header::ETAG).filter(|tag| tag.starts_with('"'));
        // Within a second there may be two versions, of which the time tells nothing.
        let changed = header(header::LAST_MODIFIED).filter(|&time| {
            let now = header(header::DATE);
            now.is_some_and(|now| now != time)
        });
        Some(Version {
            validator: tag.or(changed)?.to_owned(),
            total: response.content_length(),
        })
    }

    /// Whether `response` says nothing that is not so of this version.
    pub(super) fn may_be_of(&self, response: &Response) -> bool {
        let name = if self.validator.starts_with('"') {
            header::ETAG
        } else {
            header::LAST_MODIFIED
        };
        let told = response.headers().get(name);
        told.is_none_or(|told| told.as_bytes() == self.validator.as_bytes())
    }

    /// What a note says of a version of `url`.
    fn noted(path: &Path, url: &Url) -> Option<Version> {
        let metadata = std::fs::metadata(path).ok()?;
        if !metadata.is_file() || metadata.len() > NOTE_MAX {
            return None;
        }
        let note: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        if note["url"] != url.as_str() {
            return None;
        }
        Some(Version {
            validator: note["validator"].as_str()?.to_owned(),
            total: note["total"].as_u64(),
        })
    }

    fn note(&self, url: &Url) -> Value {
        json!({ "url": url.as_str(), "validator": self.validator, "total": self.total })
    }
}

#[cfg(test)]
mod tests {
    use super::Version;
    use aioli::http::Url;

    #[test]
    fn notes_are_read_back_for_their_url_only() {
        let folder = aioli::task::run(aioli::fs::TempDir::new()).unwrap();
        let path = folder.path().join("a.part.json");
        let url = Url::parse("http://a/b").unwrap();
        for total in [None, Some(u64::MAX)] {
            let version = Version {
                validator: "\"ü\\\"".to_owned(),
                total,
            };
            std::fs::write(&path, version.note(&url).to_string()).unwrap();
            assert_eq!(Version::noted(&path, &url), Some(version));
            assert_eq!(
                Version::noted(&path, &Url::parse("http://a/c").unwrap()),
                None
            );
        }
        for nonsense in ["", "{", "[]", "{\"url\":\"http://a/b\"}", "\u{0}"] {
            std::fs::write(&path, nonsense).unwrap();
            assert_eq!(Version::noted(&path, &url), None, "{nonsense:?}");
        }
    }
}
