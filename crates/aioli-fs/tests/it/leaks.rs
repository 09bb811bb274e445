//! Each operation dropped at each stage, a thousand times: no descriptor and no byte is left.
//!
//! Alone in a process, since both are counted, with each driver, and with the pool instead of the
//! ring.

use crate::ring;
use aioli_fs as fs;
use aioli_tally::Holdings;
use std::{
    env,
    io::{IoSlice, IoSliceMut, SeekFrom},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const TIMES: usize = 1000;
/// The most polls before the drop.
const STAGES: usize = 4;
/// What tables and slabs may have grown by; the smallest object that is lost each time is more.
const BYTES_MAX: isize = 15 * TIMES as isize;
const LONG: Duration = Duration::from_secs(20);
const PAGE: usize = 4096;

/// Polls up to `stage` times, with passes of the loop between, and drops it.
async fn drop_at<F: Future>(stage: usize, future: F) {
    aioli_tally::drop_at(stage, future, async || aioli_task::yield_now().await).await;
}

/// Runs `operation` to each stage, again and again, and counts what is left.
async fn check(what: &str, mut operation: impl AsyncFnMut(usize)) {
    let mut run = async |times: usize| {
        for time in 0..times {
            operation(time % STAGES).await;
            if time % 16 == 15 {
                // So that not all wait at once, which tables would grow by.
                aioli_task::to_thread(|| ()).await;
                while ring::counted().is_some_and(|stats| stats.in_flight > 0) {
                    aioli_task::yield_now().await;
                }
            }
        }
    };
    // What is there once for all.
    run(64).await;
    settle(async || is_still().await).await;
    let before = Holdings::now();
    run(TIMES).await;
    let is_gone = || before.check(what, BYTES_MAX).is_ok();
    settle(async || is_still().await && is_gone()).await;
    // Fewer, where the last ones had not gone either when they were counted first.
    before.check(what, BYTES_MAX).unwrap();
}

/// Lets the loop and the pool go on with what nobody waits for.
async fn settle(is_settled: impl AsyncFn() -> bool) {
    let end = Instant::now() + LONG;
    while !is_settled().await && Instant::now() < end {
        aioli_task::to_thread(|| ()).await;
        aioli_task::yield_now().await;
    }
}

/// Whether nothing has changed for some passes.
async fn is_still() -> bool {
    let before = Holdings::now();
    for _ in 0..20 {
        aioli_task::to_thread(|| ()).await;
    }
    Holdings::now() == before
}

#[test]
fn an_operation_that_is_dropped_leaves_nothing() {
    const TEST: &str = "leaks::an_operation_that_is_dropped_leaves_nothing";
    const CHILD: &str = "AIOLI_TEST_LEAKS";
    const DRIVER: &str = "AIOLI_DRIVER";
    if env::var_os(CHILD).is_some() {
        aioli_task::run(async {
            // A large file system, and one in memory, where much is done on the spot.
            for parent in [env::temp_dir(), "/dev/shm".into()] {
                if parent.is_dir() {
                    all(&parent).await;
                }
            }
        });
        return;
    }
    let forced = env::var(DRIVER).ok().filter(|it| !it.is_empty());
    let drivers = forced.map_or(vec!["epoll".into(), "uring".into(), "poll".into()], |it| {
        vec![it]
    });
    let ways = drivers.iter().flat_map(|it| [(it, "ring"), (it, "pool")]);
    let children = ways.map(|(driver, files)| {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", TEST, "--nocapture"]).env(CHILD, "");
        child.env(DRIVER, driver).env("AIOLI_FILES", files);
        let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        (driver, files, child.unwrap())
    });
    for (driver, files, child) in children.collect::<Vec<_>>() {
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{driver}, {files}: {text}");
    }
}

async fn all(parent: &Path) {
    let dir = fs::TempDir::new_in(parent).await.unwrap();
    let (file, folder) = (dir.path().join("file"), dir.path().join("folder"));
    std::fs::write(&file, "one\ntwo\n".repeat(PAGE)).unwrap();
    std::fs::create_dir(&folder).unwrap();
    for name in ["a", "b", "c"] {
        std::fs::write(folder.join(name), name).unwrap();
    }
    Box::pin(whole(&file, &dir.path().join("other"))).await;
    Box::pin(names(&file, &dir.path().join("other"))).await;
    Box::pin(folders(&folder)).await;
    Box::pin(opened(&file)).await;
    Box::pin(changing(&dir.path().join("changed"))).await;
    Box::pin(buffered(&file, &dir.path().join("changed"))).await;
    Box::pin(waiting(&file)).await;
}

/// Checks operations that need nothing but what they are made of.
macro_rules! check_each {
    ($($what:literal: $operation:expr;)+) => {
        $(check($what, async |stage| drop_at(stage, $operation).await).await;)+
    };
}

async fn whole(file: &Path, other: &Path) {
    check_each! {
        "open": fs::open(file);
        "create": fs::create(other);
        "read": fs::read(file);
        "read of none": fs::read("/no/such/file");
        "read_to_string": fs::read_to_string(file);
        "write": fs::write(other, [1; 1000]);
        "write of much": fs::write(other, vec![1; 100_000]);
        "write_atomic": fs::write_atomic(other, [2; 1000]);
        "copy": fs::copy(file, other);
        "lines": async { fs::lines(file).await.unwrap().next().await };
        "temporary file": async {
            let temporary = fs::TempFile::new_in(file.parent().unwrap()).await.unwrap();
            temporary.persist(other).await
        };
        "temporary folder": async {
            let temporary = fs::TempDir::new_in(file.parent().unwrap()).await.unwrap();
            temporary.close().await
        };
    }
}

async fn names(file: &Path, other: &Path) {
    let there = file.with_extension("there");
    let permissions = std::fs::metadata(file).unwrap().permissions();
    check_each! {
        "metadata": fs::metadata(file);
        "symlink_metadata": fs::symlink_metadata(file);
        "exists": fs::exists(file);
        "canonicalize": fs::canonicalize(file);
        "set_permissions": fs::set_permissions(file, permissions.clone());
        "hard_link and remove_file": async {
            let _ = fs::hard_link(file, &there).await;
            fs::remove_file(&there).await
        };
        "symlink and read_link": async {
            let _ = fs::symlink(file, &there).await;
            fs::read_link(&there).await
        };
        "rename": async {
            let _ = fs::rename(other, &there).await;
            fs::rename(&there, other).await
        };
        "truncate": fs::truncate(other, 100);
        "chown": fs::chown(other, None, None);
    }
}

async fn folders(folder: &Path) {
    let new = folder.join("new/newer");
    check_each! {
        "read_dir": async {
            let mut entries = fs::read_dir(folder).await.unwrap();
            while let Some(entry) = entries.next().await {
                if let Ok(entry) = entry {
                    let _ = entry.metadata().await;
                }
            }
        };
        "walk": async {
            let mut entries = fs::walk(folder);
            while entries.next().await.is_some() {}
        };
        "create_dir": async {
            let _ = fs::create_dir(folder.join("one")).await;
            fs::remove_dir(folder.join("one")).await
        };
        "create_dir_all": async {
            let _ = fs::create_dir_all(&new).await;
            fs::remove_dir_all(new.parent().unwrap()).await
        };
    }
}

/// What an open file is asked for.
async fn opened(path: &Path) {
    let mut file = fs::open(path).await.unwrap();
    let (mut buf, mut other) = ([0; 16], [0; 16]);
    check_each! {
        "read of a file": async {
            let _ = file.read(&mut buf).await;
            file.read(&mut buf).await
        };
        "read_vectored": file.read_vectored(&mut [
            IoSliceMut::new(&mut buf),
            IoSliceMut::new(&mut other),
        ]);
        "read_at": file.read_at(&mut buf, 3);
        "read_at_owned": file.read_at_owned(vec![0; 16], 3);
        "metadata of a file": file.metadata();
    }
    check("read_to_end", async |stage| {
        drop_at(stage, file.read_to_end()).await;
        // What it has read is the file's until then.
        file.seek(SeekFrom::Start(0)).await.unwrap();
    })
    .await;
    check("read_to_string of a file", async |stage| {
        drop_at(stage, file.read_to_string()).await;
        drop_at(stage, file.seek(SeekFrom::Start(0))).await;
        file.seek(SeekFrom::Start(0)).await.unwrap();
    })
    .await;
    let holder = std::fs::File::open(path).unwrap();
    check("lock", async |stage| {
        holder.lock().unwrap();
        drop_at(stage, file.lock()).await;
        drop_at(stage, file.lock_shared()).await;
        holder.unlock().unwrap();
    })
    .await;
    check("close", async |stage| {
        let file = fs::open(path).await.unwrap();
        drop_at(stage, file.close()).await;
        let file = fs::open(path).await.unwrap();
        drop_at(stage, file.into_std()).await;
    })
    .await;
}

/// What changes an open file.
async fn changing(path: &Path) {
    let options = fs::OpenOptions::new().read(true).write(true).create(true);
    let mut file = options.open(path).await.unwrap();
    let permissions = std::fs::metadata(path).unwrap().permissions();
    let now = std::time::SystemTime::now();
    check_each! {
        "write of a file": file.write("text");
        "write_all": file.write_all("text");
        "write_all_vectored": file.write_all_vectored(&[IoSlice::new(b"te"), IoSlice::new(b"xt")]);
        "write_at": file.write_at("text", 3);
        "write_all_at": file.write_all_at("text", 3);
        "write_all_at_owned": file.write_all_at_owned(vec![1; 16], 3);
        "set_len": file.set_len(100);
        "sync_all": file.sync_all();
        "sync_data": file.sync_data();
        "set_permissions of a file": file.set_permissions(permissions.clone());
        "set_modified": file.set_modified(now);
    }
    check(
        "a file that is dropped while it is written",
        async |stage| {
            let mut file = options.open(path).await.unwrap();
            drop_at(stage, file.write_all("text")).await;
        },
    )
    .await;
    check("append", async |stage| {
        let append = fs::OpenOptions::new().append(true);
        drop_at(stage, async {
            append.open(path).await.unwrap().write_all("text").await
        })
        .await;
    })
    .await;
}

async fn buffered(path: &Path, changed: &Path) {
    check("a buffered reader", async |stage| {
        let mut reader = fs::BufReader::new(fs::open(path).await.unwrap());
        drop_at(stage, reader.read_line()).await;
        drop_at(stage, reader.read_until(b'w')).await;
        drop_at(stage, reader.seek(SeekFrom::Current(1))).await;
        drop_at(stage, reader.into_inner()).await;
    })
    .await;
    check("a buffered writer", async |stage| {
        let mut writer = fs::BufWriter::new(fs::create(changed).await.unwrap());
        drop_at(stage, writer.write_all([1; 100])).await;
        drop_at(stage, writer.write_all(vec![1; 100_000])).await;
        drop_at(stage, writer.flush()).await;
        drop_at(stage, writer.close()).await;
    })
    .await;
}

/// What waits for a disk, or for somebody at the other end.
async fn waiting(path: &Path) {
    if let Some(file) = ring::direct(path).await {
        let buf = || fs::AlignedBuf::new(PAGE);
        check_each! {
            "a read past the cache": file.read_at_owned(buf(), 0);
            "a write past the cache": file.write_all_at_owned(buf(), 0);
        }
    }
    // Without a ring a silent pipe holds a thread of the pool for as long as it is silent.
    if ring::counted().is_some() {
        let (reader, _writer) = std::io::pipe().unwrap();
        check("a silent pipe", async |stage| {
            let reader = std::os::fd::OwnedFd::from(reader.try_clone().unwrap());
            let mut pipe = fs::File::from(std::fs::File::from(reader));
            drop_at(stage, pipe.read(&mut [0; 8])).await;
        })
        .await;
    }
}
