//! Which version of a file is there: its `etag` in a file, and its time of change on the file.

use std::path::{Path, PathBuf};

use aioli::http::{Response, header, parse_date};
use aioli::prelude::*;

use super::failure::Failure;

/// The `if-none-match` of the tag that `--etag-save` has written to a file.
///
/// # Errors
///
/// When the file cannot be read.
pub(super) async fn saved_tag(path: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(path).await;
    let text = text.map_err(|error| Failure::read(&error.into()))?;
    // As curl has it, no tag is an empty one, which is that of nothing.
    Ok(match text.lines().next() {
        Some(tag) if !tag.trim().is_empty() => tag.trim().to_owned(),
        _ => "\"\"".to_owned(),
    })
}

/// Writes the `etag` of a response to a file, which stays empty when there is none.
///
/// # Errors
///
/// When the file cannot be written.
pub(super) async fn save_tag(path: &Path, response: &Response) -> Result<(), Failure> {
    let tag = response.headers().get(header::ETAG);
    let line = tag.map_or_else(Vec::new, |tag| [tag.as_bytes(), b"\n"].concat());
    let written = fs::write_atomic(path, line).await;
    written.map_err(|error| Failure::write(&error.into()))
}

/// Gives a file the time at which what is in it was last changed, if the server says it.
///
/// # Errors
///
/// When the system does not take it.
pub(super) async fn take_over_time(path: PathBuf, last_modified: Option<&str>) -> Result {
    let Some(time) = last_modified.and_then(parse_date) else {
        return Ok(());
    };
    to_thread(move || {
        let file = std::fs::File::options().write(true).open(path)?;
        file.set_modified(time)
    })
    .await?;
    Ok(())
}
