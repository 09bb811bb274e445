//! What a tree keeps when it is used again.

use std::sync::Arc;

use super::*;

fn leave(tree: &Tree, key: Key) {
    let mut after = After::default();
    let mut entries = tree.lock();
    let at = entries.live(key).unwrap();
    entries.leave_at_once(at, &mut after);
    drop(entries);
    after.run();
}

fn add(tree: &Tree) -> Key {
    let mut entries = tree.lock();
    let root = entries.live(Key::ROOT);
    entries.add(root, New::default())
}

#[test]
fn a_key_of_before_finds_nothing() {
    let tree = Tree::new();
    let address = Arc::as_ptr(&tree);
    let old = [add(&tree), add(&tree)];
    for key in old {
        leave(&tree, key);
    }
    tree.leave();
    tree.retire();

    let tree = Tree::new();
    assert_eq!(Arc::as_ptr(&tree), address, "it is used again");
    assert_eq!(tree.count_below(), 0);
    let new = [add(&tree), add(&tree)];
    for key in old {
        assert!(!new.contains(&key));
        assert!(tree.lock().live(key).is_none());
    }
    assert_eq!(tree.count_below(), 2);
}

#[test]
fn a_tree_is_used_again_when_the_root_did_not_leave_last() {
    let tree = Tree::new();
    let address = Arc::as_ptr(&tree);
    let late = add(&tree);
    tree.leave();
    leave(&tree, late);
    tree.retire();
    let tree = Tree::empty();
    assert_eq!(Arc::as_ptr(&tree), address);
    assert_eq!(tree.lock().add(None, New::default()), Key::ROOT);
}

#[test]
fn a_tree_that_somebody_refers_to_is_not_used_again() {
    let tree = Tree::new();
    let held = tree.clone();
    tree.leave();
    tree.retire();
    assert!(spares::take(&SPARE).is_none());
    held.retire();
    assert!(spares::take(&SPARE).is_some());
}

#[test]
fn a_tree_in_which_an_entry_was_forgotten_is_not_used_again() {
    let tree = Tree::new();
    let _ = add(&tree);
    tree.leave();
    tree.retire();
    assert!(spares::take(&SPARE).is_none());
}
