//! Opening: on the spot where that cannot wait, and nothing of it can be told from the file.

use aioli_fs as fs;
use std::io::ErrorKind;

#[cfg(target_os = "linux")]
#[test]
fn a_plain_file_in_memory_is_opened_in_the_first_poll() {
    use std::{os::fd::AsRawFd, pin::pin, task::Poll};
    crate::block_on(async {
        let file = fs::TempFile::new().await.unwrap();
        fs::write(file.path(), "one\ntwo\n").await.unwrap();
        let Poll::Ready(opened) = crate::poll_once(pin!(fs::open(file.path()))) else {
            // The kernel, or what confines this process, does not know the call.
            return;
        };
        let mut opened = opened.unwrap();
        assert_eq!(opened.path(), Some(file.path()));
        // The flag that kept the opening from waiting is not seen by who inherits the file.
        let number = opened.get_ref().as_raw_fd();
        let about = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap();
        let flags = about.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = i32::from_str_radix(flags.unwrap().trim(), 8).unwrap();
        let ours = libc::O_ACCMODE | libc::O_NONBLOCK | libc::O_DIRECT | libc::O_CLOEXEC;
        assert_eq!(flags & ours, libc::O_RDONLY | libc::O_CLOEXEC);
        assert_eq!(opened.read_to_string().await.unwrap(), "one\ntwo\n");
        assert_eq!(opened.write("no").await.unwrap_err().operation(), "write");

        let Poll::Ready(lines) = crate::poll_once(pin!(fs::lines(file.path()))) else {
            panic!("a file that was opened on the spot is not found a moment later");
        };
        let mut lines = lines.unwrap();
        assert_eq!(lines.next().await.unwrap().unwrap(), "one");
    });
}

#[test]
fn what_is_no_plain_file_or_not_there_is_opened_as_ever() {
    crate::block_on(async {
        let dir = fs::TempDir::new().await.unwrap();
        let mut folder = fs::open(dir.path()).await.unwrap();
        let error = folder.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IsADirectory);
        let path = dir.path().join("none");
        for error in [
            fs::open(&path).await.unwrap_err(),
            fs::lines(&path).await.unwrap_err(),
        ] {
            assert_eq!(
                (error.kind(), error.operation()),
                (ErrorKind::NotFound, "open")
            );
            assert_eq!(error.path(), Some(&*path));
        }
        #[cfg(target_os = "linux")]
        assert_eq!(
            fs::open("/dev/null")
                .await
                .unwrap()
                .read(&mut [0])
                .await
                .unwrap(),
            0
        );
    });
}

#[test]
fn opening_what_is_in_memory_starves_nobody() {
    aioli_task::run(async {
        let file = fs::TempFile::new().await.unwrap();
        let path = file.path().to_path_buf();
        let opener = aioli_task::spawn(async move {
            for _ in 0..1000 {
                fs::open(&path).await.unwrap();
            }
        });
        let mut passes = 0;
        while !opener.is_done() {
            aioli_task::yield_now().await;
            passes += 1;
        }
        assert!(passes > 3, "{passes} passes beside 1000 files");
    });
}
