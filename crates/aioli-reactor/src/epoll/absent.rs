//! The place of the epoll driver on systems without epoll.

use std::io;
use std::time::Duration;

use crate::driver::Event;
use crate::os::RawSource;
use crate::ready::Ready;

/// Cannot be made.
#[derive(Debug)]
pub(crate) enum Driver {}

impl Driver {
    pub(crate) fn new() -> io::Result<Driver> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "epoll exists on Linux only",
        ))
    }

    pub(crate) fn register(&self, _source: RawSource, _token: usize) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn arm(&self, _source: RawSource, _token: usize, _: Ready) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn deregister(&self, _source: RawSource, _token: usize) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn wait(&self, _: Option<Duration>, _events: &mut Vec<Event>) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn notify(&self) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn close(&self) {
        match *self {}
    }
}
