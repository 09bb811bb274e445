//! How the path of a file is cut into its folder and its name, and what is emptied.

use super::super::tests::{Place, SWAPS, Swap};
use super::{open_old_after, parent_and_name};
use std::{
    ffi::CString,
    fs,
    os::unix::{ffi::OsStringExt, fs::OpenOptionsExt},
};

#[test]
fn a_path_is_cut_at_its_last_slash() {
    for (path, parent, name) in [
        ("a", ".", "a"),
        ("/a", "/", "a"),
        ("b/a", "b", "a"),
        ("/c/b/a.txt", "/c/b", "a.txt"),
        ("b//a", "b/", "a"),
        ("../...", "..", "..."),
    ] {
        let cut = parent_and_name(path.as_bytes());
        assert_eq!(cut, Some((parent.as_bytes(), name.as_bytes())), "{path}");
    }
}

#[test]
fn what_can_only_be_a_folder_has_no_name() {
    for path in ["", "/", "a/", "a//", ".", "..", "a/.", "a/..", "/.."] {
        assert_eq!(parent_and_name(path.as_bytes()), None, "{path}");
    }
}

/// What has been put in the place of a plain file is emptied if it is one, and left to the job
/// otherwise, which does to it what a write does.
#[test]
fn what_is_swapped_before_it_is_emptied_is_left_to_the_job() {
    let place = Place::new("swapped-before-write");
    let path = CString::new(place.name().into_os_string().into_vec()).unwrap();
    for swap in SWAPS {
        for is_read in [false, true] {
            place.renew();
            let mut reader = None;
            let opened = open_old_after(libc::AT_FDCWD, &path, || {
                place.swap(swap);
                if swap == Swap::Pipe && is_read {
                    let mut options = fs::File::options();
                    options.read(true).custom_flags(libc::O_NONBLOCK);
                    reader = Some(options.open(place.name()).unwrap());
                }
            });
            let is_file = matches!(swap, Swap::Nothing | Swap::File);
            assert_eq!(opened.is_some(), is_file, "{swap:?}");
            if is_file {
                assert_eq!(fs::read(place.name()).unwrap(), b"", "{swap:?}");
            }
            if swap != Swap::Nothing && swap != Swap::Gone {
                assert_eq!(fs::read(place.moved()).unwrap(), b"first", "{swap:?}");
            }
            assert_eq!(fs::read(place.other()).unwrap(), b"second", "{swap:?}");
        }
    }
}
