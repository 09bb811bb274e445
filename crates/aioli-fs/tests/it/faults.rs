//! Odd files and full disks: what the system may answer at any time.

use aioli_fs as fs;
use std::{
    ffi::OsStr,
    io::{self, Read, SeekFrom},
    os::{fd::AsRawFd, unix::ffi::OsStrExt},
    pin::pin,
    process::Command,
};

#[test]
fn a_file_that_is_cut_off_while_it_is_read_ends_there() {
    crate::block_on(async {
        let (_dir, path) = crate::temp(vec![7; 1 << 20]).await;
        let mut file = fs::open(&path).await.unwrap();
        let mut buf = vec![0; 1000];
        file.read(&mut buf).await.unwrap();
        fs::truncate(&path, 1500).await.unwrap();
        assert_eq!(file.read(&mut buf).await.unwrap(), 500);
        assert_eq!(file.read(&mut buf).await.unwrap(), 0);
        fs::truncate(&path, 0).await.unwrap();
        assert!(file.read_to_end().await.unwrap().is_empty());
    });
}

#[test]
fn names_that_are_no_text_are_names() {
    crate::block_on(async {
        let dir = fs::TempDir::new().await.unwrap();
        let name = OsStr::from_bytes(b"\xff\xfe");
        let path = dir.path().join(name);
        fs::write(&path, "x").await.unwrap();
        let mut entries = fs::read_dir(dir.path()).await.unwrap();
        let entry = entries.next().await.unwrap().unwrap();
        assert_eq!(entry.file_name(), name);
        assert_eq!(fs::read(entry.path()).await.unwrap(), b"x");
        let error = fs::open(path.join("below")).await.unwrap_err();
        assert!(error.to_string().contains(r"\xFF\xFE"), "{error}");
    });
}

#[test]
fn files_of_no_size_are_read_to_their_end() {
    crate::block_on(async {
        let whole = fs::read_to_string("/proc/self/status").await.unwrap();
        assert!(whole.starts_with("Name:") && whole.len() > 100);
        let mut lines = fs::lines("/proc/self/status").await.unwrap();
        assert!(lines.next().await.unwrap().unwrap().starts_with("Name:"));
        let bytes = fs::open("/proc/self/status").await.unwrap();
        let mut reader = fs::BufReader::new(bytes);
        assert!(reader.read_line().await.unwrap().ends_with('\n'));
        assert!(reader.read_to_end().await.unwrap().len() > 100);
        assert!(fs::read("/dev/null").await.unwrap().is_empty());
    });
}

#[test]
fn offsets_beyond_four_gibibytes_are_offsets() {
    crate::block_on(async {
        let far = (1 << 32) + 123;
        let mut file = fs::TempFile::new().await.unwrap();
        file.write_all_at("far", far).await.unwrap();
        assert_eq!(file.metadata().await.unwrap().len(), far + 3);
        let mut buf = [0; 8];
        assert_eq!(file.read_at(&mut buf, far).await.unwrap(), 3);
        assert_eq!(file.seek(SeekFrom::Start(far + 1)).await.unwrap(), far + 1);
        assert_eq!(file.read_to_end().await.unwrap(), b"ar");
        file.read_at(&mut buf, u64::MAX).await.unwrap_err();
        let error = file.write_at("x", u64::MAX).await.unwrap_err();
        assert_eq!(error.operation(), "write");
    });
}

#[test]
fn a_loop_of_links_is_an_error_and_no_loop() {
    crate::block_on(async {
        let dir = fs::TempDir::new().await.unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        fs::symlink(&a, &b).await.unwrap();
        fs::symlink(&b, &a).await.unwrap();
        for error in [
            fs::read(&a).await.map(drop).unwrap_err(),
            fs::write(&a, "x").await.unwrap_err(),
            fs::write_atomic(&a, "x").await.unwrap_err(),
            fs::metadata(&a).await.map(drop).unwrap_err(),
        ] {
            assert_eq!(
                error.io_error().raw_os_error(),
                Some(libc::ELOOP),
                "{error}"
            );
            assert_eq!(error.path(), Some(&*a));
        }
        let mut walk = fs::walk(dir.path());
        let mut n = 0;
        while let Some(entry) = walk.next().await {
            entry.unwrap();
            n += 1;
        }
        assert_eq!(n, 2);
    });
}

