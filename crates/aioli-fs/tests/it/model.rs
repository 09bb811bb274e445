//! A file against a vector of bytes, with operations cancelled on the way.

use aioli_fs as fs;
use proptest::prelude::*;
use proptest::test_runner::contextualize_config;
use std::{
    io::{IoSlice, IoSliceMut, SeekFrom},
    pin::pin,
    task::Poll,
};

#[derive(Debug, Clone)]
enum Op {
    Read(usize),
    ReadToEnd,
    Write(Vec<u8>),
    WriteAt(Vec<u8>, u64),
    ReadVectored(usize, usize),
    WriteVectored(Vec<u8>, Vec<u8>),
    ReadAtOwned(usize, u64),
    WriteAtOwned(Vec<u8>, u64),
    SeekTo(u64),
    SeekBy(i64),
    SeekEnd(i64),
    SetLen(u64),
}

fn op() -> impl Strategy<Value = (Op, bool)> {
    let data = || proptest::collection::vec(any::<u8>(), 0..50);
    let op = prop_oneof![
        (0..60_usize).prop_map(Op::Read),
        Just(Op::ReadToEnd),
        data().prop_map(Op::Write),
        (data(), 0..100_u64).prop_map(|(data, at)| Op::WriteAt(data, at)),
        (0..30_usize, 0..30_usize).prop_map(|(a, b)| Op::ReadVectored(a, b)),
        (data(), data()).prop_map(|(a, b)| Op::WriteVectored(a, b)),
        (0..60_usize, 0..100_u64).prop_map(|(n, at)| Op::ReadAtOwned(n, at)),
        (data(), 0..100_u64).prop_map(|(data, at)| Op::WriteAtOwned(data, at)),
        (0..100_u64).prop_map(Op::SeekTo),
        (-50..50_i64).prop_map(Op::SeekBy),
        (-50..1_i64).prop_map(Op::SeekEnd),
        (0..100_u64).prop_map(Op::SetLen),
    ];
    // Whether the operation's future is polled once and dropped before it is done for good.
    (op, any::<bool>())
}

/// The obvious file.
#[derive(Default)]
struct Model {
    bytes: Vec<u8>,
    at: usize,
}

impl Model {
    fn read(&mut self, n: usize) -> Vec<u8> {
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        let read = rest[..n.min(rest.len())].to_vec();
        self.at += read.len();
        read
    }

    fn write(&mut self, data: &[u8], at: usize) {
        if data.is_empty() {
            return;
        }
        let end = at + data.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[at..end].copy_from_slice(data);
    }

    fn seek(&mut self, from: usize, by: i64) -> Option<u64> {
        let at = usize::try_from(from as i64 + by).ok()?;
        self.at = at;
        Some(at as u64)
    }
}

async fn apply(file: &mut fs::File, model: &mut Model, op: Op, cancelled: bool) {
    if cancelled {
        // So that the one poll is enough for the operation to begin.
        file.sync_data().await.unwrap();
    }
    match op {
        Op::Read(n) => {
            let mut buf = vec![0; n];
            let mut done = None;
            if cancelled && let Poll::Ready(n) = crate::poll_once(pin!(file.read(&mut buf))) {
                done = Some(n.unwrap());
            }
            let n = match done {
                Some(n) => n,
                None => file.read(&mut buf).await.unwrap(),
            };
            // A short read is allowed, at the end of what was read ahead; an empty one is not.
            let expected = model.read(n);
            assert_eq!(&buf[..n], expected);
            assert!(n > 0 || buf.is_empty() || model.at >= model.bytes.len());
        }
        Op::ReadToEnd => {
            let mut read = Vec::new();
            if cancelled && let Poll::Ready(done) = crate::poll_once(pin!(file.read_to_end())) {
                read = done.unwrap();
            }
            read.extend(file.read_to_end().await.unwrap());
            assert_eq!(read, model.read(usize::MAX));
        }
        Op::Write(data) => {
            let at = model.at;
            model.write(&data, at);
            model.at += data.len();
            if cancelled {
                drop(crate::poll_once(pin!(file.write_all(data))));
            } else {
                file.write_all(data).await.unwrap();
            }
        }
        Op::WriteAt(data, at) => {
            // One that runs beside an abandoned operation has no order with it.
            file.sync_data().await.unwrap();
            model.write(&data, at as usize);
            file.write_all_at(data, at).await.unwrap();
        }
        Op::ReadVectored(a, b) => {
            let (mut first, mut second) = (vec![0; a], vec![0; b]);
            let bufs = &mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
            let mut done = None;
            if cancelled && let Poll::Ready(n) = crate::poll_once(pin!(file.read_vectored(bufs))) {
                done = Some(n.unwrap());
            }
            let n = match done {
                Some(n) => n,
                None => file.read_vectored(bufs).await.unwrap(),
            };
            first.extend(second);
            assert_eq!(&first[..n], model.read(n));
            assert!(n > 0 || first.is_empty() || model.at >= model.bytes.len());
        }
        Op::WriteVectored(first, second) => {
            let pieces = [IoSlice::new(&first), IoSlice::new(&second)];
            let data = [&first[..], &second].concat();
            let at = model.at;
            model.write(&data, at);
            model.at += data.len();
            if cancelled {
                drop(crate::poll_once(pin!(file.write_all_vectored(&pieces))));
            } else {
                file.write_all_vectored(&pieces).await.unwrap();
            }
        }
        Op::ReadAtOwned(n, at) => {
            file.sync_data().await.unwrap();
            let (n, buf) = file.read_at_owned(vec![0; n], at).await;
            let rest = model.bytes.get(at as usize..).unwrap_or(&[]);
            assert_eq!(&buf[..n.unwrap()], &rest[..rest.len().min(buf.len())]);
        }
        Op::WriteAtOwned(data, at) => {
            file.sync_data().await.unwrap();
            model.write(&data, at as usize);
            file.write_all_at_owned(data, at).await.unwrap();
        }
        Op::SeekTo(to) => {
            model.at = to as usize;
            assert_eq!(file.seek(SeekFrom::Start(to)).await.unwrap(), to);
        }
        Op::SeekBy(by) => {
            let expected = model.seek(model.at, by);
            assert_eq!(file.seek(SeekFrom::Current(by)).await.ok(), expected);
        }
        Op::SeekEnd(by) => {
            let expected = model.seek(model.bytes.len(), by);
            assert_eq!(file.seek(SeekFrom::End(by)).await.ok(), expected);
        }
        Op::SetLen(len) => {
            model.bytes.resize(len as usize, 0);
            if cancelled {
                drop(crate::poll_once(pin!(file.set_len(len))));
            } else {
                file.set_len(len).await.unwrap();
            }
        }
    }
}

proptest! {
    #![proptest_config(contextualize_config(ProptestConfig { cases: 100, failure_persistence: None, ..Default::default() }))]

    #[test]
    fn a_file_is_a_vector_of_bytes(ops in proptest::collection::vec(op(), 1..25)) {
        crate::block_on(async {
            let mut file = fs::TempFile::new().await.unwrap();
            let mut model = Model::default();
            for (op, cancelled) in ops {
                apply(&mut file, &mut model, op, cancelled).await;
            }
            file.sync_data().await.unwrap();
            assert_eq!(std::fs::read(file.path()).unwrap(), model.bytes);
        });
    }
}
