//! The place of the drivers that exist on Linux only, on other systems.

use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use crate::driver::{Event, Trigger};
use crate::operation::{OperationStats, Slot};
use crate::os::RawSource;
use crate::ready::Ready;

/// Cannot be made.
#[derive(Debug)]
pub(crate) enum Driver {}

impl Driver {
    pub(crate) fn new() -> io::Result<Driver> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "it exists on Linux only",
        ))
    }

    #[cfg(test)]
    pub(crate) fn each() -> Vec<io::Result<Driver>> {
        Vec::new()
    }

    pub(crate) fn register(&self, _source: RawSource, _token: usize) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn register_pollable(&self, _source: RawSource, _token: usize) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn needs_arming(&self) -> bool {
        match *self {}
    }

    pub(crate) fn arm(&self, _source: RawSource, _token: usize, _: Ready) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn watch(&self, _: RawSource, _token: usize, _: Trigger) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn deregister(&self, _source: RawSource, _token: usize) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn wait(&self, _: Option<Duration>, _events: &mut Vec<Event>) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn turn(
        &self,
        _: Option<Duration>,
        _events: &mut Vec<Event>,
        _woken: &mut Vec<Waker>,
    ) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn notify(&self) -> io::Result<()> {
        match *self {}
    }

    /// There is no notifier either.
    pub(crate) fn beside(_: Arc<()>) -> io::Result<Driver> {
        Driver::new()
    }

    pub(crate) fn notifier(&self) -> Arc<()> {
        match *self {}
    }

    pub(crate) fn before_wait(&self) -> io::Result<bool> {
        match *self {}
    }

    pub(crate) fn after_wait(&self, _woken: &mut Vec<Waker>) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn stats(&self) -> OperationStats {
        match *self {}
    }

    pub(crate) fn start(&self, _slot: Arc<Slot>) {
        match *self {}
    }

    pub(crate) fn cancel(&self, _key: u64) {
        match *self {}
    }

    pub(crate) fn close(&self, _woken: &mut Vec<Waker>) {
        match *self {}
    }
}
