//! The errors of buffered reading.

use std::io;

use thiserror::Error;

/// Why a [`StreamReader`](crate::StreamReader) has not read what was asked for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The stream has ended before.
    #[error(transparent)]
    Incomplete(IncompleteRead),
    /// A line or a separator was not within the limit.
    #[error(transparent)]
    Overrun(LimitOverrun),
    /// No separator was given, or an empty one.
    #[error("a separator must have at least one byte")]
    Separator,
    /// The stream failed.
    #[error(transparent)]
    Io(io::Error),
}

/// The stream has ended before everything was there. What was there is in the error.
#[doc(alias = "asyncio.IncompleteReadError")]
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the stream ended after {} bytes, before {}", partial.len(), wanted(*expected))]
#[non_exhaustive]
pub struct IncompleteRead {
    /// What was there; it is no longer in the buffer.
    pub partial: Vec<u8>,
    /// How much was asked for; `None` where a separator was.
    pub expected: Option<usize>,
}

fn wanted(expected: Option<usize>) -> String {
    match expected {
        Some(n) => format!("all {n}"),
        None => "the separator".to_owned(),
    }
}

/// No separator within the limit.
#[doc(alias = "asyncio.LimitOverrunError")]
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{} longer than the limit: {consumed} bytes", wherefore(*found))]
#[non_exhaustive]
pub struct LimitOverrun {
    /// So many bytes of the buffer are surely before the separator.
    pub consumed: usize,
    /// The separator is in the buffer, after `consumed` bytes.
    pub found: bool,
}

fn wherefore(found: bool) -> &'static str {
    match found {
        true => "the separator was found, but what precedes it is",
        false => "the separator was not found, and what there is is",
    }
}

impl ReadError {
    /// The kind of the error in the terms of [`io::Error`].
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            ReadError::Incomplete(_) => io::ErrorKind::UnexpectedEof,
            ReadError::Overrun(_) => io::ErrorKind::InvalidData,
            ReadError::Separator => io::ErrorKind::InvalidInput,
            ReadError::Io(error) => error.kind(),
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> ReadError {
        ReadError::Io(error)
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> io::Error {
        match error {
            ReadError::Io(error) => error,
            other => io::Error::new(other.kind(), other),
        }
    }
}
