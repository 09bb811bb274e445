//! What a coder says of one step.

use std::fmt;

use crate::error::BoxError;

/// What one step did.
pub(super) struct Step {
    pub(super) read: usize,
    pub(super) written: usize,
}

/// Why a body cannot be decoded.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "compression"),
    expect(dead_code, reason = "there is no coder that could fail")
)]
pub(super) enum Fault {
    /// It is not in its coding, or its checksum does not match.
    Corrupt(Option<BoxError>),
    /// It ended too early.
    Truncated,
    /// It went on after its end.
    Trailing,
    /// The decoder neither takes nor gives.
    Stuck,
    /// It wants a larger window than of so many bytes.
    Window(usize),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Corrupt(_) => "the coded data is corrupt",
            Fault::Truncated => "the coded data is cut off",
            Fault::Trailing => "there is something after the end of the coded data",
            Fault::Stuck => "the decoder makes no progress",
            Fault::Window(_) => "the window is too large",
        })
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Fault::Corrupt(source) => source.as_deref().map(|source| source as _),
            _ => None,
        }
    }
}
