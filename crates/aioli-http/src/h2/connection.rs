//! One HTTP/2 connection: the handshake, and the task that drives it.
//!
//! `h2` needs somebody to poll the connection for all of its streams, so each has a task on the
//! loop whose reactor the socket belongs to. The task holds the connection's slot of the pool. It
//! ends, and with it the connection, when
//!
//! 1. the connection fails or the server closes it,
//! 2. the server has said that it will (`GOAWAY`), or takes nothing any more, and the last stream is
//!    over,
//! 3. there was no stream for the idle time,
//! 4. the server has not said what it takes (`SETTINGS`) within its time,
//! 5. there are streams, nothing was heard for the ping's time, and the ping is not answered.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use aioli_task::driver::Home;
use aioli_time::{Sleep, sleep_until};
use bytes::Bytes;
use h2::client::{Builder, SendRequest};

use super::error::head_error;
use super::io::{Io, Signs};
use super::pings::Pings;
use super::settings::Http2;
use super::windows::Windows;
use crate::error::{Error, Sent};
use crate::limits::Limits;
use crate::pool::Slot;
use crate::session::Traffic;
use crate::transport::Transport;

/// Streams that were reset and that late frames may still come for.
const RESET_STREAMS_MAX: usize = 50;
/// Streams that we have reset because of the server's errors, before the connection is given up.
const LOCAL_RESETS_MAX: usize = 1024;

/// The bound on streams until the server says its own, which is less, or none (`usize::MAX`).
const UNSETTLED: usize = usize::MAX - 1;

/// A connection that requests share; cheap to clone.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) requests: SendRequest<Bytes>,
    load: Arc<Load>,
    home: Home,
}

/// What requests and the driving task tell each other.
#[derive(Debug)]
struct Load {
    state: Mutex<State>,
    /// Bytes of bodies that callers have taken, if somebody measures that.
    taken: Option<AtomicU64>,
}

#[derive(Debug)]
struct State {
    streams: usize,
    /// How many requests were begun on it.
    begun: u64,
    /// When the last stream was over.
    since: Instant,
    /// No request can begin any more.
    is_over: bool,
    /// The server has not said what it takes in this time.
    unsettled: Option<Duration>,
    /// Wakes the driver.
    waker: Option<Waker>,
}

/// A place among the streams of a connection.
#[derive(Debug)]
pub(super) struct Place {
    load: Arc<Load>,
    /// Whether others were there before.
    pub(super) reused: bool,
}

