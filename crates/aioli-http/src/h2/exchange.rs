//! One request and the head of its response, as a stream of a shared connection.

use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Response};

use super::connection::{Place, Shared};
use super::error::{Failure, head_error};
use super::upload::Upload;
use crate::body::Source;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind, LimitKind, Phase, Result, Sent};
use crate::h1::head::HeadLimits;
use crate::limits::Timeout;
use crate::watch::Watch;

/// The outcome of an exchange that had a connection.
pub(super) enum Outcome {
    Response(Response<RecvStream>),
    /// The server has not looked at the request, or the connection was over before it was sent.
    Untouched {
        error: Error,
        /// The server takes no more requests on this connection, and took some before.
        goodbye: bool,
    },
    /// The connection had served others, and ended before a byte of the response had come.
    Lost(Error),
}

/// Sends `request` with `body` and waits for the head of the response.
pub(super) async fn exchange(
    shared: &mut Shared,
    place: &Place,
    request: Request<()>,
    body: &mut Source,
    timeout: &Timeout,
    limits: HeadLimits,
    deadline: &mut Deadline,
) -> Result<Outcome> {
    let reused = place.reused;
    let upload = Upload::new(body);
    let begun = begin(shared, request, upload.is_empty(), timeout, deadline).await?;
    let (response, stream) = match begun {
        Ok(begun) => begun,
        Err(error) => {
            shared.retire();
            let error = head_error(error, Sent::Nothing, reused);
            let goodbye = reused;
            return Ok(Outcome::Untouched { error, goodbye });
        }
    };
    match timeout.write {
        Some(_) if !upload.is_empty() => deadline.begin(Phase::Write, timeout.write),
        _ => deadline.begin(Phase::Head, timeout.head),
    }
    deadline
        .watch
        .tell(|trace, request| trace.request_headers_sent(request));
    let sent_all = upload.is_empty();
    let mut exchange = Exchange {
        response,
        stream,
        upload,
        sent_all,
        limits,
        informational: 0,
        headers: 0,
        heads: deadline.watch.tracer.is_some().then(Vec::new),
    };
    if !sent_all && timeout.min_speed.is_some() {
        deadline.demand_speed(timeout.min_speed);
    }
    let driven = drive(&mut exchange, timeout.head, deadline).await;
    let sent = if exchange.sent_all {
        Sent::Fully
    } else {
        Sent::Partly
    };
    match driven.map_err(|late| late.with_sent(sent))? {
        Ok(response) => Ok(Outcome::Response(response)),
        Err(Stop::Limit(error)) => Err(error.with_sent(sent)),
        Err(Stop::Failure(failure)) => {
            let answered = exchange.informational > 0;
            judge(failure, sent, shared, reused, answered)
        }
    }
}

/// Polls the exchange within the limits, and tells those who listen.
async fn drive(
    exchange: &mut Exchange<'_>,
    head_limit: Option<Duration>,
    deadline: &mut Deadline,
) -> Result<Result<Response<RecvStream>, Stop>> {
    let mut sent = 0;
    poll_fn(|cx| {
        let polled = exchange.poll(cx);
        let moved = exchange.upload.sent - sent;
        sent = exchange.upload.sent;
        exchange.tell(moved, &deadline.watch);
        if let Poll::Ready(done) = polled {
            deadline.note_head();
            return Poll::Ready(Ok(done));
        }
        if moved != 0 {
            deadline.progress();
        }
        deadline.measure(moved, exchange.waits_for_server());
        if deadline.phase() == Some(Phase::Write) && exchange.sent_all {
            deadline.begin(Phase::Head, head_limit);
        }
        let late = deadline.poll(cx);
        if exchange.sent_all {
            deadline.note_sent();
        }
        late.map(Err)
    })
    .await
}

/// What a failure means for the request, and for those after it on the connection.
fn judge(
    failure: Failure,
    sent: Sent,
    shared: &Shared,
    reused: bool,
    answered: bool,
) -> Result<Outcome> {
    let (untouched, gone) = (failure.is_untouched(), failure.is_goodbye());
    let lost = failure.is_loss() && reused && !answered;
    if gone || lost {
        // The driver may not have ended yet, and the next try is not to come back here.
        shared.retire();
    }
    if let (Failure::H2(_), Some(after)) = (&failure, shared.unsettled()) {
        let phase = Phase::Settings;
        return Err(Error::new(ErrorKind::Timeout { phase, after }).with_sent(sent));
    }
    let error = failure.into_error(sent, reused);
    if lost {
        return Ok(Outcome::Lost(error));
    }
    if !untouched {
        return Err(error);
    }
    let goodbye = gone && reused;
    Ok(Outcome::Untouched { error, goodbye })
}

