//! Errors on one line each: the thing, and the causes behind one another.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::OnceLock;

use aioli::http::Url;
use aioli::{Error, http};

/// Where messages go in place of the standard error stream, if that was asked for.
static INSTEAD: OnceLock<Instead> = OnceLock::new();

/// What messages are written to.
pub(crate) enum Instead {
    File(File),
    Stdout,
}

/// From now on messages go there; it is said once.
pub(crate) fn go_to(instead: Instead) {
    let first = INSTEAD.set(instead);
    debug_assert!(first.is_ok(), "messages are led elsewhere once");
}

/// Whether messages go to the standard error stream, and that is a terminal.
pub(crate) fn is_terminal() -> bool {
    INSTEAD.get().is_none() && io::stderr().is_terminal()
}

/// Writes a line to the standard error stream, or what stands for it.
pub(crate) fn complain(what: impl Display) {
    write(format!("aioli: {what}\n").as_bytes());
}

/// Writes to the standard error stream, or what stands for it, in one go.
pub(crate) fn write(text: &[u8]) {
    // There is nowhere left to report that nothing can be reported.
    let _ = match INSTEAD.get() {
        None => io::stderr().write_all(text),
        Some(Instead::Stdout) => io::stdout().write_all(text),
        Some(Instead::File(file)) => (&*file).write_all(text),
    };
}

/// The error with its causes, on one line.
pub(crate) fn cause(error: &Error) -> String {
    let mut text = match error.downcast_ref::<http::Error>() {
        // Its own text begins with the URL, which our lines begin with already.
        Some(error) => error.kind().to_string(),
        None => words(error.as_ref()),
    };
    let mut next = error.source();
    while let Some(source) = next {
        let source_text = words(source);
        if !text.contains(&source_text) {
            text = format!("{text}: {source_text}");
        }
        next = source.source();
    }
    text.replace(['\n', '\r'], " ")
}

/// A cause, without the system's number for what the words say.
fn words(error: &(dyn StdError + 'static)) -> String {
    let text = error.to_string();
    let number = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::raw_os_error);
    match number {
        Some(number) => text
            .trim_end_matches(&format!(" (os error {number})"))
            .to_owned(),
        None => text,
    }
}

/// A URL of the user's, which may not be one, without what may be a name and a password.
pub(crate) fn without_credentials(text: &str) -> Cow<'_, str> {
    // A password with a slash in it is why some are none: all up to the last `@` may be secret.
    let Some((_, shown)) = text.rsplit_once('@') else {
        return text.into();
    };
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    format!("{scheme}://[hidden]@{shown}").into()
}

/// The URL without a name and a password.
pub(crate) fn shown(url: &Url) -> Url {
    let mut url = url.clone();
    // Both fail for URLs only that can have neither.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url
}

/// Is it that the reader of our output has gone?
pub(crate) fn is_broken_pipe(error: &Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::{cause, shown, without_credentials};
    use aioli::http::Url;
    use aioli::prelude::*;
    use std::io;

    #[test]
    fn urls_are_shown_without_secrets() {
        let url = Url::parse("http://me:secret@a/b").unwrap();
        assert_eq!(shown(&url).as_str(), "http://a/b");
    }

    #[test]
    fn what_is_no_url_shows_no_password() {
        for (text, shown) in [
            ("http://[x/", "http://[x/"),
            ("http://me:secret@[x/", "http://[hidden]@[x/"),
            ("http://me:sec/r@t@h/x", "http://[hidden]@h/x"),
            ("me:secret@h", "://[hidden]@h"),
        ] {
            assert_eq!(without_credentials(text), shown);
        }
    }

    #[test]
    fn causes_stand_behind_one_another_once() {
        let refused = io::Error::from_raw_os_error(2);
        let error = Error::from(refused).context("cannot\nread the list");
        let text = cause(&error);
        assert_eq!(text, "cannot read the list: No such file or directory");
        let error = anyhow!("a: b").context("c: a: b");
        assert_eq!(cause(&error), "c: a: b");
    }
}
