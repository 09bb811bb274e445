//! How much of a machine this process may use: its cores, and its quota of their time.

/// The cores that this thread may run on, and what limits their use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) quota: Option<Quota>,
}

/// So many microseconds of processor time in each period of so many, on all cores together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) time: u64,
    pub(crate) period: u64,
}

impl Machine {
    /// Whether a thread that is busy takes nothing from the others: there is another core, and the
    /// cores may be used all the time.
    pub(crate) fn has_core_to_spare(self) -> bool {
        let is_limited = |quota: Quota| !quota.lasts_for(self.cores);
        self.cores > 1 && !self.quota.is_some_and(is_limited)
    }
}

impl Quota {
    /// Whether so many cores can be busy all the time.
    fn lasts_for(self, cores: usize) -> bool {
        u128::from(self.time) >= u128::from(self.period) * cores as u128
    }
}

#[cfg(any(target_os = "linux", test))]
impl Quota {
    /// The one that allows less.
    pub(crate) fn min(self, other: Quota) -> Quota {
        let product = |a: u64, b: u64| u128::from(a) * u128::from(b);
        match product(self.time, other.period) <= product(other.time, self.period) {
            true => self,
            false => other,
        }
    }
}

#[cfg(test)]
mod tests;
