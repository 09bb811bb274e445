//! What is noted of a request on its way: its timings always, its signals if anybody listens.
//!
//! It travels with the time limits, so that whoever does a part of a request has it at hand.

use std::time::Instant;

use crate::timings::{Point, Timings};
use crate::tls::config::TlsVersion;
use crate::trace::{Trace, TraceContext, Tracer};

/// The notes of one request.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) timings: Timings,
    pub(crate) tracer: Option<Box<Tracer>>,
}

impl Watch {
    /// Of nothing.
    pub(crate) const NONE: Watch = Watch {
        timings: Timings::NONE,
        tracer: None,
    };

    pub(crate) fn start(now: Instant) -> Watch {
        Watch {
            timings: Timings::start(now),
            tracer: None,
        }
    }

    /// Tells those who listen.
    #[inline]
    pub(crate) fn tell(&self, signal: impl Fn(&dyn Trace, &TraceContext)) {
        if let Some(tracer) = &self.tracer {
            tracer.tell(signal);
        }
    }

    fn pass(&mut self, point: Point) {
        self.timings.pass(point, aioli_task::now());
    }

    /// All connections are in use.
    pub(crate) fn queue_start(&self) {
        self.tell(|trace, request| trace.connection_queued_start(request));
    }

    /// A slot was waited for and is there.
    pub(crate) fn queue_end(&mut self) {
        self.pass(Point::Slot);
        self.tell(|trace, request| trace.connection_queued_end(request));
    }

    /// A connection of the pool is used.
    pub(crate) fn reuse(&self) {
        self.tell(|trace, request| trace.connection_reuse(request));
    }

    /// A connection is about to be opened.
    pub(crate) fn open_start(&mut self) {
        self.timings.forget_connection();
        self.tell(|trace, request| trace.connection_create_start(request));
    }

    /// A connection is open.
    pub(crate) fn open_end(&mut self) {
        if !self.timings.has_passed(Point::Connected) {
            self.pass(Point::Connected);
        }
        self.tell(|trace, request| trace.connection_create_end(request));
    }

    /// The addresses of a name were known.
    pub(crate) fn dns_hit(&self, host: &str) {
        self.tell(|trace, request| trace.dns_cache_hit(request, host));
    }

    /// A name is about to be looked up.
    pub(crate) fn dns_start(&self, host: &str) {
        self.tell(|trace, request| trace.dns_cache_miss(request, host));
        self.tell(|trace, request| trace.dns_start(request, host));
    }

    /// A name was looked up.
    pub(crate) fn dns_end(&mut self, host: &str) {
        self.pass(Point::Dns);
        self.tell(|trace, request| trace.dns_end(request, host));
    }

    /// A socket is connected.
    pub(crate) fn connected(&mut self) {
        self.pass(Point::Connected);
    }

    /// A TLS handshake is over.
    pub(crate) fn secured(&mut self, version: TlsVersion) {
        self.pass(Point::Secured);
        self.tell(|trace, request| trace.tls_end(request, version));
    }

    /// The request has left, at `now`.
    pub(crate) fn sent(&mut self, now: Instant) {
        self.timings.pass(Point::Sent, now);
    }

    /// The head of the response is there, at `now`.
    pub(crate) fn head(&mut self, now: Instant) {
        self.timings.pass(Point::Head, now);
    }

    /// The body is at its end.
    pub(crate) fn end(&mut self) {
        if !self.timings.has_passed(Point::End) {
            self.pass(Point::End);
        }
    }
}
