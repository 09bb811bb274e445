//! What is opened on the spot, and what that depends on.

use super::{Name, open_plain_now, read_whole_now};
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Whether this binary is found on the spot. Somebody who changes a folder on the way just then
/// hinders one attempt.
fn opens_now() -> bool {
    let name = Name::new(&std::env::current_exe().unwrap());
    (0..1000).any(|_| open_plain_now(&name).is_some())
}

/// Whether it is a device that this process may not open, as containers have them.
fn is_refused(path: &Path) -> bool {
    let is_device = |found: std::fs::Metadata| found.file_type().is_block_device();
    let is_refusal = |error: io::Error| error.raw_os_error() == Some(libc::EPERM);
    let mut options: OpenOptions = File::options();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    std::fs::metadata(path).is_ok_and(is_device) && options.open(path).is_err_and(is_refusal)
}

/// Such a device is refused by the error by which a sandbox refuses the call.
#[test]
fn a_device_that_may_not_be_opened_is_no_reason_to_open_nothing() {
    if !opens_now() {
        return;
    }
    let entries = std::fs::read_dir("/dev").unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    for path in paths.filter(|path: &PathBuf| is_refused(path)) {
        read_whole_now(&Name::new(&path));
        assert!(opens_now(), "{path:?}");
    }
}
