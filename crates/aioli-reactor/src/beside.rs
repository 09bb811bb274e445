//! A ring for files beside a driver that only tells readiness.
//!
//! ```text
//!              asked for                 first pass               the loop ends
//!   (nothing) ───────────▶ Made, unused ───────────▶ in use ──────────────────────▶ closed
//!        │                 or refused: none                                            ▲
//!        └─────────────────────────── the loop ends: none for ever ────────────────────┘
//! ```
//!
//! The contract, besides that of `operation`:
//!
//! 1. **It costs nothing until it is asked for**: no descriptor, no memory, and one load a pass.
//! 2. **It never waits.** The driver does, and the kernel writes to that driver's eventfd when an
//!    operation has ended; so does whoever asks for something on another thread.
//! 3. **Each pass looks at it twice**: before the wait, to hand over in one system call all that
//!    was asked for, and after it, to take what has ended. A wait does not sleep when something
//!    has ended before it.
//! 4. **A refusal is remembered**, and told by an event once: who wants an operation takes threads.
//! 5. **The home thread alone enters it**, though any thread may make it.
//! 6. **It is closed with its loop**, before the driver is: what the kernel has is asked to end and
//!    waited for. A loop that has ended makes none.

use std::io;
use std::sync::OnceLock;
use std::task::Waker;

use crate::uring;

/// The place of a ring beside a driver. The ring is large, and most loops have none.
#[derive(Debug, Default)]
pub(crate) struct Beside(OnceLock<Option<Box<uring::Driver>>>);

impl Beside {
    /// The ring, if one was asked for before.
    pub(crate) fn get(&self) -> Option<&uring::Driver> {
        self.0.get()?.as_deref()
    }

    /// The ring, made now if nobody has tried to; `None` of `make` says that there can be none.
    pub(crate) fn get_or_make(
        &self,
        make: impl FnOnce() -> Option<io::Result<uring::Driver>>,
    ) -> Option<&uring::Driver> {
        let make = || match make()? {
            Ok(ring) => Some(Box::new(ring)),
            Err(error) => {
                tracing::debug!(%error, "a ring for files is refused; threads take its place");
                None
            }
        };
        self.0.get_or_init(make).as_deref()
    }

    /// The loop has ended.
    pub(crate) fn close(&self, woken: &mut Vec<Waker>) {
        if let Some(ring) = self.0.get_or_init(|| None) {
            ring.close(woken);
        }
    }
}
