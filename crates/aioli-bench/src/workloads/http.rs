//! HTTP requests to a server on the other core, over the module `rt` of its program.
//!
//! `rt` has `clients`, one for each task, and `get`, which returns the length of a body.

use std::sync::Arc;

use harness::net::HttpServer;
use harness::{Outcome, Run, Tap};

use crate::rt;

/// Runs a workload by its name.
pub(crate) fn run(run: &Run) -> Option<Outcome> {
    let again = run.clone();
    match run.workload.as_str() {
        name if name.starts_with("http_get") => Some(rt::block_on(run, get(again))),
        _ => None,
    }
}

async fn get(run: Run) -> Outcome {
    let server = HttpServer::start(&run).expect("the server starts");
    let clients = rt::clients(&server.url(), run.concurrency).await;
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