/// Opens a stream for the request, as soon as the server's bound on streams allows one.
async fn begin(
    shared: &mut Shared,
    request: Request<()>,
    is_all: bool,
    timeout: &Timeout,
    deadline: &mut Deadline,
) -> Result<Result<(ResponseFuture, SendStream<Bytes>), h2::Error>> {
    deadline.begin(Phase::Pool, timeout.pool);
    let requests = &mut shared.requests;
    let ready = deadline.within(poll_fn(|cx| requests.poll_ready(cx)));
    if let Err(error) = ready.await? {
        return Ok(Err(error));
    }
    let begun = match requests.send_request(request, is_all) {
        Ok(begun) => begun,
        Err(error) => return Ok(Err(error)),
    };
    // Ready again when the stream was opened: until then it waits for the end of another one.
    // If the connection fails meanwhile, it may have been sent before: the response knows.
    let opened = deadline.within(poll_fn(|cx| requests.poll_ready(cx)));
    let _ = opened.await?;
    Ok(Ok(begun))
}

/// Why an exchange ended without a response.
enum Stop {
    Failure(Failure),
    Limit(Error),
}

struct Exchange<'a> {
    response: ResponseFuture,
    stream: SendStream<Bytes>,
    upload: Upload<'a>,
    sent_all: bool,
    /// How many bytes a head may have is settled with the connection.
    limits: HeadLimits,
    /// How many 1xx responses have come.
    informational: usize,
    /// How many headers have come, of all heads.
    headers: usize,
    /// The heads of those that have come, when somebody listens.
    heads: Option<Vec<Response<()>>>,
}

impl Exchange<'_> {
    /// Whether the server could take more of the request, and does not.
    fn waits_for_server(&self) -> bool {
        !self.sent_all && self.upload.has_more()
    }

    /// Tells those who listen what has moved since the last look.
    fn tell(&mut self, sent: u64, watch: &Watch) {
        if sent > 0 {
            let bytes = usize::try_from(sent).unwrap_or(usize::MAX);
            watch.tell(|trace, request| trace.request_chunk_sent(request, bytes));
        }
        for head in self.heads.iter_mut().flat_map(|heads| heads.drain(..)) {
            watch.tell(|trace, request| {
                trace.informational(request, head.status(), head.headers());
            });
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<RecvStream>, Stop>> {
        if !self.sent_all {
            match self.upload.poll(cx, &mut self.stream) {
                Poll::Ready(Ok(())) => self.sent_all = true,
                // The response may say why, and is what counts if it is there.
                Poll::Ready(Err(Failure::H2(_))) | Poll::Pending => {}
                Poll::Ready(Err(failure)) => return Poll::Ready(Err(Stop::Failure(failure))),
            }
        }
        while let Poll::Ready(Some(head)) = self.response.poll_informational(cx) {
            let Ok(head) = head else { break };
            self.informational += 1;
            let (limit, seen) = (self.limits.informational, self.informational);
            within(LimitKind::Informational, limit, seen)?;
            self.count(head.headers())?;
            if let Some(heads) = &mut self.heads {
                heads.push(head);
            }
        }
        let response = ready!(Pin::new(&mut self.response).poll(cx));
        let response = response.map_err(|error| Stop::Failure(Failure::H2(error)))?;
        self.count(response.headers())?;
        Poll::Ready(Ok(response))
    }

    /// Counts the headers of one more head.
    fn count(&mut self, headers: &HeaderMap) -> Result<(), Stop> {
        self.headers += headers.len();
        within(LimitKind::Headers, self.limits.headers, self.headers)
    }
}

fn within(kind: LimitKind, limit: usize, seen: usize) -> Result<(), Stop> {
    if seen > limit {
        return Err(Stop::Limit(kind.over(limit, seen as u64).into()));
    }
    Ok(())
}
