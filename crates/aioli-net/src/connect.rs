//! Connecting to the first address that answers (RFC 8305, "happy eyeballs").
//!
//! A name may have addresses of two families, and one of the families may lead nowhere, so that
//! connecting through it fails after minutes. So attempts begin one after the other, each when
//! the one before has failed or has not succeeded within [`ATTEMPT_DELAY`], the families taking
//! turns, and the first connection wins. The other attempts are dropped, which closes their
//! sockets. When all fail, the error tells of each.

use std::io;
use std::net::{self, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use aioli_flow::{Attempt as Ended, Elapsed, staggered, timeout};
use aioli_reactor::{Async, Interest};
use aioli_task::Seconds;
use aioli_task::driver::Home;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use crate::error::{Attempt, ConnectError};
use crate::resolve::addresses;
use crate::target::{Target, ToTarget};
use crate::tcp::TcpStream;

#[cfg(test)]
mod tests;

/// Longest silence, in seconds, after which Linux asks for the peer: `MAX_TCP_KEEPIDLE`.
const SILENCE_MAX: u64 = 32_767;

/// Longest user time-out, in milliseconds, that Linux takes: an `int`.
const USER_TIMEOUT_MAX: u64 = i32::MAX as u64;

/// How long an attempt has the field to itself: the RFC's recommendation, and what asyncio's
/// documentation suggests.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// A TCP stream that is registered.
pub(crate) type Connected = Async<net::TcpStream>;

/// How a [`TcpStream`] is connected.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use aioli_net::{ConnectOptions, TcpListener};
/// use futures::executor::block_on;
///
/// block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let options = ConnectOptions::new().attempt_delay(Duration::from_millis(100));
///     let stream = options.connect(listener.local_addr()).await?;
///     assert_eq!(stream.peer_addr()?, listener.local_addr());
/// #   Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "options do nothing until `connect`"]
pub struct ConnectOptions {
    /// `None`: an attempt begins when the one before has failed, and not before.
    attempt_delay: Option<Duration>,
    first_family_count: usize,
    attempts_max: usize,
    attempt_timeout: Option<Duration>,
    local: Option<SocketAddr>,
    nodelay: bool,
    keepalive: Option<Duration>,
    user_timeout: Option<Duration>,
    device: Option<Arc<str>>,
}

impl Default for ConnectOptions {
    fn default() -> ConnectOptions {
        ConnectOptions {
            attempt_delay: Some(ATTEMPT_DELAY),
            first_family_count: 1,
            attempts_max: usize::MAX,
            attempt_timeout: None,
            local: None,
            // asyncio's default, and what every protocol of requests and answers wants.
            nodelay: true,
            keepalive: None,
            user_timeout: None,
            device: None,
        }
    }
}

impl ConnectOptions {
    /// What [`TcpStream::connect`] does: the recommendations of RFC 8305, and `TCP_NODELAY`.
    pub fn new() -> ConnectOptions {
        ConnectOptions::default()
    }

    /// How long an attempt has the field to itself, 250 ms at first. An infinite one tries the
    /// addresses one by one.
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN.
    #[doc(alias = "happy_eyeballs_delay")]
    pub fn attempt_delay(mut self, delay: impl Seconds) -> ConnectOptions {
        self.attempt_delay = delay.into_duration();
        self
    }

    /// How many addresses of the preferred family are tried before the families take turns, 1 at
    /// first; 0 leaves the addresses in the order of the system.
    #[doc(alias = "interleave")]
    pub fn first_family_count(mut self, count: usize) -> ConnectOptions {
        self.first_family_count = count;
        self
    }

    /// How many addresses are tried at most; all of them, unless it is said. The families take
    /// turns before the others are left out. With 0 connecting fails, and its error has no attempts.
    pub fn attempts_max(mut self, count: usize) -> ConnectOptions {
        self.attempts_max = count;
        self
    }

    /// How long one attempt may take; then it fails as `TimedOut`, without a number of the
    /// system. An infinite time, the default, leaves that to the system, which takes minutes.
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_net::{ConnectOptions, TcpListener};
    ///
    /// aioli_task::run(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let options = ConnectOptions::new()
    ///         .attempts_max(3)
    ///         .attempt_timeout(2.5)
    ///         .keepalive(60);
    ///     let stream = options.connect(listener.local_addr()).await?;
    ///     assert_eq!(stream.peer_addr()?, listener.local_addr());
    /// #   Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn attempt_timeout(mut self, limit: impl Seconds) -> ConnectOptions {
        self.attempt_timeout = limit.into_duration();
        self
    }

    /// The address of this side; port 0 is a free port. Addresses of the other family fail.
    #[doc(alias = "local_addr")]
    pub fn bind(mut self, local: SocketAddr) -> ConnectOptions {
        self.local = Some(local);
        self
    }

    /// Whether small writes are sent at once (`TCP_NODELAY`); they are, unless it is said.
    pub fn nodelay(mut self, nodelay: bool) -> ConnectOptions {
        self.nodelay = nodelay;
        self
    }

    /// After how long a silence the system asks whether the peer is still there
    /// (`SO_KEEPALIVE`); an infinite one, the default, never asks. In whole seconds, rounded up, and
    /// from one to 32767, which is what Linux takes.
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN.
    pub fn keepalive(mut self, silence: impl Seconds) -> ConnectOptions {
        self.keepalive = silence.into_duration();
        self
    }

    /// How long data that was sent may stay unconfirmed before the system gives the connection up
    /// (`TCP_USER_TIMEOUT`, RFC 5482); an infinite time, the default, leaves that to the system, which
    /// tries for a quarter of an hour. In whole milliseconds, rounded up, and from 1 to 2147483647.
    ///
    /// On other systems than Linux, Android and Fuchsia every attempt fails as
    /// [`Unsupported`](io::ErrorKind::Unsupported).
    ///
    /// # Panics
    ///
    /// When the number of seconds is NaN.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_net::ConnectOptions;
    ///
    /// // A peer that has vanished is noticed after half a minute, idle or not.
    /// let options = ConnectOptions::new().keepalive(20).user_timeout(30);
    /// # let _ = options;
    /// ```
    pub fn user_timeout(mut self, limit: impl Seconds) -> ConnectOptions {
        self.user_timeout = limit.into_duration();
        self
    }

    /// Sends and receives by this network interface alone, as `eth0`, whatever the system's routes
    /// say (`SO_BINDTODEVICE`).
    ///
    /// On other systems than Linux, Android and Fuchsia every attempt fails as
    /// [`Unsupported`](io::ErrorKind::Unsupported); for an interface that there is not, with the
    /// system's error (`ENODEV`). An empty name is no interface, and all are used.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_net::ConnectOptions;
    ///
    /// let by_the_second_line = ConnectOptions::new().device("eth1");
    /// # let _ = by_the_second_line;
    /// ```
    #[doc(alias = "SO_BINDTODEVICE")]
    pub fn device(mut self, name: &str) -> ConnectOptions {
        self.device = (!name.is_empty()).then(|| name.into());
        self
    }

    /// Connects to the first address of `target` that answers.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes every socket that it has opened.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], which lists every address that was tried.
    #[doc(alias = "asyncio.loop.create_connection")]
    pub fn connect(
        self,
        target: impl ToTarget,
    ) -> impl Future<Output = Result<TcpStream, ConnectError>> + Send {
        let target = target.to_target();
        async move {
            let io = connect(target?, &self).await?;
            Ok(TcpStream { io })
        }
    }
}

