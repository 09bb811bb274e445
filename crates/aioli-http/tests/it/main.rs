//! Tests of the client against servers written here, on loopback ports the system picks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod auto_traits;
mod basics;
mod bodies;
mod cancel;
#[cfg(feature = "compression")]
mod codings;
mod connect;
mod foreign;
mod hostile;
mod middleware;
mod mock;
mod os;
mod redirects;
mod retries;
mod reuse;
mod server;
mod timeouts;
mod tls;
mod uploads;
