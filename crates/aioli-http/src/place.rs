//! The origin that a session has asked last, with what follows from it.
//!
//! Most sessions ask one server again and again. What is known of its origin is kept, so that the
//! next request neither parses the host once more nor finds the way to it.

use std::sync::{Arc, Mutex, PoisonError};

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
        let default_secrets = match &config.base {
            Some(base) => Origin::of(base).as_ref() == Some(&*origin),
            None => true,
        };
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

/// The place that was asked last.
#[derive(Debug, Default)]
pub(crate) struct LastPlace(Mutex<Option<Arc<Place>>>);

impl LastPlace {
    pub(crate) fn get(&self) -> Option<Arc<Place>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn set(&self, place: Arc<Place>) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let former = last.replace(place);
        drop(last);
        drop(former);
    }
}

#[cfg(test)]
mod tests;