/// Looks up the target and connects to its first address that answers.
async fn connect(target: Target, options: &ConnectOptions) -> Result<Connected, ConnectError> {
    // Real work is under way: a virtual clock must not jump over it.
    let _hold = Home::try_current().map(|home| home.hold());
    let mut addresses = interleave(addresses(&target).await?, options.first_family_count);
    addresses.truncate(options.attempts_max);
    let attempt = |address| async move {
        let connecting = connect_to(address, options);
        match options.attempt_timeout {
            None => connecting.await,
            Some(limit) => match timeout(limit, connecting).await {
                Ok(connected) => connected,
                Err(Elapsed) => Err(io::ErrorKind::TimedOut.into()),
            },
        }
    };
    race(&addresses, options.attempt_delay, attempt)
        .await
        .map_err(|attempts| ConnectError::Failed {
            target: target.to_string(),
            attempts,
        })
}

/// Connects to one address.
async fn connect_to(address: SocketAddr, options: &ConnectOptions) -> io::Result<Connected> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    prepare(&socket, options)?;
    if let Some(local) = options.local {
        socket.bind(&local.into())?;
    }
    match socket.connect(&address.into()) {
        Err(error) if !crate::os::is_in_progress(&error) => return Err(error),
        _ => {}
    }
    // Registered after `connect`, because a socket that is neither connected nor connecting is
    // reported as hung up.
    let stream = Async::from_pollable(net::TcpStream::from(socket))?;
    let outcome = || match stream.get_ref().take_error()? {
        Some(error) => Err(error),
        None => match stream.get_ref().peer_addr() {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            other => other.map(drop),
        },
    };
    stream
        .registration()
        .io(Interest::Writable, outcome)
        .await?;
    if options.nodelay {
        stream.get_ref().set_nodelay(true)?;
    }
    if let Some(silence) = options.keepalive {
        let seconds = rounded_up(silence, Duration::from_secs(1), SILENCE_MAX);
        let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(seconds));
        SockRef::from(stream.get_ref()).set_tcp_keepalive(&keepalive)?;
    }
    Ok(stream)
}

