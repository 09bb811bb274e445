//! What needs a process of its own: standard streams, limits, a disk that fills, interruptions.
use aioli_fs as fs;
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    pin::pin,
    process::{Command, Output, Stdio},
};

/// Names the program that a child is to be.
const PROGRAM: &str = "AIOLI_FS_TEST_PROGRAM";

/// Runs this test binary again, as `program`, with `input` on a pipe.
fn run(program: &str, input: &[u8]) -> Output {
    let mut child = shell(program).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn shell(program: &str) -> Command {
    let mut shell = Command::new("sh");
    if program == "limit" {
        // In blocks of 512 bytes. The signal would end the process.
        shell.args(["-c", r#"trap "" XFSZ; ulimit -f 20; exec "$0" "$@""#]);
    } else if program == "endless" {
        // In kibibytes.
        shell.args(["-c", r#"ulimit -v 600000; exec "$0" "$@""#]);
    } else {
        shell.args(["-c", r#"exec "$0" "$@""#]);
    }
    of_this_binary(&mut shell, program);
    shell
}

/// Adds the arguments by which a shell runs this test binary as `program`.
fn of_this_binary(shell: &mut Command, program: &str) {
    shell
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "children::programs", "--nocapture"])
        .env(PROGRAM, program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
}

/// Does nothing but in a child.
#[test]
fn programs() {
    let Ok(program) = std::env::var(PROGRAM) else {
        return;
    };
    crate::block_on(async {
        match program.as_str() {
            "echo" => echo().await,
            "limit" => limit().await,
            "endless" => endless().await,
            "disk" => small_disk(&PathBuf::from(std::env::var_os(DISK).unwrap())).await,
            "busy" => busy().await,
            "waits" => {
                // The process ends although a thread waits for input that never comes.
                drop(crate::poll_once(pin!(fs::stdin().read_line())));
            }
            _ => panic!("no such program"),
        }
    });
}

async fn echo() {
    let mut stdin = fs::stdin();
    assert_eq!(stdin.read_line().await.unwrap(), "one\n");
    // What one handle has in memory, the next one gets.
    drop(stdin);
    let mut stdin = fs::stdin();
    let mut two = [0; 2];
    assert_eq!(stdin.read(&mut two).await.unwrap(), 2);
    assert_eq!(&two, b"tw");
    let mut lines = stdin.lines();
    assert_eq!(lines.next().await.unwrap().unwrap(), "o");
    assert_eq!(lines.next().await.unwrap().unwrap(), "three");
    // The rest is nobody's until the next one asks.
    drop(lines);
    let mut stdin = fs::stdin();
    assert_eq!(stdin.read_to_string().await.unwrap(), "four\nfive");
    assert_eq!(stdin.read_line().await.unwrap(), "");
    let writers = ["a", "b", "c"].map(|text| async move {
        let line = format!("{}\n", text.repeat(100_000));
        fs::stdout().write_all(line).await.unwrap();
    });
    futures::future::join_all(writers).await;
    fs::stderr().write_all("errors\n").await.unwrap();
}

async fn limit() {
    let dir = fs::TempDir::new().await.unwrap();
    let path = dir.path().join("a");
    let error = fs::write(&path, vec![1; 20_000]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    assert_eq!(error.path(), Some(&*path));
    assert_eq!(fs::metadata(&path).await.unwrap().len(), 10_240);

    let old = dir.path().join("old");
    fs::write(&old, "old").await.unwrap();
    fs::write_atomic(&old, vec![1; 20_000]).await.unwrap_err();
    assert_eq!(fs::read(&old).await.unwrap(), b"old");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);

    let mut file = fs::create(&path).await.unwrap();
    file.write_all(vec![1; 9_000]).await.unwrap();
    let error = file.write_all(vec![1; 9_000]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    file.close().await.unwrap();

    let mut out = fs::BufWriter::new(fs::create(&path).await.unwrap());
    out.write_all(vec![1; 20_000]).await.unwrap();
    let error = out.close().await.unwrap_err();
    assert_eq!((error.operation(), error.path()), ("write", Some(&*path)));
}

/// Files whose size says nothing, or more than there can be.
async fn endless() {
    for path in ["/dev/zero", "/proc/kcore"].map(Path::new) {
        if !path.exists() {
            continue;
        }
        let error = fs::read(path).await.unwrap_err();
        let kinds = [io::ErrorKind::OutOfMemory, io::ErrorKind::PermissionDenied];
        assert!(kinds.contains(&error.kind()), "{error}");
        assert_eq!((error.operation(), error.path()), ("read", Some(path)));
    }
}

#[test]
fn what_has_no_end_is_an_error_where_memory_has_one() {
    let output = run("endless", b"");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
}

#[test]
fn standard_streams_are_read_and_written_whole() {
    let output = run("echo", b"one\ntwo\nthree\r\nfour\nfive");
    let (out, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{errors}");
    for text in ["a", "b", "c"] {
        assert!(
            out.contains(&format!("{}\n", text.repeat(100_000))),
            "{text} is torn"
        );
    }
    assert!(errors.contains("errors\n"));
}

#[test]
fn a_file_that_may_not_grow_is_an_error_and_none_is_lost() {
    let output = run("limit", b"");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
}

#[test]
fn a_thread_that_waits_for_input_does_not_hold_up_the_end() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "children::programs"])
        .env(PROGRAM, "waits")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // Its input stays open until it has ended.
    let input = child.stdin.take();
    assert!(child.wait().unwrap().success());
    drop(input);
}

/// Where a child finds its small disk.
const DISK: &str = "AIOLI_FS_TEST_DISK";

/// What a small disk holds. It is more than the ring is asked for at once.
const DISK_SIZE: usize = 512 * 1024;

/// Does what fills a disk, in each of the ways that lead to it.
async fn small_disk(disk: &Path) {
    let is_full =
        |error: fs::Error| assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{error}");
    let large = vec![b'x'; 2 * DISK_SIZE];
    let (kept, filler) = (disk.join("kept"), disk.join("filler"));
    fs::write(&kept, "old").await.unwrap();

    // By a job, on the spot, through a file, and past the cache.
    is_full(fs::write(&filler, &large).await.unwrap_err());
    is_full(
        fs::write(disk.join("small"), [b'x'; 4096])
            .await
            .unwrap_err(),
    );
    is_full(fs::write_atomic(&kept, [b'x'; 4096]).await.unwrap_err());
    assert_eq!(fs::read(&kept).await.unwrap(), b"old");
    is_full(fs::copy(&filler, disk.join("copy")).await.unwrap_err());
    let mut log = fs::OpenOptions::new()
        .append(true)
        .open(&filler)
        .await
        .unwrap();
    is_full(log.write_all(&large).await.unwrap_err());
    is_full(log.write_all_at(&large, 0).await.unwrap_err());
    let options = fs::OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_DIRECT);
    match options.open(&filler).await {
        Ok(file) => {
            let far = DISK_SIZE as u64;
            is_full(file.write_all_at(&large, far).await.unwrap_err());
            drop(crate::poll_once(pin!(file.write_all_at(&large, far))));
            if let Err(error) = file.close().await {
                is_full(error);
            }
        }
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}"),
    }

    // Nothing is left but what was asked for, and room that is made is used.
    let mut names = Vec::new();
    let mut entries = fs::read_dir(disk).await.unwrap();
    while let Some(entry) = entries.next().await {
        names.push(entry.unwrap().file_name().to_owned());
    }
    names.sort();
    assert_eq!(names, ["copy", "filler", "kept", "small"]);
    log.set_len(0).await.unwrap();
    log.write_all("room").await.unwrap();
    log.sync_all().await.unwrap();
    fs::write_atomic(&kept, "new").await.unwrap();
    assert_eq!(fs::read(&kept).await.unwrap(), b"new");
}

#[test]
fn a_disk_that_fills_is_an_error_in_each_way_that_leads_to_it() {
    let dir = std::env::temp_dir().join(format!("aioli-fs-disk-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let script =
        format!(r#"mount -t tmpfs -o size={DISK_SIZE} none "${DISK}" || exit 77; exec "$0" "$@""#);
    // As root a namespace for the mount is enough; else one in which this user is root.
    let namespaces = [&["--mount"][..], &["--mount", "--user", "--map-root-user"]];
    let mut why = String::from("there is no `unshare`");
    let mut has_run = false;
    for namespace in namespaces {
        let mut unshare = Command::new("unshare");
        unshare.args(namespace).args(["sh", "-c", &script]);
        of_this_binary(&mut unshare, "disk");
        let Ok(output) = unshare.env(DISK, &dir).output() else {
            break;
        };
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // What the test binary says, it says on its standard output, too.
        if output.stdout.is_empty() {
            why = said;
            continue;
        }
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}{said}");
        assert!(text.contains("1 passed"), "{text}");
        has_run = true;
        break;
    }
    std::fs::remove_dir(&dir).unwrap();
    if !has_run {
        eprintln!("skipped: no small disk can be mounted: {}", why.trim());
    }
}

/// Keeps on doing what can be interrupted.
async fn busy() {
    let dir = fs::TempDir::new().await.unwrap();
    let path = dir.path().join("a");
    println!("busy");
    for n in 0..200_u32 {
        let text = n.to_string().repeat(1000);
        let mut file = fs::create(&path).await.unwrap();
        file.write_all(&text).await.unwrap();
        file.sync_data().await.unwrap();
        file.close().await.unwrap();
        assert_eq!(fs::read_to_string(&path).await.unwrap(), text);
        let mut file = fs::open(&path).await.unwrap();
        assert_eq!(file.read_to_string().await.unwrap(), text);
    }
}

#[test]
fn interruptions_are_not_seen() {
    // Who is stopped and continued finds its system calls interrupted, handlers or not.
    let mut child = shell("busy").spawn().unwrap();
    let mut n = 0;
    while child.try_wait().unwrap().is_none() {
        for signal in ["-STOP", "-CONT"] {
            let sent = Command::new("kill")
                .args([signal, &child.id().to_string()])
                .status();
            // It may have ended meanwhile, and is not waited for before, so the number is its own.
            sent.unwrap();
        }
        n += 1;
    }
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("busy"), "{text}");
    assert!(n > 0);
}
