//! The windows of a connection that grow with what it carries.

use std::task::Context;

use bytes::Bytes;
use h2::client::Connection;

use super::estimator::Estimator;
use super::io::Io;
use super::pings::Pings;
use super::settings::Http2;

/// What the windows are, and what they should be.
pub(super) struct Windows {
    estimator: Estimator,
    /// What the server was told that a stream has.
    stream: u32,
    /// What it is to be told.
    wanted: u32,
    connection: u32,
}

impl Windows {
    /// `None` if they stay as they are.
    pub(super) fn new(settings: &Http2) -> Option<Windows> {
        let (stream, connection) = (settings.stream_window, settings.connection_window);
        Some(Windows {
            // The narrower one is what may hold the server back.
            estimator: Estimator::new(stream.min(connection), settings.window_most?),
            stream,
            wanted: stream,
            connection,
        })
    }

    /// Looks at what has happened; `taken` is how much callers have taken of all bodies. Returns
    /// whether there is something to send.
    pub(super) fn look(
        &mut self,
        connection: &mut Connection<Io, Bytes>,
        pings: &mut Pings,
        taken: u64,
        cx: &mut Context<'_>,
    ) -> bool {
        let mut sends = false;
        if pings.is_answered(cx)
            && let Some(window) = self.estimator.end(aioli_task::now(), taken)
        {
            tracing::debug!(window, "the windows of an http/2 connection grow");
            self.wanted = self.wanted.max(window);
            if self.connection < window {
                connection.set_target_window_size(window);
                self.connection = window;
                sends = true;
            }
        }
        // While the server has not acknowledged the settings before, it is told later: what it
        // sends then brings the next look.
        if self.stream < self.wanted && connection.set_initial_window_size(self.wanted).is_ok() {
            self.stream = self.wanted;
            sends = true;
        }
        if !pings.is_out() && self.estimator.becomes_due(aioli_task::now, taken) && pings.send() {
            self.estimator.begin(aioli_task::now());
            sends = true;
        }
        sends
    }
}
