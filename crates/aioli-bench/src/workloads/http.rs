//! HTTP requests to a server on the other core, over the module `rt` of its program.
//!
//! `rt` has `clients`, one for each task, and `get` and `upload`, which return the length of the
//! body of an answer.

use std::sync::Arc;

use harness::net::HttpServer;
use harness::{Outcome, Run, Tap};

use crate::rt;

/// Runs a workload by its name.
pub(crate) fn run(run: &Run) -> Option<Outcome> {
    let again = run.clone();
    match run.workload.as_str() {
        name if name.starts_with("http_put_") => Some(rt::block_on(run, put(again))),
        name if ["http_get_", "https_get_", "h2_get_"]
            .iter()
            .any(|prefix| name.starts_with(prefix)) =>
        {
            Some(rt::block_on(run, get(again)))
        }
        _ => None,
    }
}

async fn get(run: Run) -> Outcome {
    let server = HttpServer::start(&run).expect("the server starts");
    let clients = rt::clients(&server, run.concurrency).await;
    let tap = Arc::new(Tap::new(&run));
    let tasks = clients.into_iter().map(|mut client| {
        let (tap, size) = (Arc::clone(&tap), run.size);
        rt::spawn(async move {
            while tap.take().is_some() {
                assert_eq!(rt::get(&mut client).await, size, "a body is incomplete");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        rt::join(task).await;
    }
    tap.finish()
}

async fn put(run: Run) -> Outcome {
    let server = HttpServer::start(&run).expect("the server starts");
    let clients = rt::clients(&server, run.concurrency).await;
    let answer = server.uploaded();
    // As a program would send a file that is part of it: nothing is to be copied or freed.
    let body: &'static [u8] = vec![b'x'; run.size].leak();
    let tap = Arc::new(Tap::new(&run));
    let tasks = clients.into_iter().map(|mut client| {
        let tap = Arc::clone(&tap);
        rt::spawn(async move {
            while tap.take().is_some() {
                let read = rt::upload(&mut client, body).await;
                assert_eq!(read, answer, "a body is incomplete");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        rt::join(task).await;
    }
    tap.finish()
}
