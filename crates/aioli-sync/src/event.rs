//! A flag that tasks can wait for.

use super::raw_lock::RawLock;
use super::waiting::Waiting;
use crate::stats::EventStats;
use crate::wait::Wait;
use crate::wait_list::{Departed, WaitList};
use crate::wakers::Wakers;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A flag that is set or not, and that any number of tasks can wait for.
///
/// [`set`](Self::set) releases everybody who waits at that moment, even if the flag is
/// cleared again before they run.
///
/// # Examples
///
/// ```
/// use aioli_sync::Event;
/// use futures::{executor::block_on, join};
///
/// let ready = Event::new();
/// let server = async { ready.set() };
/// let client = async {
///     ready.wait().await;
///     "connected"
/// };
/// assert_eq!(block_on(async { join!(client, server) }), ("connected", ()));
/// ```
#[doc(alias = "asyncio.Event")]
pub struct Event {
    state: RawLock<State>,
}

struct State {
    set: bool,
    /// INVARIANT: empty while the flag is set.
    line: WaitList<(), ()>,
}

impl Event {
    /// Creates an event whose flag is not set.
    ///
    /// # Examples
    ///
    /// ```
    /// static STOP: aioli_sync::Event = aioli_sync::Event::new();
    /// assert!(!STOP.is_set());
    /// ```
    #[must_use]
    pub const fn new() -> Event {
        Event {
            state: RawLock::new(State {
                set: false,
                line: WaitList::new(),
            }),
        }
    }

    /// Waits until the flag is set, which may be now.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let event = aioli_sync::Event::new();
    /// event.set();
    /// event.wait().await;
    /// # });
    /// ```
    #[doc(alias = "asyncio.Event.wait")]
    #[inline]
    pub fn wait(&self) -> EventWait<'_> {
        EventWait(Waiting::new(&self.state, WaitingForSet))
    }

    /// Sets the flag and releases everybody who waits for it, in the order they came.
    ///
    /// # Examples
    ///
    /// ```
    /// let event = aioli_sync::Event::new();
    /// event.set();
    /// assert!(event.is_set());
    /// ```
    #[doc(alias = "asyncio.Event.set")]
    pub fn set(&self) {
        self.state.with(|state, wakers| {
            state.set = true;
            state.line.grant_all(|| (), wakers);
        });
    }

    /// Clears the flag: from now on [`wait`](Self::wait) waits again.
    ///
    /// # Examples
    ///
    /// ```
    /// let event = aioli_sync::Event::new();
    /// event.set();
    /// event.clear();
    /// assert!(!event.is_set());
    /// ```
    #[doc(alias = "asyncio.Event.clear")]
    pub fn clear(&self) {
        self.state.with(|state, _| state.set = false);
    }

    /// Whether the flag is set.
    ///
    /// # Examples
    ///
    /// ```
    /// let event = aioli_sync::Event::new();
    /// assert!(!event.is_set());
    /// ```
    #[doc(alias = "asyncio.Event.is_set")]
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.stats().set
    }

    /// A look at the flag and at the line.
    ///
    /// # Examples
    ///
    /// ```
    /// let event = aioli_sync::Event::new();
    /// event.set();
    /// assert!(event.stats().set);
    /// ```
    #[must_use]
    pub fn stats(&self) -> EventStats {
        self.state.read(|state| EventStats {
            set: state.set,
            waiting: state.line.len(),
        })
    }
}

impl Default for Event {
    fn default() -> Event {
        Event::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.stats();
        f.debug_struct("Event")
            .field("set", &stats.set)
            .field("waiting", &stats.waiting)
            .finish()
    }
}

struct WaitingForSet;

impl Wait for WaitingForSet {
    type State = State;
    type Want = ();
    type Grant = ();
    type Output = ();

    fn line(state: &mut State) -> &mut WaitList<(), ()> {
        &mut state.line
    }

    fn begin(&mut self, state: &mut State, _: &mut Wakers) -> Result<(), ()> {
        if state.set { Ok(()) } else { Err(()) }
    }

    fn finish(&mut self, (): (), _: &mut State, _: &mut Wakers) {}

    /// Everybody gets the same news, so nobody has anything to pass on.
    fn abandon(&self, _: Departed<()>, _: &mut State, _: &mut Wakers) {}
}

/// The future of [`Event::wait`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct EventWait<'a>(Waiting<'a, WaitingForSet>);

impl Future for EventWait<'_> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl fmt::Debug for EventWait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventWait")
            .field(&self.0.stage_name())
            .finish()
    }
}
