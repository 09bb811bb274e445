//! A name that becomes another file's, a link or a pipe while it is read: never a mix.

use aioli_fs as fs;
use std::{
    io::ErrorKind,
    os::unix::fs::symlink,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

/// What the name stands for in turn: files of sizes that are read on the spot and by a job.
const SIZES: [usize; 4] = [5_000, 10_000, 64 * 1024, 150_000];

/// The contents of the file with this number.
fn content(n: usize) -> Vec<u8> {
    vec![b'a' + n as u8; SIZES[n]]
}

/// Puts one after the other in the place of `name` until `is_over`; how often.
fn swap_until(is_over: &AtomicBool, folder: &Path, name: &Path) -> usize {
    let new = folder.join("new");
    let mut n = 0;
    while !is_over.load(Ordering::SeqCst) {
        let file = folder.join((n % SIZES.len()).to_string());
        // Each as itself, and behind a link.
        match n / SIZES.len() % 2 {
            0 => std::fs::hard_link(&file, &new).unwrap(),
            _ => symlink(&file, &new).unwrap(),
        }
        std::fs::rename(&new, name).unwrap();
        n += 1;
    }
    n
}

fn check(data: &[u8]) {
    let n = usize::from(data[0] - b'a');
    assert_eq!(data.len(), SIZES[n], "{n}");
    assert!(data.iter().all(|byte| *byte == data[0]), "{n}");
}

async fn read_in_every_way(name: &Path) {
    for _ in 0..500 {
        check(&fs::read(name).await.unwrap());
        check(fs::read_to_string(name).await.unwrap().as_bytes());
        let mut file = fs::open(name).await.unwrap();
        check(&file.read_to_end().await.unwrap());
    }
}

#[test]
fn what_is_read_is_one_file_whatever_is_put_in_its_place() {
    let dir = aioli_task::run(async { fs::TempDir::new().await.unwrap() });
    let folder = dir.path();
    for n in 0..SIZES.len() {
        std::fs::write(folder.join(n.to_string()), content(n)).unwrap();
    }
    let name = folder.join("name");
    // Another one than the first: two names of one file are not put in place of each other.
    std::fs::hard_link(folder.join("1"), &name).unwrap();
    let is_over = AtomicBool::new(false);
    let n = std::thread::scope(|threads| {
        let swapping = threads.spawn(|| swap_until(&is_over, folder, &name));
        let over = Over(&is_over);
        aioli_task::run(read_in_every_way(&name));
        crate::block_on(read_in_every_way(&name));
        drop(over);
        swapping.join().unwrap()
    });
    assert!(n > 100, "{n} swaps");
}

/// Ends the swaps, also when a check fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A file, a folder or nothing: what is told is what one of them tells.
#[test]
fn what_cannot_be_read_any_more_is_refused_by_its_name() {
    let dir = aioli_task::run(async { fs::TempDir::new().await.unwrap() });
    let folder = dir.path();
    let (name, kept) = (folder.join("name"), folder.join("kept"));
    std::fs::write(&kept, content(1)).unwrap();
    let is_over = AtomicBool::new(false);
    let swap = || {
        while !is_over.load(Ordering::SeqCst) {
            std::fs::create_dir(&name).unwrap();
            std::fs::remove_dir(&name).unwrap();
            std::fs::hard_link(&kept, &name).unwrap();
            std::fs::remove_file(&name).unwrap();
        }
    };
    let expected = [ErrorKind::NotFound, ErrorKind::IsADirectory];
    std::thread::scope(|threads| {
        threads.spawn(swap);
        let over = Over(&is_over);
        aioli_task::run(async {
            for _ in 0..2000 {
                match fs::read(&name).await {
                    Ok(data) => check(&data),
                    Err(error) => {
                        assert!(expected.contains(&error.kind()), "{error}");
                        assert_eq!(error.path(), Some(&*name));
                    }
                }
                // A folder can be opened, and not read.
                if let Ok(mut file) = fs::open(&name).await
                    && let Ok(data) = file.read_to_end().await
                {
                    check(&data);
                }
            }
        });
        drop(over);
    });
}
