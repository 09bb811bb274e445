//! Sets of directions: what became ready, and what is waited for.

use std::ops::BitOr;

/// The direction somebody waits for.
///
/// # Examples
///
/// ```
/// use aioli_reactor::{Interest, Registration};
/// use futures::executor::block_on;
/// use std::net::TcpListener;
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// listener.set_nonblocking(true)?;
/// let registration = Registration::new(&listener)?;
/// let client = std::net::TcpStream::connect(listener.local_addr()?)?;
/// block_on(registration.ready(Interest::Readable))?;
/// assert_eq!(listener.accept()?.1, client.local_addr()?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interest {
    /// There is something to read, somebody to accept, or the other side has closed.
    Readable,
    /// There is room to write, or a connection has been made or refused.
    Writable,
}

/// A set of directions, with the sticky bits that say that a direction has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ready(u8);

impl Ready {
    pub(crate) const NONE: Ready = Ready(0);
    pub(crate) const READABLE: Ready = Ready(1);
    pub(crate) const WRITABLE: Ready = Ready(2);
    /// There will be no more than what can be read now. A short read does not clear it.
    pub(crate) const READ_CLOSED: Ready = Ready(4);
    /// Writing has ended. A short write does not clear it.
    pub(crate) const WRITE_CLOSED: Ready = Ready(8);

    /// Every bit lies under this mask.
    pub(crate) const MASK: usize = 15;

    #[inline]
    pub(crate) fn bits(self) -> usize {
        usize::from(self.0)
    }

    #[inline]
    pub(crate) fn from_bits(bits: usize) -> Ready {
        Ready((bits & Ready::MASK) as u8)
    }

    #[inline]
    pub(crate) fn intersects(self, other: Ready) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn contains(self, other: Ready) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Ready {
    type Output = Ready;

    #[inline]
    fn bitor(self, other: Ready) -> Ready {
        Ready(self.0 | other.0)
    }
}

impl Interest {
    /// The plain bit of this direction.
    #[inline]
    pub(crate) fn ready(self) -> Ready {
        match self {
            Interest::Readable => Ready::READABLE,
            Interest::Writable => Ready::WRITABLE,
        }
    }

    /// The sticky bit of this direction.
    #[inline]
    pub(crate) fn closed(self) -> Ready {
        match self {
            Interest::Readable => Ready::READ_CLOSED,
            Interest::Writable => Ready::WRITE_CLOSED,
        }
    }
}
