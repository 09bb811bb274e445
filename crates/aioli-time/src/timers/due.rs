//! The wakers of the timers that are due, on their way out of the lock.

use std::iter::Chain;
use std::task::Waker;
use std::{option, vec};

/// What is due, in order. Nearly always it is one, and only more pay for an allocation.
#[derive(Debug, Default)]
pub(crate) struct Due {
    first: Option<Waker>,
    rest: Vec<Waker>,
}

impl Due {
    pub(super) fn push(&mut self, waker: Waker) {
        match self.first {
            None => self.first = Some(waker),
            Some(_) => self.rest.push(waker),
        }
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }
}

impl IntoIterator for Due {
    type Item = Waker;
    type IntoIter = Chain<option::IntoIter<Waker>, vec::IntoIter<Waker>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.rest)
    }
}
