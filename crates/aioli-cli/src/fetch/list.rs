//! What is to be fetched: the URLs of the command line and of lists, each once.

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::Path;
use std::thread;

use aioli::http::Url;
use aioli::prelude::*;

use crate::errors::{cause, complain, without_credentials};

/// The URLs that can be tried, and how many could not even be read.
pub(super) struct List {
    pub(super) urls: Vec<Url>,
    pub(super) n_bad: usize,
}

/// Reads all of them, and complains of each that is none, and of each list that cannot be read.
pub(super) async fn read(words: &[String], lists: &[impl AsRef<Path>]) -> List {
    let mut list = List {
        urls: Vec::new(),
        n_bad: 0,
    };
    let mut seen = HashSet::new();
    for word in words {
        list.add("", word, &mut seen);
    }
    for path in lists.iter().map(AsRef::as_ref) {
        match lines(path).await {
            Ok(text) => list.add_lines(path, &text, &mut seen),
            Err(error) => {
                list.n_bad += 1;
                // The error of a file names it; that of the standard input does not.
                complain(format_args!("fetch: {}", cause(&error)));
            }
        }
    }
    list
}

impl List {
    /// Adds the URLs of a list. Empty lines, and those that begin with `#`, are none.
    fn add_lines(&mut self, path: &Path, text: &[u8], seen: &mut HashSet<Url>) {
        for (i, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = String::from_utf8_lossy(line);
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                let place = format!("{}:{}: ", path.display(), i + 1);
                self.add(&place, line, seen);
            }
        }
    }

    fn add(&mut self, place: &str, text: &str, seen: &mut HashSet<Url>) {
        match url(text) {
            Ok(url) if seen.insert(url.clone()) => self.urls.push(url),
            Ok(_) => {}
            Err(error) => {
                self.n_bad += 1;
                let shown = without_credentials(text);
                complain(format_args!("fetch: {place}{shown:?}: {}", cause(&error)));
            }
        }
    }
}

/// Reads a URL that can be requested.
pub(crate) fn url(text: &str) -> Result<Url> {
    ensure!(!text.contains('\u{fffd}'), "it is not text in UTF-8");
    let mut url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => bail!("not a URL: {error}"),
    };
    ensure!(
        matches!(url.scheme(), "http" | "https"),
        "the scheme is neither http nor https"
    );
    // It says what to look at in a page, and is not part of what is requested.
    url.set_fragment(None);
    Ok(url)
}

async fn lines(path: &Path) -> Result<Vec<u8>> {
    if path != Path::new("-") {
        return Ok(fs::read(path).await?);
    }
    // Not a job of the pool, which the end of the program would wait for: whoever types the list
    // may interrupt it.
    let (tx, rx) = oneshot::channel();
    thread::spawn(move || {
        let mut text = Vec::new();
        let read = io::stdin().read_to_end(&mut text).map(|_| text);
        // If nobody waits any more, the program ends.
        let _ = tx.send(read);
    });
    rx.await?.context("cannot read the standard input")
}
