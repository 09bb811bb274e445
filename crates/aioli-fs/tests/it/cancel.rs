//! Dropped futures: nothing lost, nothing leaked.

use aioli_fs as fs;
use std::{
    io::{SeekFrom, Write},
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Counting the process's descriptors excludes the tests that open some.
static DESCRIPTORS: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    DESCRIPTORS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many descriptors lead to `path`, so that other tests do not count.
fn n_open(path: &std::path::Path) -> usize {
    let own = std::fs::read_dir("/proc/self/fd").unwrap();
    own.filter(|fd| {
        let link = std::fs::read_link(fd.as_ref().unwrap().path());
        link.is_ok_and(|link| link.starts_with(path))
    })
    .count()
}

/// Waits for what abandoned jobs do in the background.
#[track_caller]
fn eventually(what: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !what() {
        assert!(Instant::now() < end, "it never came true");
        std::thread::yield_now();
    }
}

/// Begins an operation at the start of the file and drops its future before it is done.
async fn abandon<T>(file: &mut fs::File, begin: impl AsyncFn(&mut fs::File) -> T) {
    // The job may be faster than the poll.
    while crate::poll_once(pin!(begin(file))).is_ready() {
        file.seek(SeekFrom::Start(0)).await.unwrap();
    }
}

/// A pipe as a file: reading from it blocks the job until something is written.
fn pipe() -> (fs::File, std::fs::File) {
    let (reader, writer) = std::io::pipe().unwrap();
    let reader = std::fs::File::from(std::os::fd::OwnedFd::from(reader));
    let writer = std::fs::File::from(std::os::fd::OwnedFd::from(writer));
    (fs::File::from(reader), writer)
}

#[test]
fn bytes_of_a_cancelled_read_are_given_to_the_next() {
    crate::block_on(async {
        let (mut reader, mut writer) = pipe();
        let mut buf = [0; 8];
        assert!(crate::poll_once(pin!(reader.read(&mut buf))).is_pending());
        writer.write_all(b"precious").unwrap();
        let mut small = [0; 3];
        assert_eq!(reader.read(&mut small).await.unwrap(), 3);
        assert_eq!(&small, b"pre");
        drop(writer);
        assert_eq!(reader.read_to_string().await.unwrap(), "cious");
        assert_eq!(reader.read(&mut buf).await.unwrap(), 0);
    });
}

#[test]
fn a_cancelled_read_to_end_loses_nothing() {
    crate::block_on(async {
        let (mut reader, mut writer) = pipe();
        assert!(crate::poll_once(pin!(reader.read_to_end())).is_pending());
        writer.write_all(b"first ").unwrap();
        assert!(crate::poll_once(pin!(reader.read_to_end())).is_pending());
        writer.write_all(b"second").unwrap();
        drop(writer);
        assert_eq!(reader.read_to_string().await.unwrap(), "first second");
    });
}

#[test]
fn a_cancelled_read_does_not_move_what_follows() {
    crate::block_on(async {
        let dir = fs::TempDir::new().await.unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "0123456789").await.unwrap();
        let open = || fs::OpenOptions::new().read(true).write(true).open(&path);

        let mut file = open().await.unwrap();
        abandon(&mut file, async |file| file.read_to_end().await).await;
        assert_eq!(file.seek(SeekFrom::Current(2)).await.unwrap(), 2);
        assert_eq!(file.read_to_string().await.unwrap(), "23456789");

        let mut file = open().await.unwrap();
        abandon(&mut file, async |file| file.read_to_end().await).await;
        file.write_all("ab").await.unwrap();
        assert_eq!(file.read_to_string().await.unwrap(), "23456789");
        assert_eq!(fs::read_to_string(&path).await.unwrap(), "ab23456789");

        let mut file = open().await.unwrap();
        abandon(&mut file, async |file| file.read_to_end().await).await;
        let mut file = file.into_std().await.unwrap();
        assert_eq!(std::io::Seek::stream_position(&mut file).unwrap(), 0);
    });
}

#[test]
fn a_cancelled_write_is_carried_out_before_the_next_operation() {
    crate::block_on(async {
        let mut file = fs::TempFile::new().await.unwrap();
        drop(crate::poll_once(pin!(file.write_all("one "))));
        file.write_all("two").await.unwrap();
        assert_eq!(fs::read_to_string(file.path()).await.unwrap(), "one two");
    });
}

#[test]
fn an_operation_that_was_never_polled_does_nothing() {
    crate::block_on(async {
        let file = fs::TempFile::new().await.unwrap();
        drop(fs::write(file.path(), "x"));
        drop(fs::remove_file(file.path()));
        assert_eq!(fs::read_to_string(file.path()).await.unwrap(), "");
    });
}

