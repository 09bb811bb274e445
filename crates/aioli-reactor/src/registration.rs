//! The registration of one source: how everything above waits for readiness.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use aioli_sync::budget;

use crate::os::{self, AsSource};
use crate::reactor::Reactor;
use crate::readiness::Snapshot;
use crate::ready::Interest;
use crate::source::{Extent, Place, Source};
use crate::waiters::WaiterKey;

#[cfg(test)]
#[cfg(unix)]
mod tests;

/// A source (socket, pipe, any pollable descriptor) that a reactor watches.
///
/// The reactor is the one of this thread's event loop, else of the process's background loop,
/// and stays the same for the life of the registration. It may be used from every thread.
///
/// This is the lower half of [`Async`](crate::Async), which also owns its source. Here the source
/// stays with the caller, who keeps two promises:
///
/// - it is non-blocking;
/// - it is dropped after the registration. A source that is closed first is not watched any more,
///   and when its number has been given to another one, dropping the registration ends the
///   watching of that one.
///
/// # Who waits
///
/// The `poll_*` methods remember one task in each direction, the last one that polled, as
/// [`futures_io::AsyncRead`] asks for. The `async` methods may be waited for by any number of
/// tasks at the same time; all of them are woken by a report, and who finds nothing left waits on.
///
/// # Examples
///
/// ```
/// use aioli_reactor::{Interest, Registration};
/// use futures::executor::block_on;
/// use std::net::UdpSocket;
///
/// let socket = UdpSocket::bind("127.0.0.1:0")?;
/// socket.set_nonblocking(true)?;
/// let registration = Registration::new(&socket)?;
/// socket.send_to(b"hello", socket.local_addr()?)?;
///
/// let mut buffer = [0; 16];
/// let n = block_on(registration.io(Interest::Readable, || socket.recv(&mut buffer)))?;
/// assert_eq!(&buffer[..n], b"hello");
/// drop(registration);
/// drop(socket);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct Registration {
    reactor: Arc<Reactor>,
    source: Arc<Source>,
}

/// Most attempts of one poll, for an operation whose source is reported ready again and again
/// while it says `WouldBlock`.
const ATTEMPTS_MAX: usize = 16;

impl Registration {
    /// Registers `source` with the reactor of this thread's event loop, else of the background
    /// loop.
    ///
    /// # Errors
    ///
    /// - the reactor could not be started: descriptors are used up, or `AIOLI_DRIVER` names no
    ///   driver of this system;
    /// - the system cannot watch this source (a regular file, for example), or it is registered
    ///   already, which io_uring allows;
    /// - [`LoopEnded`](crate::LoopEnded): the loop of this thread is ending.
    pub fn new(source: &impl AsSource) -> io::Result<Registration> {
        let reactor = Reactor::current()?;
        Registration::with_reactor(reactor, source)
    }

