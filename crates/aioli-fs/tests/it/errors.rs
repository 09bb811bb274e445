//! Errors name the operation and the path, and none of them is lost.

use aioli_fs as fs;
use std::{error::Error as _, future::Future, io, pin::pin};

fn check<T>(expected: &str, future: impl Future<Output = fs::Result<T>>) {
    let error = crate::block_on(future).err().expect("an error");
    assert_eq!(error.to_string(), expected);
    assert!(error.source().is_none(), "a chain would repeat the text");
}

#[test]
fn the_text_names_operation_path_and_cause() {
    check(
        r#"open "/no/x": No such file or directory"#,
        fs::open("/no/x"),
    );
    check(
        r#"create "/no/x": No such file or directory"#,
        fs::create("/no/x"),
    );
    check(r#"read "/": Is a directory"#, fs::read("/"));
    check(
        r#"list "/no": No such file or directory"#,
        fs::read_dir("/no"),
    );
    check(
        r#"rename "/no/x" to "/y": No such file or directory"#,
        fs::rename("/no/x", "/y"),
    );
    check(
        r#"open "/proc/self/mem\0": file name contained an unexpected NUL byte"#,
        fs::open("/proc/self/mem\0"),
    );
}

#[test]
fn it_becomes_an_io_error_of_the_same_kind_and_text() {
    let error = crate::block_on(fs::open("/no/x")).unwrap_err();
    assert_eq!(error.io_error().raw_os_error(), Some(2));
    let error = io::Error::from(error);
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert_eq!(
        error.to_string(),
        r#"open "/no/x": No such file or directory"#
    );
}

#[test]
fn c390_simple_read_fail() {
    crate::block_on(async {
        let file = fs::TempFile::new().await.unwrap();
        let mut write_only = fs::OpenOptions::new()
            .write(true)
            .open(file.path())
            .await
            .unwrap();
        let error = write_only.read_to_end().await.unwrap_err();
        assert_eq!(error.operation(), "read");
        let error = write_only.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.io_error().raw_os_error(), Some(libc::EBADF));
    });
}

#[test]
fn text_that_is_none_is_told_and_given_back() {
    crate::block_on(async {
        let mut file = fs::TempFile::new().await.unwrap();
        file.write_all(b"a\xff").await.unwrap();
        file.seek(io::SeekFrom::Start(0)).await.unwrap();
        let error = file.read_to_string().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(file.read_to_end().await.unwrap(), b"a\xff");
    });
}

async fn full() -> fs::File {
    fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .await
        .unwrap()
}

#[test]
fn a_full_disk_is_told_by_the_call_that_met_it() {
    crate::block_on(async {
        let mut file = full().await;
        let error = file.write_all("x").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"write "/dev/full": No space left on device"#
        );
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        file.write("x").await.unwrap_err();
        file.write_all_at("x", 3).await.unwrap_err();
        // All of them were told, so there is nothing left for the end.
        file.close().await.unwrap();
        fs::write("/dev/full", "x").await.unwrap_err();
    });
}

/// A full disk, and a write on it that has begun and whose future is gone.
async fn full_and_abandoned() -> fs::File {
    loop {
        let mut file = full().await;
        // The job may be faster than the poll, which then tells its error.
        if crate::poll_once(pin!(file.write_all("x"))).is_pending() {
            return file;
        }
    }
}

#[test]
fn a_full_disk_after_a_cancelled_write_is_told_by_the_next_call() {
    crate::block_on(async {
        let mut file = full_and_abandoned().await;
        let error = file.seek(io::SeekFrom::Start(0)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"write "/dev/full": No space left on device"#
        );
        file.close().await.unwrap();

        let error = full_and_abandoned().await.close().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    });
}

#[test]
fn a_failed_write_at_an_offset_whose_future_is_gone_is_told_at_close_if_it_ran() {
    crate::block_on(async {
        for _ in 0..20 {
            let mut file = full().await;
            let mut write = Box::pin(file.write_at("x", 0));
            let mut told = crate::poll_once(write.as_mut());
            if told.is_pending() {
                // Gives the job time to be done, to be running, or to wait.
                file.metadata().await.unwrap();
                told = crate::poll_once(write.as_mut());
            }
            drop(write);
            match told {
                std::task::Poll::Ready(result) => {
                    result.unwrap_err();
                    file.close().await.unwrap();
                }
                // Removed from the queue, or carried out and then told.
                std::task::Poll::Pending => {
                    if let Err(error) = file.seek(io::SeekFrom::Start(0)).await {
                        assert_eq!(error.operation(), "write");
                    }
                    drop(file.close().await);
                }
            }
        }
    });
}

#[test]
fn a_buffered_writer_keeps_telling_of_a_full_disk() {
    crate::block_on(async {
        let mut out = fs::BufWriter::new(full().await);
        out.write_all("x").await.unwrap();
        out.flush().await.unwrap_err();
        out.flush().await.unwrap_err();
        let error = out.close().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    });
}

#[test]
fn a_failed_atomic_write_leaves_the_old_file_and_nothing_else() {
    crate::block_on(async {
        let dir = fs::TempDir::new().await.unwrap();
        let error = fs::write_atomic(dir.path().join("no/x"), "new")
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        fs::create_dir(dir.path().join("folder")).await.unwrap();
        fs::write_atomic(dir.path().join("folder"), "new")
            .await
            .unwrap_err();
        let mut names = Vec::new();
        let mut entries = fs::read_dir(dir.path()).await.unwrap();
        while let Some(entry) = entries.next().await {
            names.push(entry.unwrap().file_name());
        }
        assert_eq!(names, ["folder"]);
    });
}
