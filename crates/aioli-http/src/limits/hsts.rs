//! The bounds of a store of hosts, which outlives sessions and is shared by them.

/// What servers can make a store keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HstsBounds {
    /// Hosts of one site.
    pub(crate) per_site: u32,
    /// Hosts of a store.
    pub(crate) all: u32,
}

impl Default for HstsBounds {
    fn default() -> HstsBounds {
        HstsBounds {
            per_site: 180,
            all: 3000,
        }
    }
}
