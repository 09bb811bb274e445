//! Parts know what they were made for.

use super::{OwnedBuf, Part};
use crate::aligned::AlignedBuf;

#[test]
fn an_aligned_part_is_known_wherever_its_memory_begins() {
    for len in [0, 1, 4096] {
        assert!(AlignedBuf::new(len).into_part().is_aligned());
        assert!(!vec![0; len].into_part().is_aligned());
    }
    // Some allocators give a page to whom asks for so much.
    let memory = vec![0; 4096 + 4095];
    assert!(
        Part {
            memory,
            range: 0..4096
        }
        .is_aligned()
    );
}
