//! Files for secrets: what each system can do about who may read them.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Creates a file that nobody else may read, where the system can express that.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}
