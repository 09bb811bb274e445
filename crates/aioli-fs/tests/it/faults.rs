//! Files that are not what they seem, and systems that refuse.

use aioli_fs as fs;
use std::{
    ffi::OsStr,
    io::{self, SeekFrom},
    os::unix::{ffi::OsStrExt, process::ExitStatusExt},
    process::Command,
};

async fn temp(content: impl AsRef<[u8]>) -> (fs::TempDir, std::path::PathBuf) {
    let dir = fs::TempDir::new().await.unwrap();
    let path = dir.path().join("a");
    fs::write(&path, content).await.unwrap();
    (dir, path)
}

#[test]
fn files_of_the_kernel_without_a_length_are_read_whole() {
    crate::block_on(async {
        let whole = fs::read_to_string("/proc/self/status").await.unwrap();
        assert!(whole.contains("Pid:"), "{whole}");
        assert_eq!(fs::metadata("/proc/self/status").await.unwrap().len(), 0);
        let mut file = fs::open("/proc/self/status").await.unwrap();
        assert!(file.read_to_string().await.unwrap().contains("Pid:"));
        let mut lines = fs::lines("/proc/self/status").await.unwrap();
        assert!(lines.next().await.unwrap().unwrap().starts_with("Name:"));
    });
}

#[test]
fn a_file_that_is_truncated_while_it_is_read_ends_there() {
    crate::block_on(async {
        let (_dir, path) = temp(vec![7; 1 << 20]).await;
        let mut file = fs::open(&path).await.unwrap();
        let mut buf = vec![0; 1000];
        assert_eq!(file.read(&mut buf).await.unwrap(), 1000);
        let mut other = fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .await
            .unwrap();
        other.set_len(1500).await.unwrap();
        assert_eq!(file.read_to_end().await.unwrap().len(), 500);
        other.set_len(10).await.unwrap();
        assert_eq!(file.read(&mut buf).await.unwrap(), 0);
        assert_eq!(file.read_at(&mut buf, 0).await.unwrap(), 10);
    });
}

#[test]
fn a_file_that_grows_while_it_is_read_goes_on() {
    crate::block_on(async {
        let (_dir, path) = temp("one").await;
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
fn offsets_beyond_four_gibibytes() {
    const FAR: u64 = (4 << 30) + 4096;
    crate::block_on(async {
        let (_dir, path) = temp("").await;
        let mut file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .await
            .unwrap();
        file.write_all_at("far", FAR).await.unwrap();
        assert_eq!(file.metadata().await.unwrap().len(), FAR + 3);
        let mut buf = [0; 8];
        assert_eq!(file.read_at(&mut buf, FAR).await.unwrap(), 3);
        assert_eq!(&buf[..3], b"far");
        assert_eq!(file.seek(SeekFrom::Start(FAR - 1)).await.unwrap(), FAR - 1);
        assert_eq!(file.read_to_end().await.unwrap(), b"\0far");
        assert_eq!(file.seek(SeekFrom::End(-3)).await.unwrap(), FAR);
    });
}

#[test]
fn names_that_are_no_text() {
    crate::block_on(async {
        let dir = fs::TempDir::new().await.unwrap();
        let name = OsStr::from_bytes(b"a\xff\xfe");
        let path = dir.path().join(name);
        fs::write(&path, "x").await.unwrap();
        let mut entries = fs::read_dir(dir.path()).await.unwrap();
        assert_eq!(entries.next().await.unwrap().unwrap().file_name(), name);
        let mut walk = fs::walk(dir.path());
        assert_eq!(walk.next().await.unwrap().unwrap().path(), path);
        fs::remove_file(&path).await.unwrap();
        let error = fs::read(&path).await.unwrap_err();
        assert!(error.to_string().contains(r"a\xFF\xFE"), "{error}");
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
fn links_that_lead_to_themselves() {
    crate::block_on(async {
        let dir = fs::TempDir::new().await.unwrap();
        let path = dir.path().join("loop");
        fs::symlink(&path, &path).await.unwrap();
        let error = fs::open(&path).await.unwrap_err();
        assert_eq!(error.io_error().raw_os_error(), Some(libc::ELOOP));
        assert!(fs::symlink_metadata(&path).await.unwrap().is_symlink());
        let mut walk = fs::walk(dir.path());
        assert!(walk.next().await.unwrap().unwrap().file_type().is_symlink());
        assert!(walk.next().await.is_none(), "links are not followed");
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

/// Runs the ignored test `name` of this file under a limit of the shell's.
fn limited(limit: &str, name: &str) -> std::process::Output {
    let program = std::env::current_exe().unwrap();
    let script = format!("{limit}; exec \"$0\" --exact faults::{name} --ignored --nocapture");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).arg(program);
    shell.output().unwrap()
}

#[test]
#[ignore = "the child of a test"]
fn beyond_the_largest_file() {
    crate::block_on(async {
        let dir = fs::TempDir::new().await.unwrap();
        let path = dir.path().join("a");
        let mut file = fs::create(&path).await.unwrap();
        // What fits is written, and what does not is told with the file that could not have it.
        let error = file.write_all(vec![0; 1 << 20]).await.unwrap_err();
        assert_eq!(error.io_error().raw_os_error(), Some(libc::EFBIG));
        assert_eq!(error.path(), Some(&*path));
        file.close().await.unwrap();
        let error = fs::write_atomic(&path, vec![1; 1 << 20]).await.unwrap_err();
        assert_eq!(error.io_error().raw_os_error(), Some(libc::EFBIG));
        assert!(fs::read(&path).await.unwrap().iter().all(|byte| *byte == 0));
        let mut names = fs::read_dir(dir.path()).await.unwrap();
        assert!(names.next().await.is_some());
        assert!(names.next().await.is_none(), "half a file was left behind");
        std::process::exit(5);
    });
}

#[test]
fn a_file_that_may_not_grow_is_told() {
    // The signal that comes with the limit is ignored, as programs with a limit do.
    let output = limited("trap '' XFSZ; ulimit -f 64", "beyond_the_largest_file");
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert_eq!(output.status.signal(), None);
}

#[test]
#[ignore = "the child of a test"]
fn without_descriptors() {
    crate::block_on(async {
        let mut open = Vec::new();
        let error = loop {
            match fs::open("/dev/null").await {
                Ok(file) => open.push(file),
                Err(error) => break error,
            }
        };
        assert_eq!(error.io_error().raw_os_error(), Some(libc::EMFILE));
        open.pop();
        fs::open("/dev/null").await.unwrap();
        std::process::exit(6);
    });
}

#[test]
fn a_process_that_may_open_no_more_is_told() {
    let output = limited("ulimit -n 40", "without_descriptors");
    assert_eq!(output.status.code(), Some(6), "{output:?}");
}

#[test]
fn many_entries_are_listed_in_little_memory() {
    const ENTRIES: usize = 20_000;
    crate::block_on(async {
        let dir = fs::TempDir::new().await.unwrap();
        let root = dir.path().to_path_buf();
        aioli_task::to_thread(move || {
            for n in 0..ENTRIES {
                std::fs::File::create(root.join(n.to_string())).unwrap();
            }
        })
        .await;
        let mut entries = fs::read_dir(dir.path()).await.unwrap();
        let mut sum = 0;
        let mut count = 0;
        while let Some(entry) = entries.next().await {
            let name = entry.unwrap().file_name();
            sum += name.to_str().unwrap().parse::<usize>().unwrap();
            count += 1;
        }
        assert_eq!((count, sum), (ENTRIES, ENTRIES * (ENTRIES - 1) / 2));
    });
}
