//! How the path of a file is cut into its folder and its name.

use super::parent_and_name;

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
