//! What comes no faster than `--limit-rate` says.

use std::time::{Duration, Instant};

use aioli::prelude::*;

/// The pace of one download: bytes a second, on average since it began.
pub(super) struct Pace {
    /// No limit if there is none, or if it is 0, as curl has it.
    rate: Option<u64>,
    began: Instant,
    bytes: u64,
}

impl Pace {
    pub(super) fn new(rate: Option<u64>) -> Pace {
        Pace {
            rate: rate.filter(|rate| *rate > 0),
            began: Instant::now(),
            bytes: 0,
        }
    }

    /// Waits until so many bytes more may have come. What the server sends meanwhile it is not
    /// asked for: nobody reads it.
    pub(super) async fn spend(&mut self, bytes: usize) {
        let Some(rate) = self.rate else { return };
        self.bytes += bytes as u64;
        let due = Duration::from_secs_f64(self.bytes as f64 / rate as f64);
        let wait = due.saturating_sub(self.began.elapsed());
        if !wait.is_zero() {
            sleep(wait).await;
        }
    }
}