impl Place {
    /// Notes that the caller has taken so much of a body.
    pub(super) fn count_taken(&self, bytes: usize) {
        if let Some(taken) = &self.load.taken {
            // It orders nothing: the driver, which freed room wakes, sees it then or at its next look.
            taken.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let now = aioli_task::now();
        let mut state = self.load.lock();
        state.streams -= 1;
        state.since = now;
        let waker = state.may_end().then(|| state.waker.clone()).flatten();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl State {
    /// Whether nobody needs the connection any more.
    fn may_end(&self) -> bool {
        self.is_over && self.streams == 0
    }
}

impl Load {
    /// Keeps further requests away, if `condition` holds, and lets the driver look.
    fn end_if(&self, condition: impl FnOnce(&State) -> bool) {
        let mut state = self.lock();
        state.is_over |= condition(&state);
        let waker = state.may_end().then(|| state.waker.clone()).flatten();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Shakes hands over an established transport and starts the task; `slot` is held by that.
    pub(super) async fn start(
        transport: Transport,
        traffic: Arc<Traffic>,
        slot: Slot,
        settings: Http2,
        limits: &Limits,
    ) -> Result<Shared, Error> {
        let mut builder = Builder::new();
        builder
            .enable_push(false)
            .initial_max_send_streams(UNSETTLED)
            .initial_window_size(settings.stream_window)
            .initial_connection_window_size(settings.connection_window)
            .max_header_list_size(u32::try_from(limits.head).unwrap_or(u32::MAX))
            .max_concurrent_reset_streams(RESET_STREAMS_MAX)
            .max_local_error_reset_streams(Some(LOCAL_RESETS_MAX));
        let signs = Arc::new(Signs::default());
        let io = Io::new(transport, traffic, signs.clone());
        let shaken = builder.handshake(io).await;
        let (requests, mut connection) =
            shaken.map_err(|error| head_error(error, Sent::Nothing, false))?;
        let state = State {
            streams: 0,
            begun: 0,
            since: aioli_task::now(),
            is_over: false,
            unsettled: None,
            waker: None,
        };
        let load = Arc::new(Load {
            state: Mutex::new(state),
            taken: settings.window_most.map(|_| AtomicU64::new(0)),
        });
        let settles = settings.settings;
        let settles =
            settles.and_then(|limit| Some((aioli_task::now().checked_add(limit)?, limit)));
        let home = Home::current();
        let driver = Driver {
            pings: connection.ping_pong().map(Pings::new),
            silence: settings.ping,
            windows: Windows::new(&settings),
            connection,
            end: End(load.clone()),
            idle: limits.idle,
            timer: None,
            signs,
            heard: 0,
            heard_at: aioli_task::now(),
            probed: false,
            settles,
            _slot: slot,
        };
        // A loop that has ended drives nothing; the driver's end says so to those who wait.
        let _ = home.handle().submit(move || driver.run());
        Ok(Shared {
            requests,
            load,
            home,
        })
    }

    /// Takes a place, if the connection is alive and carries fewer than `most` streams.
    pub(super) fn enter(&self, most: usize) -> Option<Place> {
        let mut state = self.load.lock();
        if state.is_over || state.streams >= most || self.home.is_closed() {
            return None;
        }
        state.streams += 1;
        state.begun += 1;
        Some(Place {
            load: self.load.clone(),
            reused: state.begun > 1,
        })
    }

    pub(super) fn streams(&self) -> usize {
        self.load.lock().streams
    }

    /// The time in which the server should have said what it takes, if the connection has ended
    /// because it has not.
    pub(super) fn unsettled(&self) -> Option<Duration> {
        self.load.lock().unsettled
    }

    /// No request can begin on it any more.
    pub(super) fn is_over(&self) -> bool {
        self.load.lock().is_over || self.home.is_closed()
    }

    /// Keeps further requests away if there are none now, and lets the driver end.
    pub(super) fn close_if_idle(&self) {
        self.load.end_if(|state| state.streams == 0);
    }

    /// Keeps further requests away: the server said that it takes none.
    pub(super) fn retire(&self) {
        self.load.end_if(|_| true);
    }
}

/// Says that the connection is over, however its driver ends.
struct End(Arc<Load>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.lock().is_over = true;
    }
}

struct Driver {
    connection: h2::client::Connection<Io, Bytes>,
    pings: Option<Pings>,
    /// After how much of it the server is probed.
    silence: Option<Duration>,
    windows: Option<Windows>,
    idle: Duration,
    timer: Option<Sleep>,
    signs: Arc<Signs>,
    /// Reads at the last look.
    heard: u64,
    /// When something was heard, or asked for by a ping.
    heard_at: Instant,
    /// A ping was sent since something was heard.
    probed: bool,
    /// Until when the server has to say what it takes, and how long that was.
    settles: Option<(Instant, Duration)>,
    end: End,
    /// Freed last, after nobody can find the connection any more.
    _slot: Slot,
}

impl Driver {
    async fn run(mut self) {
        let ended = poll_fn(|cx| self.poll(cx)).await;
        if let Err(error) = ended {
            tracing::debug!(%error, "an http/2 connection has failed");
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        if let Poll::Ready(ended) = Pin::new(&mut self.connection).poll(cx) {
            return Poll::Ready(ended);
        }
        self.adapt(cx);
        {
            let mut state = self.end.0.lock();
            // Those that are there may still be answered.
            state.is_over |= self.signs.takes_nothing();
            if state.may_end() {
                return Poll::Ready(Ok(()));
            }
            state.waker.get_or_insert_with(|| cx.waker().clone());
        }
        loop {
            // What happens meanwhile is looked at when the timer fires: no clock and no lock is
            // touched for each event of the socket.
            if let Some(timer) = &mut self.timer {
                ready!(Pin::new(timer).poll(cx));
            }
            if self.is_unsettled() {
                return Poll::Ready(Ok(()));
            }
            let Some(at) = self.look(cx) else {
                return Poll::Ready(Ok(()));
            };
            let at = self.settles.map_or(at, |(by, _)| by.min(at));
            self.timer = Some(sleep_until(at));
        }
    }

    /// Measures what the connection carries, and lets its windows grow.
    fn adapt(&mut self, cx: &mut Context<'_>) {
        let taken = self.end.0.taken.as_ref();
        let (Some(windows), Some(pings), Some(taken)) = (&mut self.windows, &mut self.pings, taken)
        else {
            return;
        };
        let taken = taken.load(Ordering::Relaxed);
        if windows.look(&mut self.connection, pings, taken, cx) {
            // The connection sends it when it is polled.
            cx.waker().wake_by_ref();
        }
    }

    /// Whether the server has not said in time what it takes, which ends the connection.
    fn is_unsettled(&mut self) -> bool {
        let Some((by, limit)) = self.settles else {
            return false;
        };
        if self.connection.max_concurrent_send_streams() != UNSETTLED {
            self.settles = None;
            return false;
        }
        if aioli_task::now() < by {
            return false;
        }
        tracing::debug!("an http/2 server does not say what it takes");
        let mut state = self.end.0.lock();
        (state.is_over, state.unsettled) = (true, Some(limit));
        true
    }

    /// Judges the time since the last look, and returns when to look again; `None` when the
    /// connection is to be closed.
    fn look(&mut self, cx: &mut Context<'_>) -> Option<Instant> {
        let now = aioli_task::now();
        // What cannot be represented is never, and never is looked at once a day.
        let after = |from: Instant, time| {
            from.checked_add(time)
                .unwrap_or(now + Duration::from_secs(86_400))
        };
        let reads = self.signs.reads();
        if reads != self.heard {
            (self.heard, self.heard_at, self.probed) = (reads, now, false);
        }
        let mut state = self.end.0.lock();
        if state.streams == 0 {
            let end = after(state.since, self.idle);
            state.is_over |= end <= now;
            (self.heard_at, self.probed) = (now, false);
            return (!state.is_over).then_some(end);
        }
        drop(state);
        // The last stream may end at once, and then the idle time counts.
        let next = after(now, self.idle.max(Duration::from_millis(10)));
        let (Some(pings), Some(silence)) = (&mut self.pings, self.silence) else {
            return Some(next);
        };
        // An answer that has come makes room for the next ping. Who measures has seen it before.
        let _ = pings.is_answered(cx);
        let end = after(self.heard_at, silence);
        if end > now {
            return Some(next.min(end));
        }
        if self.probed {
            tracing::debug!("an http/2 server does not answer");
            return None;
        }
        self.probed = pings.send();
        self.heard_at = now;
        // The connection sends it when it is polled.
        cx.waker().wake_by_ref();
        Some(next.min(after(now, silence)))
    }
}
