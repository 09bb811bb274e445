//! Failures that nobody is left to hear of are logged, once.

use aioli_fs as fs;
use std::{
    fmt::{Debug, Write},
    pin::pin,
    sync::Mutex,
    time::{Duration, Instant},
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

static EVENTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps every event as a line of its fields.
struct Log;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        EVENTS.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn the_failure_of_a_file_that_is_dropped_while_it_is_written_is_logged_once() {
    // The job ends on a thread of the pool, which has no subscriber of its own.
    tracing::subscriber::set_global_default(Log).unwrap();
    // A spelling that no other test has.
    let path = "/dev/././full";
    crate::block_on(async {
        loop {
            let mut file = fs::OpenOptions::new().write(true).open(path).await.unwrap();
            if crate::poll_once(pin!(file.write_all("x"))).is_pending() {
                break;
            }
        }
    });
    let about = |line: &&String| line.contains(path);
    let end = Instant::now() + Duration::from_secs(10);
    while !EVENTS.lock().unwrap().iter().any(|line| about(&line)) {
        assert!(Instant::now() < end, "nothing was logged");
        std::thread::yield_now();
    }
    let events = EVENTS.lock().unwrap();
    let told: Vec<_> = events.iter().filter(about).collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("write "), "{told:?}");
}
