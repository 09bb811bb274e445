//! Whole files, buffered writing, offsets: the bytes are the ones that were written.

use aioli_fs as fs;
use std::io::SeekFrom;

#[test]
fn c389_simple_flush() {
    crate::block_on(async {
        let file = fs::TempFile::new().await.unwrap();
        let mut out = fs::BufWriter::new(fs::create(file.path()).await.unwrap());
        out.write_all("0").await.unwrap();
        assert_eq!(fs::read_to_string(file.path()).await.unwrap(), "");
        out.flush().await.unwrap();
        assert_eq!(fs::read_to_string(file.path()).await.unwrap(), "0");
    });
}

#[test]
fn c391_staggered_read_and_seek() {
    crate::block_on(async {
        let file = fs::TempFile::new().await.unwrap();
        fs::write(file.path(), "0123456789").await.unwrap();
        let mut file = fs::open(file.path()).await.unwrap();
        let mut content = Vec::new();
        let mut byte = [0];
        while file.read(&mut byte).await.unwrap() == 1 {
            content.push(byte[0]);
        }
        assert_eq!(content, b"0123456789");
        file.seek(SeekFrom::Start(4)).await.unwrap();
        file.read(&mut byte).await.unwrap();
        assert_eq!(byte, *b"4");
    });
}

#[test]
fn c392_slow_file() {
    let dir = aioli_task::run(async {
        // A named pipe: opening it takes until somebody opens its other end.
        let dir = fs::TempDir::new().await.unwrap();
        let path = dir.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let own = path.clone();
        let slow = aioli_task::spawn(async move {
            fs::open(own).await.unwrap().read_to_string().await.unwrap()
        });
        for _ in 0..30 {
            aioli_task::yield_now().await;
        }
        assert!(
            !slow.is_done(),
            "thirty passes of the loop while the file is being opened"
        );
        let mut other_end = fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .await
            .unwrap();
        other_end.write_all("content").await.unwrap();
        other_end.close().await.unwrap();
        assert_eq!(slow.await, "content");
        dir
    });
    drop(dir);
}

#[test]
fn an_atomic_write_replaces_the_whole_and_keeps_permissions_and_links() {
    use std::os::unix::fs::PermissionsExt;
    crate::block_on(async {
        let dir = fs::TempDir::new().await.unwrap();
        let (path, link) = (dir.path().join("a"), dir.path().join("link"));
        fs::write_atomic(&path, "a long first text").await.unwrap();
        fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640))
            .await
            .unwrap();
        fs::symlink("a", &link).await.unwrap();
        fs::write_atomic(&link, "short").await.unwrap();
        assert_eq!(fs::read_to_string(&path).await.unwrap(), "short");
        assert!(fs::symlink_metadata(&link).await.unwrap().is_symlink());
        let mode = fs::metadata(&path).await.unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    });
}

#[test]
fn readers_see_the_old_or_the_new_during_atomic_writes() {
    crate::block_on(async {
        let file = fs::TempFile::new().await.unwrap();
        let path = file.path().to_path_buf();
        fs::write(&path, vec![0; 10_000]).await.unwrap();
        let writes = async {
            for i in 1..50_u8 {
                fs::write_atomic(&path, vec![i; 10_000]).await.unwrap();
            }
        };
        let mut writes = std::pin::pin!(writes);
        while crate::poll_once(writes.as_mut()).is_pending() {
            let seen = fs::read(&path).await.unwrap();
            assert_eq!(seen.len(), 10_000);
            assert!(seen.iter().all(|byte| *byte == seen[0]));
        }
    });
}

#[test]
fn large_files_go_through_every_way_of_reading() {
    crate::block_on(async {
        let file = fs::TempFile::new().await.unwrap();
        let data: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
        let mut out = fs::BufWriter::new(fs::create(file.path()).await.unwrap());
        for piece in data.chunks(1000) {
            out.write_all(piece).await.unwrap();
        }
        out.close().await.unwrap();
        assert_eq!(fs::read(file.path()).await.unwrap(), data);

        let mut open = fs::open(file.path()).await.unwrap();
        let mut read = Vec::new();
        let mut buf = vec![0; 1_000_000];
        loop {
            let n = open.read(&mut buf).await.unwrap();
            if n == 0 {
                break;
            }
            read.extend_from_slice(&buf[..n]);
        }
        assert_eq!(read, data);

        read.clear();
        while read.len() < data.len() {
            let n = open.read_at(&mut buf, read.len() as u64).await.unwrap();
            read.extend_from_slice(&buf[..n]);
        }
        assert_eq!(read, data);
        assert_eq!(open.read_at(&mut buf, 3_000_000).await.unwrap(), 0);

        let copied = file.path().with_extension("copy");
        assert_eq!(fs::copy(file.path(), &copied).await.unwrap(), 3_000_000);
        fs::remove_file(copied).await.unwrap();
    });
}

#[test]
fn what_cannot_be_read_at_once_is_read_by_the_pool() {
    crate::block_on(async {
        // Made by the kernel while it is read, which knows no reading without waiting.
        let mut file = fs::open("/proc/self/status").await.unwrap();
        let mut buf = [0; 5];
        assert_eq!(file.read(&mut buf).await.unwrap(), 5);
        assert_eq!(&buf, b"Name:");
        assert!(file.read_to_string().await.unwrap().contains("VmRSS"));
        let mut buf = [0; 4];
        assert_eq!(file.read_at(&mut buf, 1).await.unwrap(), 4);
        assert_eq!(&buf, b"ame:");
    });
}

