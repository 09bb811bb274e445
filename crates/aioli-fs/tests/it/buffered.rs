//! A buffered reader: pieces, positions, and nothing lost when its futures are dropped.

use aioli_fs as fs;
use std::{
    io::{self, SeekFrom, Write},
    pin::pin,
};

async fn reader(contents: impl AsRef<[u8]>) -> (fs::TempDir, fs::BufReader) {
    let (dir, path) = crate::temp(contents).await;
    let file = fs::open(&path).await.unwrap();
    (dir, fs::BufReader::new(file))
}

fn pipe() -> (fs::File, io::PipeWriter) {
    let (reader, writer) = io::pipe().unwrap();
    let reader = std::fs::File::from(std::os::fd::OwnedFd::from(reader));
    (fs::File::from(reader), writer)
}

#[test]
fn lines_and_pieces_and_the_rest() {
    crate::block_on(async {
        let (_dir, mut reader) = reader("one\ntwo;three\nrest").await;
        assert_eq!(reader.read_line().await.unwrap(), "one\n");
        assert_eq!(reader.read_until(b';').await.unwrap(), b"two;");
        let mut two = [0; 2];
        assert_eq!(reader.read(&mut two).await.unwrap(), 2);
        assert_eq!(&two, b"th");
        assert_eq!(reader.read_line().await.unwrap(), "ree\n");
        assert_eq!(reader.fill_buf().await.unwrap(), b"rest");
        assert_eq!(reader.read_to_end().await.unwrap(), b"rest");
        assert_eq!(reader.read_line().await.unwrap(), "");
        assert_eq!(reader.read_until(b'x').await.unwrap(), b"");
    });
}

#[test]
fn the_position_is_that_of_what_was_handed_out() {
    crate::block_on(async {
        let (_dir, mut reader) = reader("0123456789\n").await;
        assert_eq!(reader.read_until(b'3').await.unwrap(), b"0123");
        assert_eq!(reader.seek(SeekFrom::Current(2)).await.unwrap(), 6);
        assert_eq!(reader.read_until(b'7').await.unwrap(), b"67");
        let mut file = reader.into_inner().await.unwrap();
        assert_eq!(file.read_to_string().await.unwrap(), "89\n");
    });
}

#[test]
fn a_piece_that_is_too_long_stays() {
    crate::block_on(async {
        let (_dir, reader) = reader("0123456789;").await;
        let mut reader = reader.with_limit(5);
        let error = reader.read_until(b';').await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(reader.read_until(b'3').await.unwrap(), b"0123");
    });
}

#[test]
fn a_dropped_search_loses_nothing_whatever_is_looked_for_next() {
    crate::block_on(async {
        let (pipe, mut writer) = pipe();
        let mut reader = fs::BufReader::new(pipe);
        writer.write_all(b"a;b").unwrap();
        assert_eq!(reader.fill_buf().await.unwrap(), b"a;b");
        assert!(crate::poll_once(pin!(reader.read_line())).is_pending());
        assert!(crate::poll_once(pin!(reader.read_line())).is_pending());
        writer.write_all(b"\nc").unwrap();
        drop(writer);
        assert_eq!(reader.read_until(b';').await.unwrap(), b"a;");
        assert_eq!(reader.read_line().await.unwrap(), "b\n");
        assert_eq!(reader.read_line().await.unwrap(), "c");
    });
}

#[test]
fn several_buffers_are_read_and_written_in_order() {
    use io::{IoSlice, IoSliceMut};
    crate::block_on(async {
        let mut file = fs::TempFile::new().await.unwrap();
        let pieces = [
            IoSlice::new(b"one"),
            IoSlice::new(b""),
            IoSlice::new(b"two"),
        ];
        file.write_all_vectored(&pieces).await.unwrap();
        file.seek(SeekFrom::Start(1)).await.unwrap();
        let (mut a, mut b) = ([0; 2], [0; 10]);
        let bufs = &mut [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
        assert_eq!(file.read_vectored(bufs).await.unwrap(), 5);
        assert_eq!((&a, &b[..3]), (b"ne", &b"two"[..]));

        // What cannot be read on the spot comes in order too.
        let (mut pipe, mut writer) = pipe();
        writer.write_all(b"xyz").unwrap();
        let bufs = &mut [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
        assert_eq!(pipe.read_vectored(bufs).await.unwrap(), 3);
        assert_eq!((&a, &b[..1]), (b"xy", &b"z"[..]));
    });
}

#[test]
fn buffers_without_room_are_no_end_and_large_ones_are_filled() {
    use io::IoSliceMut;
    crate::block_on(async {
        let mut file = fs::TempFile::new().await.unwrap();
        file.write_all(vec![7; 600_000]).await.unwrap();
        file.seek(SeekFrom::Start(0)).await.unwrap();
        let mut large = vec![0; 200_000];
        let mut bufs: Vec<_> = (0..2000).map(|_| IoSliceMut::new(&mut [])).collect();
        assert_eq!(file.read_vectored(&mut bufs).await.unwrap(), 0);
        bufs.push(IoSliceMut::new(&mut large));
        let n = file.read_vectored(&mut bufs).await.unwrap();
        assert!(n > 0);
        assert!(large[..n].iter().all(|byte| *byte == 7) && large[n..].iter().all(|b| *b == 0));
        let (mut small, mut large) = ([0; 10], vec![0; 300_000]);
        let bufs = &mut [IoSliceMut::new(&mut small), IoSliceMut::new(&mut large)];
        let more = file.read_vectored(bufs).await.unwrap();
        assert_eq!(small, [7; 10]);
        let rest = file.read_to_end().await.unwrap();
        assert_eq!(n + more + rest.len(), 600_000);
    });
}