#[test]
fn twenty_thousand_entries_come_one_by_one() {
    crate::block_on(async {
        let dir = fs::TempDir::new().await.unwrap();
        for i in 0..20_000 {
            std::fs::File::create(dir.path().join(i.to_string())).unwrap();
        }
        let mut entries = fs::read_dir(dir.path()).await.unwrap();
        let mut n = 0;
        while let Some(entry) = entries.next().await {
            entry.unwrap();
            n += 1;
        }
        assert_eq!(n, 20_000);
    });
}

/// How many bytes of memory this process has.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    kilobytes.parse::<usize>().unwrap() * 1024
}

#[test]
#[ignore = "a million names take a while to make and to remove"]
fn a_million_entries_are_listed_in_little_memory() {
    const N: usize = 1_000_000;
    /// All of them at once would take several times as much.
    const MEMORY_MAX: usize = 16 << 20;
    crate::block_on(async {
        let dir = fs::TempDir::new().await.unwrap();
        let mut file = dir.path().join("0");
        std::fs::File::create(&file).unwrap();
        for i in 1..N {
            let name = dir.path().join(i.to_string());
            // A name costs less than a file, which cannot have any number of them.
            if std::fs::hard_link(&file, &name).is_err() {
                std::fs::File::create(&name).unwrap();
                file = name;
            }
        }
        let before = memory();
        let mut most = before;
        let mut entries = fs::read_dir(dir.path()).await.unwrap();
        let mut n = 0;
        while let Some(entry) = entries.next().await {
            entry.unwrap();
            n += 1;
            if n % 10_000 == 0 {
                most = most.max(memory());
            }
        }
        assert_eq!(n, N);
        assert!(most - before < MEMORY_MAX, "{before}, at most {most}");
        let mut walk = fs::walk(dir.path());
        let mut n = 0;
        while let Some(entry) = walk.next().await {
            entry.unwrap();
            n += 1;
        }
        assert_eq!(n, N);
    });
}

#[test]
fn small_writes_in_memory_are_as_those_of_the_standard_library() {
    let shm = std::path::Path::new("/dev/shm");
    if !shm.is_dir() {
        eprintln!("skipped: no /dev/shm");
        return;
    }
    crate::block_on(async {
        use std::os::unix::fs::PermissionsExt;
        let dir = fs::TempDir::new_in(shm).await.unwrap();
        let (ours, theirs) = (dir.path().join("ours"), dir.path().join("theirs"));
        fs::write(&ours, "a long text").await.unwrap();
        std::fs::write(&theirs, "a long text").unwrap();
        let mode = |path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&theirs));
        fs::write(&ours, "short").await.unwrap();
        assert_eq!(std::fs::read(&ours).unwrap(), b"short");
        // Links are followed, folders are not written, and nothing is made elsewhere.
        let link = dir.path().join("link");
        fs::symlink("theirs", &link).await.unwrap();
        fs::write(&link, "through").await.unwrap();
        assert_eq!(std::fs::read(&theirs).unwrap(), b"through");
        assert!(fs::symlink_metadata(&link).await.unwrap().is_symlink());
        let error = fs::write(dir.path(), "x").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
        let error = fs::write(dir.path().join("no/x"), "x").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        // What ends like a folder is none to be made a file.
        for end in ["new/", "new/.", "ours/", "ours/."] {
            let path = dir.path().join(end);
            let theirs = std::fs::write(&path, "x").unwrap_err();
            let error = fs::write(&path, "x").await.unwrap_err();
            assert_eq!(error.kind(), theirs.kind(), "{end}");
        }
        assert!(!fs::exists(dir.path().join("new")).await.unwrap());
        assert_eq!(std::fs::read(&ours).unwrap(), b"short");
        let error = fs::write(shm.join(".."), "x").await.unwrap_err();
        assert_eq!(error.operation(), "write");
    });
}

