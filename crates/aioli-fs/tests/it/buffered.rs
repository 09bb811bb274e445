//! Reading in pieces: nothing is lost, nothing comes twice, nothing grows without bound.

use aioli_fs::{self as fs, BufReader};
use futures::io::{AsyncBufReadExt, AsyncReadExt};
use proptest::prelude::*;
use std::{future::Future, io, pin::pin, task::Poll};

async fn reader(content: impl AsRef<[u8]>) -> (fs::TempDir, BufReader) {
    let dir = fs::TempDir::new().await.unwrap();
    let path = dir.path().join("a");
    fs::write(&path, content).await.unwrap();
    let file = fs::open(&path).await.unwrap();
    (dir, BufReader::new(file))
}

#[test]
fn pieces_of_all_kinds_follow_each_other() {
    crate::block_on(async {
        let (_dir, mut reader) = reader("a line\nkey=0123rest of it\n\nend").await;
        assert_eq!(reader.read_line().await.unwrap(), "a line\n");
        assert_eq!(reader.read_until(b'=').await.unwrap(), b"key=");
        assert_eq!(reader.read_exact(4).await.unwrap(), b"0123");
        let mut buf = [0; 5];
        assert_eq!(reader.read(&mut buf).await.unwrap(), 5);
        assert_eq!(&buf, b"rest ");
        let mut lines = reader.lines();
        let mut rest = Vec::new();
        while let Some(line) = lines.next().await {
            rest.push(line.unwrap());
        }
        assert_eq!(rest, ["of it", "", "end"]);
    });
}

#[test]
fn the_traits_of_futures_read_the_same_bytes() {
    crate::block_on(async {
        let (_dir, mut reader) = reader("one\ntwo\nthree").await;
        let mut line = String::new();
        AsyncBufReadExt::read_line(&mut reader, &mut line)
            .await
            .unwrap();
        assert_eq!(line, "one\n");
        let mut rest = String::new();
        reader.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "two\nthree");
    });
}

#[test]
fn what_does_not_fit_is_told_and_stays() {
    crate::block_on(async {
        let (_dir, reader) = reader("0123456789\nab\u{ff}\nend").await;
        let mut reader = reader.with_limit(10);
        let error = reader.read_line().await.unwrap_err();
        assert!(
            error.to_string().ends_with("longer than 10 bytes"),
            "{error}"
        );
        assert_eq!(reader.read_exact(11).await.unwrap(), b"0123456789\n");
        assert_eq!(reader.read_line().await.unwrap(), "ab\u{ff}\n");
        let error = reader.read_exact(4).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(reader.read_until(b'\n').await.unwrap(), b"end");
        assert_eq!(reader.read_until(b'\n').await.unwrap(), b"");
    });
}

#[test]
fn a_line_that_is_no_text_can_be_read_as_bytes() {
    crate::block_on(async {
        let (_dir, mut reader) = reader(b"a\xff\nb\n").await;
        let error = reader.read_line().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(reader.read_until(b'\n').await.unwrap(), b"a\xff\n");
        assert_eq!(reader.read_line().await.unwrap(), "b\n");
    });
}

#[test]
fn the_file_goes_on_where_the_reader_was() {
    crate::block_on(async {
        let (_dir, mut reader) = reader("one\ntwo\nthree").await;
        reader.read_line().await.unwrap();
        let mut file = reader.into_inner().unwrap();
        let mut buf = [0; 3];
        assert_eq!(file.read(&mut buf).await.unwrap(), 3);
        assert_eq!(&buf, b"two");
        assert_eq!(file.read_to_end().await.unwrap(), b"\nthree");
    });
}

#[test]
fn a_read_whose_future_is_gone_comes_after_what_was_buffered() {
    crate::block_on(async {
        let dir = fs::TempDir::new().await.unwrap();
        let path = dir.path().join("fifo");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        let (file, mut feed) = futures::join!(fs::open(&path), async {
            fs::OpenOptions::new()
                .write(true)
                .open(&path)
                .await
                .unwrap()
        });
        let mut reader = BufReader::new(file.unwrap());
        feed.write_all("one\ntwo").await.unwrap();
        assert_eq!(reader.read_line().await.unwrap(), "one\n");
        // Asks the pipe for more, and gives up.
        assert!(crate::poll_once(pin!(reader.read_line())).is_pending());
        feed.write_all(" and three\n").await.unwrap();
        let mut file = reader.into_inner().unwrap();
        feed.close().await.unwrap();
        assert_eq!(file.read_to_end().await.unwrap(), b"two and three\n");
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Pieces of random kinds, with futures that are dropped after a poll, give the whole.
    #[test]
    fn pieces_make_up_the_whole(
        content in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..3000),
        steps in proptest::collection::vec((0..4_u8, 0..200_usize, any::<bool>()), 1..60),
    ) {
        let seen = crate::block_on(async {
            let (_dir, mut reader) = reader(&content).await;
            let mut seen = Vec::new();
            for (kind, len, gives_up) in steps {
                let mut buf = vec![0; len];
                let piece = match kind {
                    0 => given(gives_up, reader.read_exact(len)).await,
                    1 => given(gives_up, reader.read_until(b'\n')).await,
                    2 => {
                        let line = reader.read_line();
                        given(gives_up, async { line.await.map(String::into_bytes) }).await
                    }
                    _ => {
                        let read = reader.read(&mut buf);
                        let n = given(gives_up, async { read.await.map(|n| vec![0; n]) }).await;
                        n.map(|n| buf[..n.len()].to_vec())
                    }
                };
                seen.extend(piece.unwrap_or_default());
            }
            let mut file = reader.into_inner().unwrap();
            seen.extend(file.read_to_end().await.unwrap());
            seen
        });
        prop_assert_eq!(seen, content);
    }
}

/// What a read gives, all of it or at its first poll.
async fn given(gives_up: bool, read: impl Future<Output = fs::Result<Vec<u8>>>) -> Option<Vec<u8>> {
    if !gives_up {
        return read.await.ok();
    }
    match crate::poll_once(pin!(read)) {
        Poll::Ready(piece) => piece.ok(),
        Poll::Pending => None,
    }
}
