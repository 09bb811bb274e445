//! Buffers that begin where direct I/O wants them to.

use crate::part::Part;
use std::{
    fmt,
    ops::{Deref, DerefMut},
};

/// What every disk is content with: a page.
const ALIGNMENT: usize = 4096;

/// A buffer whose address is a multiple of 4096, as files that are opened with `O_DIRECT` want it.
///
/// Its length and the offsets in the file have to be multiples of what the disk asks for, too;
/// 4096 suits all.
///
/// # Examples
///
/// Reads past the page cache keep a disk busy when many are asked for at once:
///
/// ```
/// # #[cfg(target_os = "linux")]
/// # aioli_task::run(async {
/// use aioli_fs::{AlignedBuf, OpenOptions};
///
/// # let dir = aioli_fs::TempDir::new().await?;
/// # let path = dir.path().join("a");
/// # aioli_fs::write(&path, vec![7; 32 * 4096]).await?;
/// let direct = OpenOptions::new().read(true).custom_flags(libc::O_DIRECT);
/// # let Ok(_) = direct.open(&path).await else { return Ok(()) };
/// let file = direct.open(&path).await?;
/// let reads = (0..32).map(|n| file.read_at_owned(AlignedBuf::new(4096), n * 4096));
/// for (read, buf) in futures::future::join_all(reads).await {
///     assert_eq!(&buf[..read?], [7; 4096]);
/// }
/// # Ok::<(), aioli_fs::Error>(())
/// # }).unwrap();
/// ```
///
/// It is used like a slice:
///
/// ```
/// use aioli_fs::AlignedBuf;
///
/// let mut buf = AlignedBuf::new(8192);
/// assert!(buf.as_ptr().addr().is_multiple_of(4096));
/// buf[..5].copy_from_slice(b"hello");
/// assert_eq!((buf.len(), &buf[..6]), (8192, &b"hello\0"[..]));
/// ```
pub struct AlignedBuf(pub(crate) Part);

impl AlignedBuf {
    /// A buffer of `len` zeros.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(aioli_fs::AlignedBuf::new(4096).iter().all(|byte| *byte == 0));
    /// ```
    #[must_use]
    pub fn new(len: usize) -> Self {
        // The memory of a `Vec` that is never grown stays where it is, wherever the `Vec` goes.
        let memory = vec![0; len + ALIGNMENT - 1];
        let start = memory.as_ptr().addr().wrapping_neg() % ALIGNMENT;
        let range = start..start + len;
        Self(Part { memory, range })
    }
}

impl Deref for AlignedBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl DerefMut for AlignedBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.0.bytes_mut()
    }
}

impl AsRef<[u8]> for AlignedBuf {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for AlignedBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlignedBuf")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