    /// As [`new`](Registration::new), for what is known to be a socket, a pipe or a process descriptor:
    /// with io_uring it saves the look whether the source can be watched, a system call. A regular
    /// file might then be always ready.
    ///
    /// # Errors
    ///
    /// As [`new`](Registration::new); that a source cannot be watched need not be told.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_reactor::Registration;
    /// use std::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_nonblocking(true)?;
    /// let registration = Registration::of_pollable(&socket)?;
    /// drop(registration);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn of_pollable(source: &impl AsSource) -> io::Result<Registration> {
        let reactor = Reactor::current()?;
        let source = reactor.register_pollable(os::raw_source(source))?;
        Ok(Registration { reactor, source })
    }

    pub(crate) fn with_reactor(
        reactor: Arc<Reactor>,
        source: &impl AsSource,
    ) -> io::Result<Registration> {
        let source = reactor.register(os::raw_source(source))?;
        Ok(Registration { reactor, source })
    }

    /// Waits until the source is reported readable. One task at a time; the last one counts.
    ///
    /// A report lasts until an attempt says `WouldBlock`, so make the attempt through
    /// [`try_io`](Registration::try_io) or [`poll_io`](Registration::poll_io), which see that.
    ///
    /// # Errors
    ///
    /// [`LoopEnded`](crate::LoopEnded).
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_ready(cx, Interest::Readable, Place::Slot)
    }

    /// Waits until the source is reported writable, as
    /// [`poll_readable`](Registration::poll_readable) does for reading.
    ///
    /// # Errors
    ///
    /// [`LoopEnded`](crate::LoopEnded).
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_ready(cx, Interest::Writable, Place::Slot)
    }

    /// Whether the source is reported readable, or its loop has ended. If not, it will be once
    /// something comes, though nobody waits.
    ///
    /// For what is idle: with a driver that only reports what is waited for, it takes the place of
    /// the task that has polled last, and wakes nobody.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_reactor::Registration;
    /// use std::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let idle = TcpStream::connect(listener.local_addr()?)?;
    /// idle.set_nonblocking(true)?;
    /// let registration = Registration::new(&idle)?;
    /// assert!(!registration.watch_readable());
    /// drop(registration);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn watch_readable(&self) -> bool {
        if self.reactor.driver.needs_arming() {
            let mut cx = Context::from_waker(Waker::noop());
            return self.poll_readable(&mut cx).is_ready();
        }
        let seen = self.source.readiness.observe();
        seen.is_ready(Interest::Readable) || seen.is_ended()
    }

    /// A waker that wakes whoever waits for the source at that time, in either direction.
    ///
    /// They find that nothing has come, and wait again: so it is for whoever has something else to
    /// tell them, such as that it is late. It outlives the registration, and wakes nobody then.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_reactor::{Interest, Registration};
    /// use std::net::UdpSocket;
    /// use std::pin::pin;
    /// use std::future::Future;
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// use std::task::{Context, Wake};
    ///
    /// #[derive(Default)]
    /// struct Flag(AtomicBool);
    /// impl Wake for Flag {
    ///     fn wake(self: Arc<Self>) {
    ///         self.0.store(true, Ordering::Relaxed);
    ///     }
    /// }
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_nonblocking(true)?;
    /// let registration = Registration::new(&socket)?;
    /// let flag = Arc::new(Flag::default());
    /// {
    ///     let mut readable = pin!(registration.readable());
    ///     let waker = flag.clone().into();
    ///     assert!(readable.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    ///     registration.waker().wake();
    ///     assert!(flag.0.load(Ordering::Relaxed));
    /// }
    /// # drop(registration);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn waker(&self) -> Waker {
        self.source.clone().into()
    }

    fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        place: Place<'_>,
    ) -> Poll<io::Result<()>> {
        let is_ready = |seen: Snapshot| seen.is_ready(interest);
        let driver = &self.reactor.driver;
        let seen = self
            .source
            .poll_ready(driver, interest, cx.waker(), place, is_ready);
        seen.map_ok(drop)
    }

    /// Attempts `operation`, now if it may succeed, and again after each report while it says
    /// `WouldBlock`. One task at a time in each direction; the last one counts.
    ///
    /// # Errors
    ///
    /// What `operation` says, but for `WouldBlock` and `Interrupted`;
    /// [`LoopEnded`](crate::LoopEnded) when it would have to wait and the loop has ended.
    pub fn poll_io<T>(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        operation: impl FnMut() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        self.poll_attempts(cx, interest, None, operation, |_| Extent::Unknown)
    }

    /// As [`poll_io`](Registration::poll_io), for an operation that moves up to `len` bytes of a
    /// *stream* and returns how many.
    ///
    /// When it moves fewer, the next one would block, and this is remembered: a system call is
    /// saved. Not for datagrams, which are shorter than their buffer without being the last.
    ///
    /// # Errors
    ///
    /// As [`poll_io`](Registration::poll_io).
    pub fn poll_transfer(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        len: usize,
        operation: impl FnMut() -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        self.poll_attempts(cx, interest, None, operation, |n| extent(*n, len))
    }

    /// Every operation: its attempts, within the budget of the task. `extent` tells what an output
    /// says of the next one; who has no `key` waits in the poll slot.
    fn poll_attempts<T>(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        key: Option<&mut Option<WaiterKey>>,
        operation: impl FnMut() -> io::Result<T>,
        extent: impl Fn(&T) -> Extent,
    ) -> Poll<io::Result<T>> {
        // A source that is always ready must not keep its task from ever yielding.
        ready!(budget::poll_proceed(cx));
        let result = self.poll_unbounded(cx, interest, key, operation, extent);
        if result.is_pending() {
            budget::refund();
        }
        result
    }

    fn poll_unbounded<T>(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        mut key: Option<&mut Option<WaiterKey>>,
        mut operation: impl FnMut() -> io::Result<T>,
        extent: impl Fn(&T) -> Extent,
    ) -> Poll<io::Result<T>> {
        let worth = |seen: Snapshot| seen.is_worth_trying(interest);
        for _ in 0..ATTEMPTS_MAX {
            let place = match &mut key {
                Some(key) => Place::List(key),
                None => Place::Slot,
            };
            let driver = &self.reactor.driver;
            let seen = self
                .source
                .poll_ready(driver, interest, cx.waker(), place, worth);
            let seen = ready!(seen)?;
            if let Some(key) = &mut key {
                // Who is in the list found the direction not ready under the lock. Now it is, so
                // it has been reported since, and a report takes everybody off the list.
                **key = None;
            }
            match operation() {
                Ok(output) => {
                    self.source.moved(driver, seen, interest, extent(&output));
                    return Poll::Ready(Ok(output));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.source.blocked(driver, seen, interest);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        // Somebody else takes whatever is reported: let others run before the next attempt.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Waits until the source is reported ready in this direction. Any number of tasks may.
    ///
    /// A report lasts until an attempt says `WouldBlock`, so make the attempt through
    /// [`try_io`](Registration::try_io) or [`io`](Registration::io), which see that.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: reports wake everybody who waits.
    ///
    /// # Errors
    ///
    /// [`LoopEnded`](crate::LoopEnded).
    pub async fn ready(&self, interest: Interest) -> io::Result<()> {
        let mut waiter = Waiter::new(&self.source);
        poll_fn(|cx| self.poll_ready(cx, interest, Place::List(&mut waiter.key))).await
    }

    /// Waits until the source is reported readable: [`ready`](Registration::ready) for reading.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// [`LoopEnded`](crate::LoopEnded).
    #[doc(alias = "asyncio.loop.add_reader")]
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::Readable).await
    }

    /// Waits until the source is reported writable: [`ready`](Registration::ready) for writing.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// [`LoopEnded`](crate::LoopEnded).
    #[doc(alias = "asyncio.loop.add_writer")]
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::Writable).await
    }

    /// Attempts `operation`, now if it may succeed, and again after each report while it says
    /// `WouldBlock`. Any number of tasks may.
    ///
    /// # Cancel safety
    ///
    /// `operation` is not suspended: it has either been done, and this has returned its output,
    /// or it has not. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// As [`poll_io`](Registration::poll_io).
    pub async fn io<T>(
        &self,
        interest: Interest,
        mut operation: impl FnMut() -> io::Result<T>,
    ) -> io::Result<T> {
        let mut waiter = Waiter::new(&self.source);
        poll_fn(|cx| {
            let key = Some(&mut waiter.key);
            self.poll_attempts(cx, interest, key, &mut operation, |_| Extent::Unknown)
        })
        .await
    }

    /// As [`io`](Registration::io), for an operation that moves up to `len` bytes of a *stream*,
    /// with the saving of [`poll_transfer`](Registration::poll_transfer).
    ///
    /// # Cancel safety
    ///
    /// As [`io`](Registration::io): a transfer that was dropped while it waited has moved nothing.
    ///
    /// # Errors
    ///
    /// As [`poll_io`](Registration::poll_io).
    pub async fn transfer(
        &self,
        interest: Interest,
        len: usize,
        mut operation: impl FnMut() -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut waiter = Waiter::new(&self.source);
        poll_fn(|cx| {
            let key = Some(&mut waiter.key);
            self.poll_attempts(cx, interest, key, &mut operation, |n| extent(*n, len))
        })
        .await
    }

    /// Attempts `operation` once, without waiting, and remembers a `WouldBlock`.
    ///
    /// # Errors
    ///
    /// What `operation` says; `WouldBlock` when it says so, or when the source is known not to be
    /// ready, in which case it is not called.
    pub fn try_io<T>(
        &self,
        interest: Interest,
        operation: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let seen = self.source.readiness.observe();
        // By level a read that filled its buffer was only assumed to be the last one.
        let is_assumed = interest == Interest::Readable && seen.is_by_level();
        if !seen.is_worth_trying(interest) && !is_assumed {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let result = operation();
        if let Err(error) = &result
            && error.kind() == io::ErrorKind::WouldBlock
        {
            self.source.blocked(&self.reactor.driver, seen, interest);
        }
        result
    }
}

/// What a transfer of `moved` of at most `len` bytes says of the next one.
fn extent(moved: usize, len: usize) -> Extent {
    match moved {
        0 => Extent::Unknown,
        _ if moved < len => Extent::Short,
        _ => Extent::Full,
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.reactor.deregister(&self.source);
    }
}

/// The place of a future in the list of its source, given up on drop.
struct Waiter<'a> {
    source: &'a Source,
    key: Option<WaiterKey>,
}

impl<'a> Waiter<'a> {
    fn new(source: &'a Source) -> Waiter<'a> {
        Waiter { source, key: None }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.source.forget(key);
        }
    }
}