/// Sets what a socket has to have before it connects.
fn prepare(socket: &Socket, options: &ConnectOptions) -> io::Result<()> {
    if let Some(device) = &options.device {
        crate::os::bind_device(socket, device)?;
    }
    if let Some(limit) = options.user_timeout {
        let millis = rounded_up(limit, Duration::from_millis(1), USER_TIMEOUT_MAX);
        crate::os::set_user_timeout(socket, Duration::from_millis(millis))?;
    }
    Ok(())
}

/// How many of these units there are in it, of which a part counts as one: from 1 to `most`.
fn rounded_up(length: Duration, unit: Duration, most: u64) -> u64 {
    let units = length.as_nanos().div_ceil(unit.as_nanos());
    u64::try_from(units).map_or(most, |units| units.clamp(1, most))
}

/// So many of the family first seen are tried first, then the two alternate (RFC 8305, section 4).
fn interleave(addresses: Vec<SocketAddr>, first_family_count: usize) -> Vec<SocketAddr> {
    let Some(first) = addresses.first().filter(|_| first_family_count > 0) else {
        return addresses;
    };
    let is_preferred = |address: &SocketAddr| address.is_ipv6() == first.is_ipv6();
    let (preferred, other): (Vec<SocketAddr>, Vec<SocketAddr>) =
        addresses.iter().copied().partition(is_preferred);
    let mut ordered = Vec::with_capacity(addresses.len());
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    ordered.extend(preferred.by_ref().take(first_family_count - 1));
    loop {
        let pair = [preferred.next(), other.next()];
        if pair == [None, None] {
            return ordered;
        }
        ordered.extend(pair.into_iter().flatten());
    }
}

/// Begins the attempts one after the other; the first success, or how each has failed.
async fn race<T, F>(
    addresses: &[SocketAddr],
    delay: Option<Duration>,
    connect: impl Fn(SocketAddr) -> F,
) -> Result<T, Vec<Attempt>>
where
    F: Future<Output = io::Result<T>>,
{
    let attempts = addresses.iter().copied().map(connect);
    let race = match delay {
        Some(delay) => staggered(delay, attempts).await,
        None => staggered(f64::INFINITY, attempts).await,
    };
    if let Some((_, stream)) = race.winner {
        return Ok(stream);
    }
    let ended = addresses.iter().copied().zip(race.attempts);
    Err(ended
        .filter_map(|(address, attempt)| match attempt {
            Ended::Failed(source) => Some(Attempt { address, source }),
            _ => None,
        })
        .collect())
}
