//! hyper on our loop: its executor and its timer; its I/O traits are on the streams.
//!
//! With the feature `hyper`, [`TcpStream`](crate::TcpStream),
//! [`UnixStream`](crate::unix::UnixStream) and their halves have [`hyper::rt::Read`] and
//! [`hyper::rt::Write`], so that they go into hyper's connections as they are.
//!
//! ```
//! use std::convert::Infallible;
//!
//! use aioli_net::hyper::Timer;
//! use aioli_net::{TcpStream, serve};
//! use hyper::{Request, Response, service::service_fn};
//!
//! aioli_task::run(async {
//!     let server = serve("127.0.0.1:0", async |stream| {
//!         let answer = async |_| Ok::<_, Infallible>(Response::new("hello".to_owned()));
//!         let mut http = hyper::server::conn::http1::Builder::new();
//!         http.timer(Timer::new()).serve_connection(stream, service_fn(answer)).await
//!     }).await?;
//!
//!     let stream = TcpStream::connect(server.local_addr()).await?;
//!     let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
//!     aioli_task::spawn(connection);
//!     let response = sender.send_request(Request::new(String::new())).await?;
//!     assert_eq!(response.status(), 200);
//!     server.stop().await;
//! #   Ok::<(), Box<dyn std::error::Error>>(())
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Spawns what hyper wants to have spawned on this thread's event loop, which runs futures that
/// are not `Send` too.
///
/// # Panics
///
/// Executing panics where no aioli event loop runs on the thread.
///
/// # Examples
///
/// ```
/// use aioli_net::hyper::Executor;
/// use hyper::rt::Executor as _;
///
/// aioli_task::run(async {
///     Executor::new().execute(async { println!("beside the rest") });
/// });
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Executor;

impl Executor {
    /// The executor, which is of no loop: what counts is the thread that executes.
    #[must_use]
    pub fn new() -> Executor {
        Executor
    }
}

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future<Output: 'static> + 'static,
{
    fn execute(&self, future: F) {
        drop(aioli_task::spawn(future));
    }
}

/// The timers of the loop, its clock included: on a virtual clock hyper's timeouts are virtual too.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use aioli_net::hyper::Timer;
/// use hyper::rt::Timer as _;
///
/// aioli_task::run(async { Timer::new().sleep(Duration::from_millis(5)).await });
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Timer;

impl Timer {
    /// The timer, which is of no loop: what counts is where its sleeps are polled.
    #[must_use]
    pub fn new() -> Timer {
        Timer
    }
}

impl hyper::rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        // It counts from here, and not from the first poll.
        match self.now().checked_add(duration) {
            Some(deadline) => self.sleep_until(deadline),
            None => Box::pin(Sleep(aioli_time::sleep(f64::INFINITY))),
        }
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Sleep(aioli_time::sleep_until(deadline)))
    }

    fn now(&self) -> Instant {
        aioli_task::now()
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn hyper::rt::Sleep>>, deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<Sleep>() {
            // In the same box, which is what hyper resets for.
            Some(mut own) => *own = Sleep(aioli_time::sleep_until(deadline)),
            None => *sleep = self.sleep_until(deadline),
        }
    }
}

/// The future of [`Timer`]'s sleeps.
#[derive(Debug)]
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep(aioli_time::Sleep);

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl hyper::rt::Sleep for Sleep {}
