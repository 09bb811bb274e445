//! Tests that only some systems can run.

#[cfg(unix)]
mod unix;
