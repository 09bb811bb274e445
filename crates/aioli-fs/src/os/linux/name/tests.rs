//! A path comes back as it was, and a zero within it is seen.

use super::{Name, PLACE};
use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};

#[test]
fn paths_of_all_lengths_come_back_with_a_zero_behind() {
    for len in 0..3 * PLACE {
        let path = "p".repeat(len);
        let name = Name::new(Path::new(&path));
        assert_eq!(name.as_path(), Path::new(&path));
        assert_eq!(name.as_c_str().unwrap().to_bytes(), path.as_bytes());
    }
}

#[test]
fn a_zero_within_a_path_is_seen_wherever_it_is() {
    for len in [1, 2, PLACE - 1, PLACE, PLACE + 1] {
        for at in [0, len / 2, len - 1] {
            let mut path = vec![b'p'; len];
            path[at] = 0;
            let path = Path::new(OsStr::from_bytes(&path));
            let name = Name::new(path);
            assert!(name.as_c_str().is_none(), "{at} of {len}");
            assert_eq!(name.as_path(), path);
        }
    }
}
