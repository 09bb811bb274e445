//! Which files may be opened on the spot.

use super::OpenOptions;

#[test]
fn only_what_reads_and_nothing_else_is_tried_on_the_spot() {
    let reading = || OpenOptions::new().read(true);
    assert!(reading().only_reads());
    assert!(reading().write(false).create(false).only_reads());
    let others = [
        OpenOptions::new(),
        reading().read(false),
        reading().write(true),
        reading().append(true),
        reading().truncate(true),
        reading().create(true),
        reading().create_new(true),
        // What was taken back may have been for something.
        reading().write(true).write(false),
        OpenOptions::from(std::fs::OpenOptions::new()).read(true),
    ];
    for options in others {
        assert!(!options.only_reads(), "{options:?}");
    }
}

#[cfg(unix)]
#[test]
fn flags_of_ones_own_are_for_the_pool() {
    let options = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW);
    assert!(!options.only_reads());
}
