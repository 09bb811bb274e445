//! The workloads: what each asks of the programs, and which figures are read from their answers.

use super::results::Record;

/// Where the files of a workload lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Place {
    Disk,
    Memory,
}

/// One workload.
#[derive(Debug)]
pub(super) struct Workload {
    pub(super) name: &'static str,
    /// The family by which programs say what they can do, and the plot it is in.
    pub(super) family: &'static str,
    pub(super) about: &'static str,
    pub(super) size: usize,
    pub(super) concurrency: usize,
    /// A fixed number of operations, in a full run and in a quick one; else it is a time.
    pub(super) ops: Option<(u64, u64)>,
    pub(super) place: Place,
    /// The first one is shown while the run goes on.
    pub(super) figures: &'static [Figure],
}

/// Something that is read from what a program has said.
#[derive(Debug)]
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) more_is_better: bool,
    /// Whether it is a matter of better and worse, and not of how.
    pub(super) compared: bool,
    pub(super) value: fn(&Record) -> Option<f64>,
}

const fn less(name: &'static str, unit: &'static str, value: fn(&Record) -> Option<f64>) -> Figure {
    Figure {
        name,
        unit,
        more_is_better: false,
        compared: true,
        value,
    }
}

const fn more(name: &'static str, unit: &'static str, value: fn(&Record) -> Option<f64>) -> Figure {
    Figure {
        name,
        unit,
        more_is_better: true,
        compared: true,
        value,
    }
}

fn per_op(total: f64, record: &Record) -> Option<f64> {
    (record.ops > 0.0).then(|| total / record.ops)
}

fn per_second(record: &Record) -> Option<f64> {
    (record.wall_ns > 0.0).then(|| record.ops * 1e9 / record.wall_ns)
}

const TIME: Figure = less("time", "ns", |r| per_op(r.wall_ns, r));
const CPU: Figure = less("CPU", "ns", |r| per_op(r.cpu_ns, r));
const MEMORY: Figure = less("peak memory", "MiB", |r| Some(r.peak_rss / 1_048_576.0));
const CPU_US: Figure = less("CPU", "µs", |r| per_op(r.cpu_ns / 1e3, r));
const SLEEPS: Figure = Figure {
    name: "sleeps",
    unit: "",
    more_is_better: false,
    compared: false,
    value: |r| per_op(r.switches, r),
};
const P50: Figure = less("p50", "µs", |r| r.figure("p50_ns", 1e-3));
const P99: Figure = less("p99", "µs", |r| r.figure("p99_ns", 1e-3));

const OP: &[Figure] = &[TIME, CPU, MEMORY];
const SLEEP: &[Figure] = &[
    less("p50 overshoot", "µs", |r| {
        r.figure("p50_overshoot_ns", 1e-3)
    }),
    less("p99 overshoot", "µs", |r| {
        r.figure("p99_overshoot_ns", 1e-3)
    }),
    CPU_US,
];
const BYTES: &[Figure] = &[
    less("memory", "B", |r| r.figure("bytes_per_task", 1.0)),
    CPU,
];
const TIMERS: &[Figure] = &[
    CPU_US,
    less("peak memory", "B", |r| r.figure("peak_rss_per_timer", 1.0)),
];
const ECHO: &[Figure] = &[
    less("server CPU", "µs", |r| per_op(r.cpu_ns / 1e3, r)),
    more("requests", "/s", per_second),
    P50,
    P99,
    SLEEPS,
    MEMORY,
];
const THROUGHPUT: &[Figure] = &[
    less("server CPU", "µs", |r| per_op(r.cpu_ns / 1e3, r)),
    more("throughput", "MB/s", |r| {
        Some(per_second(r)? * 65_536.0 / 1e6)
    }),
    SLEEPS,
];
const HTTP: &[Figure] = &[
    less("client CPU", "µs", |r| per_op(r.cpu_ns / 1e3, r)),
    more("requests", "/s", per_second),
    SLEEPS,
    MEMORY,
];
const FILES: &[Figure] = &[more("files", "/s", per_second), CPU_US, SLEEPS];
const WRITES: &[Figure] = &[CPU_US, more("files", "/s", per_second), SLEEPS];
// An operation is a mebibyte.
const PIECES: &[Figure] = &[
    more("throughput", "GB/s", |r| {
        Some(per_second(r)? * 1.048_576e-3)
    }),
    less("CPU a MiB", "µs", |r| per_op(r.cpu_ns / 1e3, r)),
];

const fn task(name: &'static str, about: &'static str, figures: &'static [Figure]) -> Workload {
    Workload {
        name,
        family: "tasks",
        about,
        size: 0,
        concurrency: 1,
        ops: None,
        place: Place::Disk,
        figures,
    }
}

const fn many(name: &'static str, about: &'static str, figures: &'static [Figure]) -> Workload {
    let mut workload = task(name, about, figures);
    workload.ops = Some((1_000_000, 100_000));
    workload
}

/// So many operations: a 99th percentile of the few sleeps of a round would be any one of them.
const fn times(ops: u64, mut workload: Workload) -> Workload {
    workload.ops = Some((ops, ops / 20));
    workload
}

const fn io(
    (name, family): (&'static str, &'static str),
    (size, concurrency): (usize, usize),
    about: &'static str,
    figures: &'static [Figure],
) -> Workload {
    let mut workload = task(name, about, figures);
    workload.family = family;
    workload.size = size;
    workload.concurrency = concurrency;
    workload
}