#[test]
fn many_operations_on_one_file_at_once() {
    crate::block_on(async {
        let file = fs::TempFile::new().await.unwrap();
        let writes = (0..200_u64).map(|i| file.write_all_at([i as u8; 100], i * 100));
        futures::future::try_join_all(writes).await.unwrap();
        let data = fs::read(file.path()).await.unwrap();
        assert_eq!(data.len(), 20_000);
        assert!(
            data.chunks(100)
                .enumerate()
                .all(|(i, piece)| piece == [i as u8; 100])
        );
    });
}

#[test]
fn appending_goes_to_the_end_wherever_the_position_is() {
    crate::block_on(async {
        let file = fs::TempFile::new().await.unwrap();
        let mut log = fs::OpenOptions::new()
            .append(true)
            .open(file.path())
            .await
            .unwrap();
        log.write_all("one ").await.unwrap();
        log.seek(SeekFrom::Start(0)).await.unwrap();
        log.write_all("two").await.unwrap();
        log.set_len(5).await.unwrap();
        assert_eq!(fs::read_to_string(file.path()).await.unwrap(), "one t");
    });
}

#[test]
fn reading_a_cached_file_lets_other_tasks_run() {
    aioli_task::run(async {
        let file = fs::TempFile::new().await.unwrap();
        fs::write(file.path(), vec![1; 100_000]).await.unwrap();
        let mut open = fs::open(file.path()).await.unwrap();
        let reader = aioli_task::spawn(async move {
            let mut byte = [0];
            let mut n = 0;
            while open.read(&mut byte).await.unwrap() == 1 {
                n += 1;
            }
            n
        });
        let mut passes = 0;
        while !reader.is_done() {
            aioli_task::yield_now().await;
            passes += 1;
        }
        assert_eq!(reader.await, 100_000);
        assert!(passes > 100, "{passes} passes");
    });
}

#[test]
fn files_of_all_sizes_are_read_whole() {
    aioli_task::run(async {
        let dir = aioli_fs::TempDir::new().await.unwrap();
        let path = dir.path().join("f");
        // Around what is read on the spot, and around nothing.
        for size in [0, 1, 4095, 65_535, 65_536, 65_537, 300_000] {
            let data: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            std::fs::write(&path, &data).unwrap();
            assert_eq!(aioli_fs::read(&path).await.unwrap(), data, "{size}");
        }
        std::fs::write(&path, "é").unwrap();
        assert_eq!(aioli_fs::read_to_string(&path).await.unwrap(), "é");
        std::fs::write(&path, [0xff]).unwrap();
        let error = aioli_fs::read_to_string(&path).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    });
}

/// Where a file ends does not say what it is: what is no plain file is read as ever, from its start.
#[cfg(target_os = "linux")]
#[test]
fn what_is_no_plain_file_is_read_whole_or_refused() {
    crate::block_on(async {
        let status = fs::read_to_string("/proc/self/status").await.unwrap();
        assert!(status.starts_with("Name:") && status.contains("VmRSS"));
        // It says that it is of a page's size, and is shorter.
        let sizes = "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size";
        if let Ok(expected) = std::fs::read(sizes) {
            assert_eq!(fs::read(sizes).await.unwrap(), expected);
        }
        assert!(fs::read("/dev/null").await.unwrap().is_empty());
        for folder in ["/proc", "/dev/shm", "/"] {
            let error = fs::read(folder).await.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::IsADirectory, "{folder}");
            assert_eq!(error.path(), Some(folder.as_ref()));
        }
    });
}

#[cfg(unix)]
#[test]
fn a_path_is_taken_as_it_is() {
    crate::block_on(async {
        let dir = fs::TempDir::new().await.unwrap();
        // Longer than what has its place beside the operation, and not.
        for name in ["a".to_owned(), "b".repeat(255)] {
            let path = dir.path().join(name);
            fs::write(&path, "text").await.unwrap();
            assert_eq!(fs::read_to_string(&path).await.unwrap(), "text");
        }
        // The kernel would take it for the end, and find another file.
        let path = dir.path().join("a\0b");
        for error in [
            fs::read(&path).await.unwrap_err(),
            fs::read_to_string(&path).await.unwrap_err(),
            fs::write(&path, "other").await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
            assert_eq!(error.path(), Some(&*path));
        }
        assert_eq!(fs::read(dir.path().join("a")).await.unwrap(), b"text");
    });
}

/// One who only looks at a pipe must not be noticed at its other end.
#[cfg(unix)]
#[test]
fn a_pipe_is_opened_once() {
    aioli_task::run(async {
        let dir = aioli_fs::TempDir::new().await.unwrap();
        let path = dir.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let other = path.clone();
        let writer = std::thread::spawn(move || std::fs::write(other, "through"));
        assert_eq!(aioli_fs::read_to_string(&path).await.unwrap(), "through");
        writer.join().unwrap().unwrap();
    });
}

#[test]
fn reading_what_is_in_memory_starves_nobody() {
    aioli_task::run(async {
        let dir = aioli_fs::TempDir::new().await.unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, "x").unwrap();
        let turns = std::rc::Rc::new(std::cell::Cell::new(0));
        let counts = turns.clone();
        let other = aioli_task::spawn(async move {
            loop {
                counts.set(counts.get() + 1);
                aioli_task::yield_now().await;
            }
        });
        for _ in 0..1000 {
            aioli_fs::read(&path).await.unwrap();
        }
        assert!(turns.get() >= 3, "{} turns beside 1000 reads", turns.get());
        other.cancel();
    });
}
