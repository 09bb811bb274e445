//! The bounds of a jar, which outlives sessions and is shared by them.

use super::SiteBounds;

/// What a server can make a jar keep, and what a jar can make a request carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CookieBounds {
    /// `set-cookie` lines of one response that are looked at.
    pub(crate) lines: u32,
    /// Bytes of the name and the value of one cookie.
    pub(crate) pair: u32,
    /// Cookies of one site, and of a jar.
    pub(crate) kept: SiteBounds,
    /// Bytes of the `cookie` line of a request.
    pub(crate) header: u32,
}

impl Default for CookieBounds {
    fn default() -> CookieBounds {
        CookieBounds {
            lines: 50,
            pair: 4096,
            kept: SiteBounds::default(),
            header: 8190,
        }
    }
}
