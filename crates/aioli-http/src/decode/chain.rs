//! Codings in a row: each takes its input from the one before it, the first from the network.

use bytes::{Buf as _, Bytes};

use super::coder::Coder;
use super::step::Fault;
use super::{Failure, MAX_PIECE};
use crate::error::Coding;

/// What a [`Chain`] has come to.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Pull {
    /// So many bytes were decoded.
    Data(usize),
    /// More input is needed.
    Hungry,
    /// The body has ended where it should.
    End,
}

/// The decoders of one body, the outermost coding first.
pub(super) struct Chain {
    stages: Vec<Stage>,
}

/// One decoder and what waits for it.
struct Stage {
    coding: Coding,
    coder: Coder,
    input: Bytes,
    /// No more input comes after `input`.
    over: bool,
    /// There has been input. A body without any is an empty one in every coding.
    begun: bool,
    /// The last output was filled to the brim, so the coder may have more without input.
    brimful: bool,
    /// Where the output for the next stage is put; the last one has the caller's.
    scratch: Vec<u8>,
}

impl Chain {
    /// Makes the decoders of `codings`, which are in the order in which they were applied; a
    /// `zstd` window has at most `window` bytes.
    pub(super) fn new(codings: &[Coding], window: usize) -> Option<Chain> {
        let stages = codings.iter().rev().map(|coding| {
            Some(Stage {
                coding: *coding,
                coder: Coder::new(*coding, window)?,
                input: Bytes::new(),
                over: false,
                begun: false,
                brimful: false,
                scratch: Vec::new(),
            })
        });
        Some(Chain {
            stages: stages.collect::<Option<_>>()?,
        })
    }

    /// Gives more input; the last one was used up.
    pub(super) fn push(&mut self, piece: Bytes) {
        self.stages[0].push(piece);
    }

    /// Tells that there is no more input.
    pub(super) fn end(&mut self) {
        self.stages[0].over = true;
    }

    /// Decodes into `out`, which is not empty.
    ///
    /// # Errors
    ///
    /// What is wrong in which coding; after that the chain is useless.
    pub(super) fn pull(&mut self, out: &mut [u8]) -> Result<Pull, Failure> {
        debug_assert!(!out.is_empty(), "nothing could come out");
        pull(&mut self.stages, out)
    }
}

/// Lets the last of `stages` decode, and those before it as far as it needs them.
fn pull(stages: &mut [Stage], out: &mut [u8]) -> Result<Pull, Failure> {
    let (last, before) = stages.split_last_mut().expect("a chain is never empty");
    loop {
        let written = last.step(out)?;
        if written > 0 {
            return Ok(Pull::Data(written));
        }
        if !last.input.is_empty() {
            continue;
        }
        if last.over {
            return last.end().map(|()| Pull::End);
        }
        let Some((nearest, _)) = before.split_last_mut() else {
            return Ok(Pull::Hungry);
        };
        let mut scratch = std::mem::take(&mut nearest.scratch);
        scratch.resize(MAX_PIECE, 0);
        let pulled = pull(before, &mut scratch)?;
        match pulled {
            Pull::Data(n) => last.push(Bytes::copy_from_slice(&scratch[..n])),
            Pull::End => last.over = true,
            Pull::Hungry => {}
        }
        if let Some((nearest, _)) = before.split_last_mut() {
            nearest.scratch = scratch;
        }
        if pulled == Pull::Hungry {
            return Ok(Pull::Hungry);
        }
    }
}

impl Stage {
    fn push(&mut self, piece: Bytes) {
        debug_assert!(
            self.input.is_empty(),
            "input is used up before there is more"
        );
        self.begun |= !piece.is_empty();
        self.input = piece;
    }

    /// Decodes once. Nothing written means that all input is used, or that it took some: each
    /// call comes nearer to the end.
    fn step(&mut self, out: &mut [u8]) -> Result<usize, Failure> {
        // Without input only what is left over can come out; decoders take other calls amiss.
        if self.input.is_empty() && !self.brimful {
            return Ok(0);
        }
        let step = self
            .coder
            .step(&self.input, out)
            .map_err(|fault| self.failure(fault))?;
        self.brimful = step.written == out.len();
        if step.read == 0 && step.written == 0 && !self.input.is_empty() {
            return Err(self.failure(Fault::Stuck));
        }
        self.input.advance(step.read);
        Ok(step.written)
    }

    fn end(&self) -> Result<(), Failure> {
        if self.begun && !self.coder.is_complete() {
            return Err(self.failure(Fault::Truncated));
        }
        Ok(())
    }

    fn failure(&self, fault: Fault) -> Failure {
        Failure {
            coding: self.coding,
            fault,
        }
    }
}
