//! The files that workloads read and write.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Result, Run, alloc};

/// How many small files there are.
pub const SMALL: usize = 20_000;
/// The size of a small file.
pub const SMALL_SIZE: usize = 4096;
/// The size of the large file.
pub const LARGE_SIZE: usize = 256 << 20;

/// How many places are tried for a buffer.
const TRIES: usize = 8;
/// Lines of the cache and pages are not shorter.
const LINE: usize = 64;
const PAGE: usize = 4096;

/// Returns the small files, made on first use and in the page cache from then on.
///
/// # Errors
///
/// The directory of the run cannot be written.
pub fn small(run: &Run) -> Result<Vec<PathBuf>> {
    let dir = run.files().join("small");
    let paths: Vec<_> = (0..SMALL).map(|n| dir.join(format!("{n:05}"))).collect();
    if !dir.is_dir() {
        made_whole(&dir, |dir| {
            fs::create_dir_all(dir)?;
            for n in 0..SMALL {
                fs::write(dir.join(format!("{n:05}")), [b'x'; SMALL_SIZE])?;
            }
            Ok(())
        })?;
    }
    Ok(paths)
}

/// Returns the large file, made on first use and in the page cache from then on.
///
/// # Errors
///
/// The directory of the run cannot be written.
pub fn large(run: &Run) -> Result<PathBuf> {
    let path = run.files().join("large");
    if !path.is_file() {
        fs::create_dir_all(run.files())?;
        made_whole(&path, |path| Ok(fs::write(path, vec![b'x'; LARGE_SIZE])?))?;
    }
    Ok(path)
}

/// Returns a buffer of zeroes for pieces of the large file, which begins where a line of the cache does.
///
/// Copies to elsewhere take up to a quarter longer, and copies to where a page begins a little: where a
/// buffer of this size happens to be is not to be what is measured. An allocator that cannot be brought
/// to it gives what it has.
pub fn room(size: usize) -> Vec<u8> {
    let room = vec![0; size];
    if is_well_placed(&room) {
        return room;
    }
    // One buffer is what it is for who counts; those of other threads meanwhile are not counted.
    let counts = alloc::count(false);
    let other = other_room(room);
    alloc::count(counts);
    other
}

/// Returns a buffer like that one in a better place.
fn other_room(mut room: Vec<u8>) -> Vec<u8> {
    let size = room.len();
    // The second time an allocator that maps what is large may have learnt to keep it.
    for _ in 0..2 {
        // Kept meanwhile, so as not to be given the same again.
        let mut elsewhere = Vec::with_capacity(TRIES);
        while elsewhere.len() < TRIES {
            elsewhere.push(room);
            room = vec![0; size];
            if is_well_placed(&room) {
                return room;
            }
        }
    }
    room
}

fn is_well_placed(room: &[u8]) -> bool {
    let address = room.as_ptr().addr();
    address.is_multiple_of(LINE) && !address.is_multiple_of(PAGE)
}

/// A directory for files that are written, called `written-` and a number.
///
/// Whoever starts the programs removes it, when all have run: some file systems are slow to make
/// files while others have just been removed, and nobody is to pay for what another has left.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes it.
    ///
    /// # Errors
    ///
    /// The directory of the run cannot be written.
    pub fn new(run: &Run) -> Result<Scratch> {
        let path = run.files().join(format!("written-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Scratch(path))
    }

    /// Returns the place of file number `n`.
    pub fn file(&self, n: u64) -> PathBuf {
        self.0.join(n.to_string())
    }
}

/// Makes something under another name, so that what is there under its own is complete.
fn made_whole(path: &Path, make: impl FnOnce(&Path) -> Result) -> Result {
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    make(&draft)?;
    match fs::rename(&draft, path) {
        // Somebody else was faster.
        Err(_) if path.exists() => {}
        outcome => outcome?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{is_well_placed, room};

    #[test]
    fn buffers_are_zeroes_and_begin_with_a_line() {
        for size in [64 * 1024, 1024 * 1024] {
            for _ in 0..3 {
                let room = room(size);
                assert_eq!(room.len(), size);
                assert!(room.iter().all(|byte| *byte == 0));
                // What other allocators do is not known.
                assert!(is_well_placed(&room) || cfg!(not(target_env = "gnu")));
            }
        }
    }
}
