//! The bounds of what servers make a client keep, by the sites that they belong to.

/// How much there may be in a store that outlives sessions and is shared by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SiteBounds {
    /// Of one site.
    pub(crate) per_site: u32,
    /// Of all of them.
    pub(crate) all: u32,
}

impl SiteBounds {
    /// At least one of each.
    pub(super) fn new(per_site: usize, all: usize) -> SiteBounds {
        SiteBounds {
            per_site: super::bound(per_site.max(1)),
            all: super::bound(all.max(1)),
        }
    }
}

impl Default for SiteBounds {
    fn default() -> SiteBounds {
        SiteBounds::new(180, 3000)
    }
}
