//! HTTP/2 where the feature `http2` is off: the same names, and HTTP/1.1 for everybody.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;

use crate::deadline::Deadline;
use crate::error::{Error, Result};
use crate::pool::Connection;
use crate::request::Parts;
use crate::response::Response;
use crate::route::Route;
use crate::session::{Config, Session};

/// What has become of a hop.
pub(crate) enum Way {
    #[expect(dead_code, reason = "nothing else speaks HTTP/2")]
    Response(Response),
    Http1(Option<Box<Connection>>),
}

/// Nothing can be set.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Http2(());

/// There are none.
#[derive(Debug)]
pub(crate) struct Connections;

impl Connections {
    pub(crate) fn new(_: Http2) -> Connections {
        Connections
    }

    pub(crate) fn is_wanted(&self, _: &Config, _: &Parts, _: &Route) -> bool {
        false
    }

    pub(crate) fn close_idle(&self) {}

    pub(crate) fn close(&self) {}
}

/// There is none.
#[derive(Debug)]
pub(crate) enum Body {}

impl Body {
    pub(crate) fn take_trailers(&mut self) -> Option<Box<HeaderMap>> {
        match *self {}
    }

    pub(crate) fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        match *self {}
    }
}

pub(crate) async fn hop(
    _: &Session,
    _: &mut Parts,
    _: &Arc<Route>,
    _: impl Fn(&Parts) -> HeaderMap,
    _: &mut Deadline,
) -> Result<Way> {
    Ok(Way::Http1(None))
}
