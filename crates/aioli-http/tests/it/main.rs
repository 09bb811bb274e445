//! Tests of the client against servers written here, on loopback ports the system picks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod auth;
mod auto_traits;
mod basics;
mod bodies;
mod cancel;
mod certificates;
#[cfg(feature = "compression")]
mod codings;
mod connect;
mod cookies;
mod expect;
mod foreign;
mod hostile;
mod hsts;
#[cfg(feature = "http2")]
mod http2;
#[cfg(feature = "http2")]
mod http2_hostile;
#[cfg(feature = "http2")]
mod http2_server;
#[cfg(feature = "http2")]
mod http2_windows;
mod leaks;
mod limits;
mod middleware;
mod mock;
mod network;
mod os;
mod proxy;
mod raw;
mod redirects;
mod retries;
mod reuse;
mod server;
mod sessions;
mod shown;
mod speed;
mod timeouts;
mod tls;
mod traces;
mod tunnels;
mod upgrades;
mod uploads;
#[path = "../servers/vacant.rs"]
mod vacant;
