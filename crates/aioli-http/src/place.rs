//! The origins that a session has asked first and last, with what follows from them.
//!
//! Most sessions ask one server again and again. What is known of its origin is kept, so that the
//! next request neither parses the host once more nor finds the way to it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use url::Url;

use crate::error::{Error, ErrorKind, Result, UrlErrorKind};
use crate::origin::Origin;
use crate::route::Route;
use crate::send;
use crate::session::Config;

/// An origin, and what follows from it and from the session alone.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) origin: Arc<Origin>,
    /// The URL of its root.
    root: Url,
    /// The line of a request's head that names its host.
    pub(crate) host: Vec<u8>,
    /// The way of requests that say nothing about theirs, if there is one.
    pub(crate) route: Option<Arc<Route>>,
    /// Whether the session's default secrets may be sent there.
    pub(crate) default_secrets: bool,
}

impl Place {
    /// The place of a URL.
    ///
    /// # Errors
    ///
    /// `NoHost` when it has none.
    pub(crate) fn of(config: &Config, url: &Url) -> Result<Place> {
        let nowhere = || Error::new(ErrorKind::InvalidUrl(UrlErrorKind::NoHost));
        let origin = Arc::new(Origin::of(url).ok_or_else(nowhere)?);
        let mut root = url.clone();
        root.set_path("/");
        root.set_query(None);
        root.set_fragment(None);
        let route = Route::choose(&config.dial, None, origin.clone(), true).ok();
        let default_secrets = config.is_base(&origin).unwrap_or(true);
        let mut host = Vec::new();
        send::head::host(&mut host, url);
        Ok(Place {
            origin,
            root,
            host,
            route: route.map(Arc::new),
            default_secrets,
        })
    }

    /// Whether `url` leads here.
    pub(crate) fn is_of(&self, url: &Url) -> bool {
        let root = &self.root;
        url.port() == root.port()
            && url.host_str() == root.host_str()
            && url.scheme() == root.scheme()
    }

    /// Parses a URL that plainly leads here, which needs to look only at what comes after the host.
    ///
    /// `None` says nothing about `text`.
    pub(crate) fn parse(&self, text: &str) -> Option<Url> {
        let root = self.root.as_str();
        let rest = text.strip_prefix(&root[..root.len() - 1])?;
        match rest.as_bytes() {
            b"/" => Some(self.root.clone()),
            // This would name another host; the parser drops tabs and line ends.
            [b'/', b'/' | b'\\' | b'\t' | b'\n' | b'\r', ..] => None,
            [b'/', ..] => {
                let options = Url::options().base_url(Some(&self.root));
                options.parse(rest).ok()
            }
            _ => None,
        }
    }
}

/// The places that a session knows.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// The one that was asked first, which most sessions ask again and again: it takes no lock.
    first: OnceLock<Arc<Place>>,
    /// The one that was asked last besides.
    last: Mutex<Option<Arc<Place>>>,
}

impl Places {
    /// Finds the known place that `text` plainly leads to, and parses it as that one does.
    pub(crate) fn parse(&self, text: &str) -> Option<(Url, Arc<Place>)> {
        let parse = |place: &Arc<Place>| Some((place.parse(text)?, place.clone()));
        let first = self.first.get()?;
        parse(first).or_else(|| parse(&self.last()?))
    }

    /// Finds the known place that a URL leads to.
    pub(crate) fn find(&self, url: &Url) -> Option<Arc<Place>> {
        let is_it = |place: &Arc<Place>| place.is_of(url);
        let first = self.first.get()?;
        match is_it(first) {
            true => Some(first.clone()),
            false => self.last().filter(is_it),
        }
    }

    fn last(&self) -> Option<Arc<Place>> {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Remembers a place that is not known.
    pub(crate) fn note(&self, place: &Arc<Place>) {
        if self.first.set(place.clone()).is_ok() {
            return;
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let former = last.replace(place.clone());
        drop(last);
        drop(former);
    }
}

#[cfg(test)]
mod tests;
