//! Tells those who listen what an exchange has done since the last look.

use crate::h1::exchange::Exchange;
use crate::watch::Watch;

/// How much of an exchange was told.
pub(super) struct Signals {
    /// Bytes of the request's head.
    head: u64,
    /// Bytes of the request that were told of.
    told: u64,
}

impl Signals {
    pub(super) fn new(head: usize) -> Signals {
        Signals {
            head: head as u64,
            told: 0,
        }
    }

    pub(super) fn tell(&mut self, exchange: &mut Exchange<'_>, watch: &Watch) {
        if watch.tracer.is_none() {
            return;
        }
        let written = exchange.written();
        if self.told < self.head && written >= self.head {
            watch.tell(|trace, request| trace.request_headers_sent(request));
        }
        let body = written.max(self.head) - self.told.max(self.head);
        if body > 0 {
            let bytes = usize::try_from(body).unwrap_or(usize::MAX);
            watch.tell(|trace, request| trace.request_chunk_sent(request, bytes));
        }
        self.told = written;
        for head in exchange.take_informational() {
            watch.tell(|trace, request| {
                trace.informational(request, head.status, &head.headers);
            });
        }
    }
}
