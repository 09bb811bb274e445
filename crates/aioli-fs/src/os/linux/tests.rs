//! What is opened on the spot, and what that depends on.

use super::{Name, open_plain_after, open_plain_now, read_whole, read_whole_now};
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

/// What is put in the place of a file between the two looks at it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Swap {
    Nothing,
    File,
    Pipe,
    Folder,
    Link,
    LinkBack,
    Gone,
}

pub(super) const SWAPS: [Swap; 7] = [
    Swap::Nothing,
    Swap::File,
    Swap::Pipe,
    Swap::Folder,
    Swap::Link,
    Swap::LinkBack,
    Swap::Gone,
];

/// A folder of its own, which goes with this.
pub(super) struct Place(PathBuf);

impl Place {
    /// With a file `name` that holds `first`, one that holds `second`, and the others.
    pub(super) fn new(test: &str) -> Place {
        let name = format!("aioli-fs-{test}-{}", std::process::id());
        let place = Place(std::env::temp_dir().join(name));
        let _ = std::fs::remove_dir_all(&place.0);
        std::fs::create_dir(&place.0).unwrap();
        place.renew();
        place
    }

    pub(super) fn name(&self) -> PathBuf {
        self.0.join("name")
    }

    pub(super) fn other(&self) -> PathBuf {
        self.0.join("other")
    }

    /// Where the file is that was there before.
    pub(super) fn moved(&self) -> PathBuf {
        self.0.join("moved")
    }

    pub(super) fn renew(&self) {
        for entry in std::fs::read_dir(&self.0).unwrap() {
            let path = entry.unwrap().path();
            std::fs::remove_file(&path)
                .or_else(|_| std::fs::remove_dir(&path))
                .unwrap();
        }
        std::fs::write(self.name(), "first").unwrap();
        std::fs::write(self.other(), "second").unwrap();
    }

    pub(super) fn swap(&self, swap: Swap) {
        let name = self.name();
        if swap != Swap::Nothing {
            std::fs::rename(&name, self.moved()).unwrap();
        }
        match swap {
            Swap::Nothing | Swap::Gone => {}
            Swap::File => std::fs::copy(self.other(), name).map(drop).unwrap(),
            Swap::Folder => std::fs::create_dir(name).unwrap(),
            Swap::Link => std::os::unix::fs::symlink("other", name).unwrap(),
            Swap::LinkBack => std::os::unix::fs::symlink("moved", name).unwrap(),
            Swap::Pipe => {
                let made = std::process::Command::new("mkfifo").arg(name).status();
                assert!(made.unwrap().success());
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What is opened is what was looked at, or the job opens what is there by then.
#[test]
fn a_file_that_is_swapped_before_it_is_opened_is_left_to_the_job() {
    if !opens_now() {
        return;
    }
    let place = Place::new("swapped-before-open");
    for swap in SWAPS {
        // Somebody who changes a folder on the way just then hinders one attempt.
        let opened = (0..1000).find_map(|_| {
            place.renew();
            let mut has_swapped = false;
            let name = Name::new(&place.name());
            let opened = open_plain_after(&name, || {
                place.swap(swap);
                has_swapped = true;
            });
            let is_same = matches!(swap, Swap::Nothing | Swap::LinkBack);
            (has_swapped && opened.is_some() >= is_same).then_some(opened)
        });
        match (swap, opened.expect("it is found in memory sometimes")) {
            (Swap::Nothing | Swap::LinkBack, Some(file)) => {
                assert_eq!(io::read_to_string(&file).unwrap(), "first");
            }
            (Swap::Nothing | Swap::LinkBack, None) => unreachable!("tried until it was opened"),
            (_, opened) => assert!(opened.is_none(), "{swap:?}: {opened:?}"),
        }
    }
}

/// A file is opened once and read to its end, whatever is put in its place.
#[test]
fn a_file_that_is_swapped_while_it_is_read_is_read_to_its_end() {
    let place = Place::new("swapped-while-read");
    for swap in SWAPS {
        place.renew();
        let opened = File::open(place.name()).unwrap();
        place.swap(swap);
        let data = read_whole(&Name::new(&place.name()), Some(opened));
        assert_eq!(data.unwrap(), b"first", "{swap:?}");
    }
}
