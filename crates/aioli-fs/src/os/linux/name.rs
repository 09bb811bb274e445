//! A path as the kernel takes it: with a zero behind it, made when the operation is.
#![expect(unsafe_code, reason = "that there is no zero in it was looked at once")]

use std::{
    ffi::{CStr, OsStr},
    fmt,
    os::unix::ffi::OsStrExt,
    path::Path,
};

/// How many bytes there are beside the operation itself, so that a usual path needs no memory of
/// its own.
const PLACE: usize = 128;

/// An owned path that can be given to the kernel.
pub(crate) struct Name {
    /// The path, and at least one zero.
    place: Place,
    len: usize,
    /// Whether there is a zero within the path, which the kernel would take for its end.
    has_zero: bool,
}

enum Place {
    Here([u8; PLACE]),
    There(Box<[u8]>),
}

impl Name {
    pub(crate) fn new(path: &Path) -> Self {
        let path = path.as_os_str().as_bytes();
        let len = path.len();
        if len < PLACE {
            let mut bytes = [0; PLACE];
            bytes[..len].copy_from_slice(path);
            // To count in a place of fixed size takes less than to search in one of any.
            let n_zeros: u8 = bytes.iter().map(|byte| u8::from(*byte == 0)).sum();
            let has_zero = usize::from(n_zeros) != PLACE - len;
            let place = Place::Here(bytes);
            return Self {
                place,
                len,
                has_zero,
            };
        }
        let mut bytes = Vec::with_capacity(len + 1);
        bytes.extend_from_slice(path);
        bytes.push(0);
        let place = Place::There(bytes.into_boxed_slice());
        let has_zero = path.contains(&0);
        Self {
            place,
            len,
            has_zero,
        }
    }

    pub(crate) fn as_path(&self) -> &Path {
        let bytes = &self.bytes_with_zero()[..self.len];
        Path::new(OsStr::from_bytes(bytes))
    }

    /// `None` if the path has a zero within it, which no file has.
    pub(crate) fn as_c_str(&self) -> Option<&CStr> {
        if self.has_zero {
            return None;
        }
        // SAFETY: the byte behind the path is a zero, and `has_zero` says that no other is.
        Some(unsafe { CStr::from_bytes_with_nul_unchecked(self.bytes_with_zero()) })
    }

    fn bytes_with_zero(&self) -> &[u8] {
        match &self.place {
            Place::Here(bytes) => &bytes[..=self.len],
            Place::There(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_path().fmt(f)
    }
}

#[cfg(test)]
mod tests;
