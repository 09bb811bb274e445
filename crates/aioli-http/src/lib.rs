//! An HTTP client with the feel of aiohttp's ClientSession.

#![forbid(unsafe_code)]

mod error;
mod h1;

pub use error::*;
