//! Many small files written whole at once, into one folder and into several.

use aioli_fs as fs;
use futures::future::join_all;
use std::{
    collections::BTreeMap,
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    pin::{Pin, pin},
};

/// A folder that is likely on a disk, where a temporary one may be in memory.
async fn folder() -> fs::TempDir {
    fs::TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))
        .await
        .unwrap()
}

fn make_pipe(dir: &fs::TempDir) -> PathBuf {
    let path = dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    path
}

/// Polls the write of a pipe that is not read, and writes files beside it meanwhile.
async fn write_beside<T>(dir: &fs::TempDir, mut waits: Pin<&mut impl Future<Output = T>>) {
    assert!(crate::poll_once(waits.as_mut()).is_pending());
    let others = (0..64).map(|n| fs::write(dir.path().join(n.to_string()), content(n)));
    for written in join_all(others).await {
        written.unwrap();
    }
    assert!(crate::poll_once(waits).is_pending());
}

/// What is to be written, all of it different, of all sizes around those where ways part.
fn content(n: usize) -> Vec<u8> {
    let sizes = [0, 1, 7, 4096, 65_535, 65_536, 65_537, 100_000];
    let line = format!("{n},");
    line.bytes().cycle().take(sizes[n % sizes.len()]).collect()
}

/// Writes so many files into each of so many folders, on whatever executor this is.
async fn write_all(n_folders: usize, n: usize) {
    let dir = folder().await;
    let paths = (0..n_folders * n).map(|i| {
        let folder = dir.path().join(format!("{}", i % n_folders));
        std::fs::create_dir_all(&folder).unwrap();
        (folder.join(i.to_string()), content(i))
    });
    let files: BTreeMap<PathBuf, Vec<u8>> = paths.collect();
    let written = join_all(files.iter().map(|(path, data)| fs::write(path, data))).await;
    assert!(written.into_iter().all(|written| written.is_ok()));
    for (path, data) in &files {
        assert!(std::fs::read(path).unwrap() == *data, "{path:?}");
    }
    // What is there already is replaced.
    join_all(files.keys().map(|path| fs::write(path, "x"))).await;
    for path in files.keys() {
        assert_eq!(std::fs::read(path).unwrap(), b"x", "{path:?}");
    }
}

#[test]
fn every_file_of_a_burst_has_its_contents() {
    crate::block_on(write_all(1, 500));
    aioli_task::run(write_all(3, 200));
}

#[test]
fn every_file_of_a_burst_has_its_own_error() {
    crate::block_on(async {
        let dir = folder().await;
        let place = |name: &str| dir.path().join(name);
        std::fs::create_dir(place("folder")).unwrap();
        std::fs::write(place("file"), "old").unwrap();
        std::os::unix::fs::symlink("target", place("link")).unwrap();
        std::os::unix::fs::symlink("circle", place("circle")).unwrap();
        let long = "x".repeat(256);
        let names = [
            "new", "folder", "file", "link", "circle", "no/x", "file/x", "a\0b", &long, "folder/",
        ];
        // Each of them among good ones.
        let paths = (0..100).map(|n| match names.get(n % 20) {
            Some(name) => (place(name), Some(*name)),
            None => (place(&format!("good{n}")), None),
        });
        let paths: Vec<_> = paths.collect();
        let ours = join_all(paths.iter().map(|(path, _)| fs::write(path, "x"))).await;
        for ((path, name), ours) in paths.iter().zip(ours) {
            // That of one call after the other, once everything is there.
            let theirs = std::fs::write(path, "x");
            match (ours, theirs) {
                (Ok(()), Ok(())) => assert_eq!(std::fs::read(path).unwrap(), b"x"),
                (Err(ours), Err(theirs)) => {
                    assert_eq!(ours.kind(), theirs.kind(), "{name:?}");
                    assert_eq!((ours.operation(), ours.path()), ("write", Some(&**path)));
                }
                (ours, theirs) => panic!("{name:?}: {ours:?} against {theirs:?}"),
            }
        }
        assert_eq!(std::fs::read(place("target")).unwrap(), b"x");
    });
}

#[test]
fn a_pipe_without_a_reader_holds_up_nobody() {
    crate::block_on(async {
        let dir = folder().await;
        let pipe = make_pipe(&dir);
        let mut waits = pin!(fs::write(&pipe, "for the reader"));
        write_beside(&dir, waits.as_mut()).await;
        let reader = aioli_task::to_thread(|| std::fs::read(pipe).unwrap());
        waits.await.unwrap();
        assert_eq!(reader.await, b"for the reader");
    });
}

#[test]
fn a_full_pipe_holds_up_nobody_and_gets_the_rest() {
    crate::block_on(async {
        let dir = folder().await;
        let pipe = make_pipe(&dir);
        let mut options = std::fs::File::options();
        let mut reader = options
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(&pipe)
            .unwrap();
        // It takes one of these.
        let n_writes = 3;
        let text = vec![b'x'; 60_000];
        let into_pipe = join_all((0..n_writes).map(|_| fs::write(&pipe, &text)));
        let mut into_pipe = pin!(into_pipe);
        write_beside(&dir, into_pipe.as_mut()).await;
        let end = n_writes * text.len();
        let drained = aioli_task::to_thread(move || {
            let (mut n, mut buf) = (0, [0; 4096]);
            while n < end {
                match reader.read(&mut buf) {
                    Ok(read) => n += read,
                    Err(error) => {
                        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                        std::thread::yield_now();
                    }
                }
            }
            n
        });
        for written in into_pipe.await {
            written.unwrap();
        }
        assert_eq!(drained.await, end);
    });
}

#[test]
fn a_virtual_clock_stands_still_while_files_are_written() {
    let mut runner = aioli_task::Runner::builder().virtual_clock().build();
    let run = runner.run(async {
        let dir = folder().await;
        let begin = aioli_task::driver::Home::current().now();
        let files = (0..200).map(|n| fs::write(dir.path().join(n.to_string()), content(n)));
        join_all(files).await;
        assert_eq!(aioli_task::driver::Home::current().now(), begin);
    });
    run.unwrap();
}

#[test]
fn the_end_of_a_run_waits_for_files_whose_futures_are_gone() {
    let dir = crate::block_on(folder());
    let path = |n: usize| dir.path().join(n.to_string());
    aioli_task::run(async {
        for n in 0..100 {
            drop(crate::poll_once(pin!(fs::write(path(n), "x"))));
        }
    });
    // Each was carried out, or never begun.
    for n in 0..100 {
        match std::fs::read(path(n)) {
            Ok(data) => assert_eq!(data, b"x"),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound),
        }
    }
}
