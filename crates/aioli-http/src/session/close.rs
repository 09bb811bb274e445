//! Closing a session before its last clone is dropped.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use aioli_sync::Event;

use super::Session;
use crate::error::{Error, ErrorKind, Result};

/// Whether a session is closed, and who waits for what it will not give any more.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    /// ORDERING: relaxed, as nothing is read because of it but the flag itself; who waits hears of
    /// the end by the event.
    closed: AtomicBool,
    event: Event,
}

impl Closing {
    fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.event.set();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// `Err` when the session is closed.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_closed() {
            return Err(Error::new(ErrorKind::Closed));
        }
        Ok(())
    }

    /// Waits for `future`, but not beyond the end of the session.
    pub(crate) async fn or_closed<F: Future>(&self, future: F) -> Result<F::Output> {
        let mut future = pin!(future);
        let mut closed = pin!(self.event.wait());
        poll_fn(|cx| {
            if closed.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(Error::new(ErrorKind::Closed)));
            }
            future.as_mut().poll(cx).map(Ok)
        })
        .await
    }
}

impl Session {
    /// Closes the session, for all of its clones.
    ///
    /// Connections that wait for a request are closed. New requests fail with
    /// [`ErrorKind::Closed`], and so do those that wait for a connection, and redirects and
    /// retries of those that are on their way. A request whose exchange has begun, and a body
    /// that is being read, go on; their connections are closed at their end. (aiohttp cuts them
    /// off; here whoever holds a response decides, by dropping it.)
    ///
    /// It need not be called: dropping the last clone closes the connections too.
    ///
    /// # Cancel safety
    ///
    /// The session is closed from the first poll on. The wait is one turn of the loop, in which
    /// those who waited for a connection hear of it.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_http::ErrorKind;
    ///
    /// # aioli_task::run(async {
    /// # let url = aioli_http::example::serve("hello");
    /// let session = aioli_http::Session::new();
    /// session.get(&url).await?;
    /// session.close().await;
    /// assert!(session.is_closed());
    /// assert_eq!(session.stats().idle, 0);
    /// let error = session.get(&url).await.unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::Closed));
    /// # Ok::<(), aioli_http::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "aiohttp.ClientSession.close")]
    #[doc(alias = "httpx.AsyncClient.aclose")]
    pub async fn close(&self) {
        self.inner.closing.close();
        self.inner.http2.close();
        self.inner.pool.close();
        let mut turned = false;
        poll_fn(|cx| {
            if turned {
                return Poll::Ready(());
            }
            turned = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Tells whether the session was closed.
    #[doc(alias = "aiohttp.ClientSession.closed")]
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inner.closing.is_closed()
    }
}
