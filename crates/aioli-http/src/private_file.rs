//! Files that are nobody else's to read, and that are never half there.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

mod os;

/// Writes `content` beside `path` and puts it there. What is there and no file, as a device or a
/// pipe, stays, and is written to.
pub(crate) fn save(path: &Path, content: &str) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return fs::write(path, content);
    }
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}", u64::from_ne_bytes(random)));
    let beside = path.with_file_name(name);
    let written = write(&beside, content).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // What was begun holds secrets; that it cannot be removed either is not the cause.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn write(path: &Path, content: &str) -> io::Result<()> {
    let mut file = os::create(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}

/// Reads a file of at most `most` bytes; `InvalidData`, with `too_large` for a message, when it has
/// more.
pub(crate) fn load(path: &Path, most: u64, too_large: &'static str) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let mut file = File::open(path)?.take(most + 1);
    file.read_to_end(&mut content)?;
    if content.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::InvalidData, too_large));
    }
    Ok(content)
}
