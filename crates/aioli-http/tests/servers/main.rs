//! The client against servers that others have written, each a process on a free port.
//!
//! `cargo xtask servers` finds or fetches the programs and runs these tests with a variable for
//! each that it has, `AIOLI_SERVER_NGINX` and so on, which names the program. Without its variable
//! a test does nothing: what is not there is the task's to report.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod authority;
mod differential;
mod httpbin;
mod nginx;
#[cfg(feature = "http2")]
mod nginx_h2;
mod nginx_tls;
mod part;
mod proxies;
mod relay;
mod vacant;
