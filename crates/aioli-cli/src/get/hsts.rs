//! Hosts that are asked by https only, in curl's file: `--hsts`.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use aioli::http::HstsStore;
use aioli::prelude::*;

use super::failure::{Code, Failure};

/// Adds the hosts of the files to `known`, which is `None` where nothing is to be known.
///
/// # Errors
///
/// When a file that is there cannot be read. (Curl goes on without it, and asks in clear whom it
/// should not.)
pub(super) async fn load(
    files: &[OsString],
    known: &HstsStore,
) -> Result<Option<HstsStore>, Failure> {
    if files.is_empty() {
        return Ok(None);
    }
    for path in files.iter().filter(|path| !path.is_empty()) {
        let (file, store) = (path.clone(), known.clone());
        match to_thread(move || store.add_file(file)).await {
            Ok(()) => {}
            // It is there once something is known.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let text = format!("--hsts {}: {error}", Path::new(path).display());
                return Err(Failure::new(Code::ReadError, text));
            }
        }
    }
    Ok(Some(known.clone()))
}

/// Writes what is known to the last of the files, as curl has it.
///
/// # Errors
///
/// When it cannot be written.
pub(super) async fn save(files: &[OsString], known: &HstsStore) -> Result {
    match files.last().filter(|path| !path.is_empty()) {
        Some(path) => Ok(fs::write_atomic(path, known.to_text()).await?),
        None => Ok(()),
    }
}