#[test]
fn a_file_dropped_in_mid_operation_leaks_no_descriptor() {
    let _alone = alone();
    crate::block_on(async {
        let (dir, path) = crate::temp(vec![1; 1 << 20]).await;
        for i in 0..100 {
            let mut file = fs::OpenOptions::new()
                .read(true)
                .write(true)
                .open(&path)
                .await
                .unwrap();
            match i % 4 {
                0 => drop(crate::poll_once(pin!(file.read_to_end()))),
                1 => drop(crate::poll_once(pin!(file.write_all("x")))),
                2 => drop(crate::poll_once(pin!(file.write_at("x", 5)))),
                _ => drop(crate::poll_once(pin!(file.close()))),
            }
            // Opening itself, abandoned while it runs or waits.
            drop(crate::poll_once(pin!(fs::open(&path))));
            drop(crate::poll_once(pin!(fs::read_dir(dir.path()))));
        }
        eventually(|| n_open(dir.path()) == 0);
    });
}

#[test]
fn a_blocked_read_whose_file_is_dropped_ends_when_it_is_answered() {
    let (mut reader, mut writer) = pipe();
    let mut buf = [0; 8];
    drop(crate::poll_once(pin!(reader.read(&mut buf))));
    drop(reader);
    // The job alone holds the reading end now, if it has started: a write succeeds until it
    // has been answered, and then meets a broken pipe.
    eventually(|| (&writer).write_all(b"x").is_err());
    writer.flush().unwrap();
}

#[test]
fn close_waits_for_abandoned_operations() {
    crate::block_on(async {
        let dir = fs::TempDir::new().await.unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "text").await.unwrap();
        let options = fs::OpenOptions::new().read(true).write(true);
        for i in 0..200 {
            let file = options.open(&path).await.unwrap();
            match i % 3 {
                0 => drop(crate::poll_once(pin!(file.write_at(vec![7; 100_000], 0)))),
                1 => drop(crate::poll_once(pin!(file.metadata()))),
                // Beyond what is known at once, so that it is a job.
                _ => drop(crate::poll_once(pin!(
                    file.read_at(&mut [0], u64::MAX / 2 + 1)
                ))),
            }
            file.close().await.unwrap();
            assert_eq!(n_open(&path), 0);
        }
    });
}

#[test]
fn a_cancelled_flush_loses_nothing() {
    crate::block_on(async {
        let file = fs::TempFile::new().await.unwrap();
        let mut out = fs::BufWriter::new(fs::create(file.path()).await.unwrap());
        out.write_all("one ").await.unwrap();
        drop(crate::poll_once(pin!(out.flush())));
        out.write_all("two ").await.unwrap();
        drop(crate::poll_once(pin!(out.flush())));
        drop(out);
        eventually(|| std::fs::read_to_string(file.path()).unwrap() == "one two ");
    });
}

#[test]
fn a_dropped_buffered_writer_writes_its_rest_before_the_loop_ends() {
    let dir = tempfile();
    let path = dir.join("a");
    aioli_task::run(async {
        let mut out = fs::BufWriter::new(fs::create(&path).await.unwrap());
        out.write_all("0").await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    });
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "0");
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn temporary_things_are_gone_when_the_loop_has_ended() {
    let (dir, file) = aioli_task::run(async {
        let dir = fs::TempDir::new().await.unwrap();
        let file = fs::TempFile::new_in(dir.path()).await.unwrap();
        let other = fs::TempFile::new().await.unwrap();
        drop(file);
        (dir.path().to_path_buf(), other.path().to_path_buf())
    });
    assert!(!dir.exists());
    assert!(!file.exists());
}

#[test]
fn a_cancelled_listing_goes_on_where_it_was() {
    crate::block_on(async {
        let dir = fs::TempDir::new().await.unwrap();
        for i in 0..300 {
            std::fs::write(dir.path().join(i.to_string()), "").unwrap();
        }
        let mut entries = fs::read_dir(dir.path()).await.unwrap();
        let mut n = 0;
        loop {
            let _ = crate::poll_once(pin!(async {
                if entries.next().await.is_some() {
                    n += 1;
                }
            }));
            match entries.next().await {
                Some(entry) => drop(entry.unwrap()),
                None => break,
            }
            n += 1;
        }
        assert_eq!(n, 300);
    });
}

#[test]
fn a_cancelled_task_leaves_the_file_usable_and_nothing_open() {
    let _alone = alone();
    let dir = tempfile();
    let path = dir.join("a");
    aioli_task::run(async {
        let file = std::rc::Rc::new(fs::create(&path).await.unwrap());
        let own = std::rc::Rc::clone(&file);
        let task = aioli_task::spawn(async move {
            for i in 0_u64.. {
                own.write_all_at([1; 10], i * 10).await.unwrap();
            }
        });
        for _ in 0..10 {
            aioli_task::yield_now().await;
        }
        assert!(task.stop().await.is_none());
        file.write_all_at("end", 0).await.unwrap();
        std::rc::Rc::into_inner(file)
            .expect("the task is gone")
            .close()
            .await
            .unwrap();
        assert_eq!(n_open(&dir), 0);
        assert!(fs::read(&path).await.unwrap().starts_with(b"end"));
    });
    std::fs::remove_dir_all(dir).unwrap();
}

fn tempfile() -> std::path::PathBuf {
    crate::block_on(async { fs::TempDir::new().await.unwrap().keep() })
}
