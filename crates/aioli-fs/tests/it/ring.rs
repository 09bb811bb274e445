//! What has to wait for a disk goes through the kernel's ring, where the loop has one.
//!
//! Whether it did is counted: every loop counts the operations that its ring has in flight.

use aioli_fs as fs;
use aioli_reactor::{OperationStats, Operations};
use futures::{executor::block_on, future::join_all};
use std::{
    io::{self, Write},
    path::Path,
    pin::pin,
    process::Command,
};

/// What this thread's loop counts; `None` if it has no ring.
pub(crate) fn counted() -> Option<OperationStats> {
    let ring = Operations::current().unwrap();
    ring.map(|ring| ring.stats())
}

fn most_in_flight() -> Option<usize> {
    counted().map(|stats| stats.most_in_flight)
}

/// Has the system forget what it keeps of a file; tells whether it did.
fn forget(path: &Path) -> bool {
    std::fs::File::open(path).unwrap().sync_all().unwrap();
    let mut dd = Command::new("dd");
    dd.args(["iflag=nocache", "count=0", "status=none", "of=/dev/null"]);
    let done = dd.arg(format!("if={}", path.display())).status().unwrap();
    if !done.success() {
        eprintln!("skipped: the cache of {} cannot be dropped", path.display());
    }
    done.success()
}

/// Whether the file system is one that forgets when it is told to, and says when a read would wait.
fn is_on_disk(path: &Path) -> bool {
    let mut stat = Command::new("stat");
    let said = stat.args(["-f", "-c", "%T"]).arg(path).output().unwrap();
    [&b"ext2/ext3\n"[..], b"xfs\n", b"btrfs\n"].contains(&&*said.stdout)
}

