//! Small and large files, over the module `rt` of the program this is part of.
//!
//! `rt` has `read_file`, `write_file` and `read_pieces` besides what the tasks need.

use std::sync::Arc;

use harness::{Meter, Outcome, Run, Tap, files};

use crate::rt;

/// Runs a workload by its name.
pub(crate) fn run(run: &Run) -> Option<Outcome> {
    let again = run.clone();
    match run.workload.as_str() {
        "fs_small" | "fs_small_c1" => Some(rt::block_on(run, small(again))),
        "fs_large_64k" | "fs_large_1m" => Some(rt::block_on(run, large(again))),
        "fs_write" | "fs_write_shm" => Some(rt::block_on(run, write(again))),
        _ => None,
    }
}

async fn small(run: Run) -> Outcome {
    let paths = Arc::new(files::small(&run).expect("the files can be made"));
    let tap = Arc::new(Tap::new(&run));
    let readers = (0..run.concurrency).map(|_| {
        let (paths, tap) = (Arc::clone(&paths), Arc::clone(&tap));
        rt::spawn(async move {
            while let Some(n) = tap.take() {
                let read = rt::read_file(&paths[n as usize % paths.len()]).await;
                assert_eq!(read, files::SMALL_SIZE, "a file is incomplete");
            }
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        rt::join(reader).await;
    }
    tap.finish()
}

/// An operation is a mebibyte.
async fn large(run: Run) -> Outcome {
    let path = files::large(&run).expect("the file can be made");
    let mut meter = Meter::new(&run);
    while meter.lap((files::LARGE_SIZE >> 20) as u64) {
        let read = rt::read_pieces(&path, run.size).await;
        assert_eq!(read, files::LARGE_SIZE, "the file is incomplete");
    }
    meter.finish()
}

async fn write(run: Run) -> Outcome {
    let scratch = Arc::new(files::Scratch::new(&run).expect("the directory can be made"));
    let tap = Arc::new(Tap::new(&run));
    let writers = (0..run.concurrency).map(|_| {
        let (scratch, tap) = (Arc::clone(&scratch), Arc::clone(&tap));
        rt::spawn(async move {
            while let Some(n) = tap.take() {
                rt::write_file(&scratch.file(n), vec![b'x'; files::SMALL_SIZE]).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        rt::join(writer).await;
    }
    tap.finish()
}
