//! No content codings: the feature `compression` is off, and bodies stay as they come.

use super::step::{Fault, Step};
use crate::error::Coding;

/// There is none.
pub(super) enum Coder {}

impl Coder {
    pub(super) fn new(_coding: Coding, _window: usize) -> Option<Coder> {
        None
    }

    pub(super) fn step(&mut self, _input: &[u8], _output: &mut [u8]) -> Result<Step, Fault> {
        match *self {}
    }

    pub(super) fn is_complete(&self) -> bool {
        match *self {}
    }
}