#[test]
fn a_lock_is_waited_for_and_given_up_when_nobody_waits() {
    crate::block_on(async {
        let dir = fs::TempDir::new().await.unwrap();
        let path = dir.path().join("lock");
        let ours = fs::create(&path).await.unwrap();
        let theirs = fs::open(&path).await.unwrap();
        let third = fs::open(&path).await.unwrap();
        ours.lock().await.unwrap();
        {
            let mut waiting = pin!(theirs.lock());
            assert!(crate::poll_once(waiting.as_mut()).is_pending());
            ours.unlock().unwrap();
            waiting.await.unwrap();
        }
        assert!(!ours.try_lock_shared().unwrap());
        // A wait that is given up holds nobody off for good.
        assert!(crate::poll_once(pin!(third.lock())).is_pending());
        theirs.unlock().unwrap();
        ours.lock().await.unwrap();
        // It gets its turn, and passes it on.
        ours.unlock().unwrap();
        theirs.lock_shared().await.unwrap();
        theirs.close().await.unwrap();
        third.close().await.unwrap();
    });
}

#[test]
fn a_file_that_grows_while_it_is_read_goes_on() {
    crate::block_on(async {
        let (_dir, path) = crate::temp("one").await;
        let mut file = fs::open(&path).await.unwrap();
        assert_eq!(file.read_to_end().await.unwrap(), b"one");
        let mut log = fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .await
            .unwrap();
        log.write_all("two").await.unwrap();
        assert_eq!(file.read_to_end().await.unwrap(), b"two");
    });
}

#[test]
fn a_folder_that_is_removed_while_it_is_walked() {
    crate::block_on(async {
        let dir = fs::TempDir::new().await.unwrap();
        for n in 0..300 {
            fs::create_dir_all(dir.path().join(format!("{n}/below")))
                .await
                .unwrap();
        }
        let mut walk = fs::walk(dir.path());
        let mut seen = 0;
        let mut failed = 0;
        while let Some(entry) = walk.next().await {
            match entry {
                Ok(_) => seen += 1,
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}");
                    assert_eq!(error.operation(), "list");
                    failed += 1;
                }
            }
            if seen == 10 {
                for n in 0..300 {
                    fs::remove_dir_all(dir.path().join(format!("{n}")))
                        .await
                        .unwrap();
                }
                seen += 1;
            }
        }
        assert!(seen >= 10 && failed <= 300, "{seen} seen, {failed} failed");
    });
}

#[test]
fn a_pipe_with_a_name_is_read_as_its_bytes_come() {
    crate::block_on(async {
        let dir = fs::TempDir::new().await.unwrap();
        let path = dir.path().join("pipe");
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let write = async {
            let mut pipe = fs::OpenOptions::new()
                .write(true)
                .open(&path)
                .await
                .unwrap();
            pipe.write_all("through the pipe").await.unwrap();
            pipe.close().await.unwrap();
        };
        let (read, ()) = futures::join!(fs::read_to_string(&path), write);
        assert_eq!(read.unwrap(), "through the pipe");
        let mut pipe = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .await
            .unwrap();
        let error = pipe.seek(SeekFrom::Start(1)).await.unwrap_err();
        assert_eq!(error.io_error().raw_os_error(), Some(libc::ESPIPE));
    });
}

#[test]
fn what_is_no_file_is_written_to_and_not_replaced() {
    use std::os::unix::fs::FileTypeExt;

    crate::block_on(async {
        let dir = fs::TempDir::new().await.unwrap();
        let (pipe, link) = (dir.path().join("pipe"), dir.path().join("link"));
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        // Linux opens both ends at once, and waits for nobody.
        let mut options = std::fs::File::options();
        let mut both = options.read(true).write(true).open(&pipe).unwrap();
        for path in [&pipe, &link] {
            fs::write_atomic(path, "text").await.unwrap();
            let mut text = [0; 4];
            both.read_exact(&mut text).unwrap();
            assert_eq!(&text, b"text");
        }
        // Behind this name there is none.
        let unnamed = format!("/proc/self/fd/{}", both.as_raw_fd());
        fs::write_atomic(unnamed, "text").await.unwrap();
        assert!(
            std::fs::symlink_metadata(&pipe)
                .unwrap()
                .file_type()
                .is_fifo()
        );
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        let error = fs::write_atomic("/dev/full", "text").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    });
}
