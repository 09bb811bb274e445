//! The command as its users run it: as a process, against servers that behave and that do not.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod command;
mod config;
mod fetch;
mod get;
mod interrupt;
mod jsonl;
mod like_curl;
mod resume;
mod secure;
mod server;
mod tour;
mod transfers;
#[path = "../../../aioli-http/tests/servers/vacant.rs"]
mod vacant;
mod way;