const fn in_memory(mut workload: Workload) -> Workload {
    workload.place = Place::Memory;
    workload
}

/// All workloads, in the order in which they run.
#[rustfmt::skip]
pub(super) static WORKLOADS: &[Workload] = &[
    task("spawn_join", "10,000 trivial tasks are spawned, then awaited", OP),
    task("yield", "1000 tasks yield 100 times each", OP),
    task("wake", "two tasks wake each other, and wait", OP),
    task("pingpong", "two tasks over two channels of capacity 1, a round trip", OP),
    task("mpsc", "four producers, one consumer, a channel of capacity 128, an item", OP),
    task("queue", "one producer, one consumer, a queue of capacity 5, an item", OP),
    task("mutex", "100 tasks lock and unlock, never holding across an await", OP),
    task("mutex_hold", "100 tasks lock, yield, and unlock", OP),
    task("timeout_ready", "a timeout around a future that is ready", OP),
    task("timeout_yield", "a timeout around one that yields: a timer is set and cancelled", OP),
    times(2000, task("sleep_acc", "`sleep(1 ms)`, one after the other, 2000 times", SLEEP)),
    many("idle_pending", "a million tasks that wait for nothing: resident memory a task", BYTES),
    many("idle_event", "a million tasks that wait for one event", BYTES),
    many("timers_1m", "a million tasks that sleep, and wake within one second", TIMERS),
    io(("threads_channel", "threads"), (8, 1), "a channel of capacity 128 from one core to another, an item", OP),
    io(("threads_pingpong", "threads"), (8, 1), "channels of capacity 1 there and back, a round trip", OP),
    io(("tcp_echo_1", "tcp"), (64, 1), "messages of 64 bytes there and back, 1 connection", ECHO),
    io(("tcp_echo_50", "tcp"), (64, 50), "the same on 50 connections", ECHO),
    io(("tcp_echo_1000", "tcp"), (64, 1000), "the same on 1000 connections", ECHO),
    io(("tcp_tput_64k", "tcp"), (65_536, 1), "messages of 64 KiB there and back, 1 connection", THROUGHPUT),
    io(("http_get_1", "http"), (100, 1), "GET of 100 bytes, kept alive, one after the other", HTTP),
    io(("http_get_64", "http"), (100, 64), "the same, 64 at a time", HTTP),
    io(("http_get_256", "http"), (100, 256), "the same, 256 at a time", HTTP),
    io(("http_get_16k", "http"), (16_384, 64), "GET of 16 KiB, 64 at a time", HTTP),
    io(("http_get_1m", "http"), (1_048_576, 4), "GET of 1 MiB, 4 at a time", HTTP),
    io(("http_put_1m", "http"), (1_048_576, 8), "PUT of 1 MiB from memory, 8 at a time", HTTP),
    io(("https_get_64", "http"), (100, 64), "GET of 100 bytes over TLS, kept alive, 64 at a time", HTTP),
    io(("h2_get_64", "http"), (100, 64), "the same over HTTP/2, by prior knowledge and without TLS", HTTP),
    io(("fs_small", "files"), (4096, 64), "cached files of 4 KiB are read whole, 64 at a time", FILES),
    io(("fs_small_c1", "files"), (4096, 1), "the same, one after the other", FILES),
    io(("fs_large_64k", "files"), (65_536, 1), "a cached file of 256 MiB is read in pieces of 64 KiB", PIECES),
    io(("fs_large_1m", "files"), (1_048_576, 1), "the same in pieces of 1 MiB", PIECES),
    io(("fs_write", "files"), (4096, 64), "files of 4 KiB are made, 64 at a time, on disk", WRITES),
    in_memory(io(("fs_write_shm", "files"), (4096, 64), "the same in memory (tmpfs)", WRITES)),
];

impl Workload {
    /// Returns the workload of that name.
    pub(super) fn find(name: &str) -> Option<&'static Workload> {
        WORKLOADS.iter().find(|w| w.name == name)
    }

    /// Returns the figures in which one can be ahead or behind.
    pub(super) fn compared(&self) -> impl Iterator<Item = &'static Figure> {
        self.figures.iter().filter(|figure| figure.compared)
    }

    /// Returns whether both ends of a socket are measured on cores of their own.
    pub(super) fn is_net(&self) -> bool {
        matches!(self.family, "tcp" | "http")
    }
}

#[cfg(test)]
mod tests {
    use super::{WORKLOADS, Workload};
    use crate::bench::results::Record;

    #[test]
    fn names_are_distinct_and_found() {
        for workload in WORKLOADS {
            let found = Workload::find(workload.name).unwrap();
            assert!(std::ptr::eq(found, workload), "{}", workload.name);
            assert!(!workload.figures.is_empty());
        }
        assert!(Workload::find("nonsense").is_none());
    }

    #[test]
    fn figures_are_per_operation() {
        let mut record = Record {
            ops: 4.0,
            wall_ns: 2000.0,
            cpu_ns: 1000.0,
            ..Record::default()
        };
        record.extra.insert("p50_ns".to_owned(), 7000.0);
        let of = |name: &str| {
            let figures = Workload::find(name).unwrap().figures.iter();
            figures.map(|f| (f.value)(&record)).collect::<Vec<_>>()
        };
        assert_eq!(of("yield")[..2], [Some(500.0), Some(250.0)]);
        assert_eq!(
            of("tcp_echo_1")[..4],
            [Some(0.25), Some(2e6), Some(7.0), None]
        );
    }
}
