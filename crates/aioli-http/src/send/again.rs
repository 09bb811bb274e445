//! The retry loop, around one hop; what it decides by is in `retry`.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use aioli_time::sleep;

use super::hop::{Hop, one_hop};
use crate::deadline::Deadline;
use crate::error::{Error, Result};
use crate::request::Parts;
use crate::response::Response;
use crate::retry::{Again, Retry};
use crate::session::Session;

/// The retries of one request; they are counted over all of its hops.
pub(super) struct Tries {
    retry: Option<Arc<Retry>>,
    tried: u32,
    /// When the first hop began.
    began: Option<Instant>,
}

impl Tries {
    pub(super) fn new(retry: Option<Arc<Retry>>) -> Tries {
        if let Some(retry) = &retry {
            retry.note_request();
        }
        Tries {
            retry,
            tried: 0,
            began: None,
        }
    }

    /// Whether a hop may be repeated at all: who never tries again need not carry the size of
    /// what repeats it.
    pub(super) fn are_wanted(&self) -> bool {
        self.retry.is_some()
    }

    /// Carries out the hop, and repeats it while that is asked for and safe.
    ///
    /// The time limits go to the response, if there is one.
    pub(super) async fn hop(
        &mut self,
        session: &Session,
        parts: &mut Parts,
        hop: &mut Hop,
        deadline: &mut Deadline,
    ) -> Result<Response> {
        let Some(retry) = self.retry.clone() else {
            return one_hop(session, parts, hop, deadline).await;
        };
        let retry = &*retry;
        let began = *self.began.get_or_insert_with(aioli_task::now);
        loop {
            let result = one_hop(session, parts, hop, deadline).await;
            let passed = aioli_task::now().saturating_duration_since(began);
            let again = judge(retry, parts, result.as_ref());
            let wait = again.and_then(|again| retry.wait(again, self.tried, passed));
            let Some(wait) = wait else {
                return result;
            };
            let left = match &result {
                Ok(response) => response.inner.body.time_left(),
                Err(_) => deadline.time_left(),
            };
            if left.is_some_and(|left| left <= wait) || !retry.take() {
                return result;
            }
            let error = match result {
                Ok(response) => {
                    tracing::debug!(status = %response.status(), ?wait, "once more");
                    *deadline = response.into_deadline();
                    None
                }
                Err(error) => {
                    tracing::debug!(%error, ?wait, "once more");
                    Some(error)
                }
            };
            let watch = &deadline.watch;
            watch.tell(|trace, request| trace.retry(request, wait, error.as_ref()));
            session.inner.counters.retry();
            self.tried += 1;
            deadline.begin_wait();
            deadline.within(sleep(wait)).await?;
            deadline.begin_hop();
        }
    }
}

/// Whether the outcome is one to be tried again.
fn judge(retry: &Retry, parts: &Parts, outcome: Result<&Response, &Error>) -> Option<Again> {
    if !parts.body.is_whole() {
        return None;
    }
    let idempotent = parts.method.is_idempotent();
    match outcome {
        Err(error) => retry.judge_error(error, idempotent),
        Ok(response) => {
            let head = &response.inner.head;
            retry.judge_response(head.status, &head.headers, idempotent, SystemTime::now())
        }
    }
}