pub(crate) async fn direct(path: &Path) -> Option<fs::File> {
    let options = fs::OpenOptions::new().read(true).write(true);
    match options.custom_flags(libc::O_DIRECT).open(path).await {
        Ok(file) => Some(file),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            eprintln!("skipped: {} knows no direct I/O", path.display());
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn reads_past_the_cache_fill_the_ring() {
    const N: usize = 64;
    const LEN: usize = 4096;
    aioli_task::run(async {
        let data: Vec<u8> = (0..N).flat_map(|n| [n as u8; LEN]).collect();
        let (_dir, path) = crate::temp(data).await;
        let Some(file) = direct(&path).await else {
            return;
        };
        let reads = (0..N).map(|n| file.read_at_owned(fs::AlignedBuf::new(LEN), (n * LEN) as u64));
        for (n, (read, buf)) in join_all(reads).await.into_iter().enumerate() {
            assert_eq!(read.unwrap(), LEN);
            assert!(buf.iter().all(|byte| *byte == n as u8));
        }
        if let Some(most) = most_in_flight() {
            assert_eq!(most, N, "all at once");
        }
    });
}

#[test]
fn a_file_past_the_cache_is_read_and_written_as_any_other() {
    const PAGE: usize = 4096;
    aioli_task::run(async {
        let (_dir, path) = crate::temp(vec![1; 4 * PAGE]).await;
        let Some(mut file) = direct(&path).await else {
            return;
        };
        file.write_all_at(vec![2; PAGE], PAGE as u64).await.unwrap();
        let mut buf = fs::AlignedBuf::new(PAGE);
        buf.fill(3);
        let buf = file.write_all_at_owned(buf, 2 * PAGE as u64).await.unwrap();
        assert_eq!(buf.len(), PAGE);
        let n = file.write_at(vec![4; PAGE], 3 * PAGE as u64).await.unwrap();
        assert_eq!(n, PAGE);
        file.sync_data().await.unwrap();
        let mut buf = vec![0; PAGE];
        for expected in 1..=4 {
            assert_eq!(file.read(&mut buf).await.unwrap(), PAGE);
            assert!(buf.iter().all(|byte| *byte == expected), "{expected}");
        }
        assert_eq!(file.read(&mut buf).await.unwrap(), 0);
        assert_eq!(file.read_at(&mut buf, PAGE as u64).await.unwrap(), PAGE);
        assert_eq!(buf[0], 2);
        // What is not aligned is refused, as by the system's own calls.
        let (result, buf) = file.read_at_owned(vec![0_u8; 7], 1).await;
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(buf.len(), 7);
        let refused = file.write_at("odd", 1).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
        file.close().await.unwrap();
    });
}

#[test]
fn a_write_past_the_cache_is_carried_out_when_nobody_waits() {
    const LEN: usize = 1 << 20;
    aioli_task::run(async {
        let (_dir, path) = crate::temp(vec![1; LEN]).await;
        let Some(file) = direct(&path).await else {
            return;
        };
        let begun = crate::poll_once(pin!(file.write_all_at(vec![2; LEN], 0)));
        if counted().is_none() {
            return; // it goes to a thread, which may not have begun
        }
        assert!(begun.is_pending());
        file.close().await.unwrap();
        assert!(fs::read(&path).await.unwrap() == vec![2; LEN]);
        // A failure that nobody has waited for is told by the next operation.
        let file = fs::OpenOptions::new().read(true);
        let file = file.custom_flags(libc::O_DIRECT).open(&path).await.unwrap();
        // A thread may be faster than the poll, and then its caller hears of it.
        while crate::poll_once(pin!(file.write_at(vec![2; LEN], 0))).is_ready() {}
        let error = file.close().await.unwrap_err();
        assert_eq!(error.io_error().raw_os_error(), Some(libc::EBADF));
    });
}

#[test]
fn what_is_not_in_the_cache_is_read_through_the_ring() {
    aioli_task::run(async {
        let data: Vec<u8> = (0..1 << 20).map(|n: usize| (n % 251) as u8).collect();
        let (_dir, path) = crate::temp(&data).await;
        let mut file = fs::open(&path).await.unwrap();
        let mut buf = vec![0; 1000];
        // The position is right, however the bytes are come by.
        for start in [0, 1000, 2000] {
            if start != 2000 && !forget(&path) {
                return;
            }
            assert_eq!(file.read(&mut buf).await.unwrap(), 1000);
            assert!(buf == data[start..][..1000], "{start}");
        }
        assert_eq!(file.read_at(&mut buf, 500_000).await.unwrap(), 1000);
        assert!(buf == data[500_000..][..1000]);
        // Where the file system is in memory nothing is forgotten, and nothing waits.
        if let Some(stats) = counted().filter(|_| is_on_disk(&path)) {
            assert_eq!((stats.in_flight, stats.most_in_flight), (0, 1));
        }
    });
}

#[test]
fn small_files_that_are_not_in_the_cache_are_read_at_once() {
    const N: usize = 50;
    aioli_task::run(async {
        let dir = fs::TempDir::new().await.unwrap();
        let paths: Vec<_> = (0..N).map(|n| dir.path().join(n.to_string())).collect();
        for path in &paths {
            std::fs::write(path, format!("{}", path.display()).repeat(100)).unwrap();
            if !forget(path) {
                return;
            }
        }
        // One by the disk's own pace, so that the folder is in memory.
        fs::metadata(&paths[0]).await.unwrap();
        let read = join_all(paths.iter().map(fs::read_to_string)).await;
        for (path, text) in paths.iter().zip(read) {
            assert_eq!(text.unwrap(), format!("{}", path.display()).repeat(100));
        }
        if let Some(most) = most_in_flight() {
            assert!(most == 0 || most > 10, "{most} of {N} at once");
        }
        // What is no text is an error there too.
        std::fs::write(&paths[0], [0xff; 5000]).unwrap();
        assert!(forget(&paths[0]));
        let error = fs::read_to_string(&paths[0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(error.path(), Some(&*paths[0]));
    });
}

#[test]
fn the_way_to_the_disk_is_the_rings() {
    aioli_task::run(async {
        let (_dir, path) = crate::temp("text").await;
        let mut file = fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .await
            .unwrap();
        file.write_all(" and more").await.unwrap();
        file.sync_all().await.unwrap();
        if let Some(most) = most_in_flight() {
            assert_eq!(most, 1);
        }
        // One that nobody waits for is carried out, and the next operation waits for it.
        let _ = crate::poll_once(pin!(file.sync_data()));
        file.write_all(" yet").await.unwrap();
        file.close().await.unwrap();
        let text = fs::read_to_string(&path).await.unwrap();
        assert_eq!(text, "text and more yet");
    });
}

#[test]
fn what_cannot_be_synchronised_says_so() {
    block_on(async {
        let (reader, _writer) = io::pipe().unwrap();
        let file = std::fs::File::from(std::os::fd::OwnedFd::from(reader));
        let mut file = fs::File::from(file);
        let error = file.sync_all().await.unwrap_err();
        assert_eq!(error.operation(), "sync");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    });
}

#[test]
fn a_pipe_is_waited_for_without_a_thread() {
    aioli_task::run(async {
        if counted().is_none() {
            return;
        }
        let (reader, mut writer) = io::pipe().unwrap();
        let mut pipes = Vec::new();
        for _ in 0..100 {
            let reader = reader.try_clone().unwrap();
            let reader = std::fs::File::from(std::os::fd::OwnedFd::from(reader));
            pipes.push(fs::File::from(reader));
        }
        let mut bufs = vec![[0]; pipes.len()];
        let reads = pipes.iter_mut().zip(&mut bufs);
        let mut reads = join_all(reads.map(|(pipe, buf)| pipe.read(buf)));
        assert!(crate::poll_once(std::pin::Pin::new(&mut reads)).is_pending());
        aioli_task::yield_now().await;
        writer.write_all(&[7; 100]).unwrap();
        for read in reads.await {
            assert_eq!(read.unwrap(), 1);
        }
        assert_eq!(bufs, vec![[7]; 100]);
        assert_eq!(most_in_flight(), Some(100));
    });
}

#[test]
fn a_read_that_outlives_its_loop_is_done_by_the_next() {
    let (reader, mut writer) = io::pipe().unwrap();
    let reader = std::fs::File::from(std::os::fd::OwnedFd::from(reader));
    let mut file = fs::File::from(reader);
    let mut runner = aioli_task::Runner::builder()
        .shutdown_timeout(std::time::Duration::from_millis(20))
        .on_error(|_| {})
        .build();
    let mut buf = [0; 4];
    let pending = runner.run(async {
        let first = crate::poll_once(pin!(file.read(&mut buf))).is_pending();
        aioli_task::yield_now().await;
        first
    });
    assert!(pending.unwrap());
    drop(runner);
    writer.write_all(b"late").unwrap();
    let read = aioli_task::run(async {
        let n = file.read(&mut buf).await;
        n.map(|n| n.to_string())
    });
    assert_eq!((read.unwrap(), &buf), ("4".to_string(), b"late"));
}

#[test]
fn what_is_dropped_at_any_stage_holds_nothing_open() {
    const PAGE: usize = 4096;
    aioli_task::run(async {
        if counted().is_none() {
            return; // a silent pipe holds a thread of the pool for as long as it is silent
        }
        let (_dir, path) = crate::temp(vec![1; 8 * PAGE]).await;
        let (reader, _writer) = io::pipe().unwrap();
        for passes in 0..4 {
            for _ in 0..25 {
                let Some(mut file) = direct(&path).await else {
                    return;
                };
                let reader = reader.try_clone().unwrap();
                let reader = std::fs::File::from(std::os::fd::OwnedFd::from(reader));
                let mut pipe = fs::File::from(reader);
                let mut buf = [0; 8];
                let silent = pipe.read(&mut buf);
                let read = |n| file.read_at_owned(fs::AlignedBuf::new(PAGE), n * PAGE as u64);
                let reads = join_all((0..8).map(read));
                let write = file.write_all_at(vec![1; PAGE], 0);
                let mut all = Box::pin(futures::future::join3(silent, reads, write));
                assert!(
                    crate::poll_once(all.as_mut()).is_pending(),
                    "a pipe is silent"
                );
                for _ in 0..passes {
                    aioli_task::yield_now().await;
                }
                drop(all);
                drop(pipe);
                let _ = crate::poll_once(pin!(file.sync_data()));
                // Waits for what is left, and finds that nobody else has the file.
                file.close().await.unwrap();
            }
        }
        let open = std::fs::read_dir("/proc/self/fd").unwrap();
        let links = open.filter_map(|fd| std::fs::read_link(fd.unwrap().path()).ok());
        assert_eq!(links.filter(|link| *link == path).count(), 0);
        // The pipe's reads were asked to end, and did.
        for _ in 0..200 {
            aioli_task::yield_now().await;
        }
        assert_eq!(counted().unwrap().in_flight, 0);
    });
}
