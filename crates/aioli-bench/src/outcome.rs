//! What was measured, and how it is written down.

use std::time::{Duration, Instant};

use crate::json::Object;
use crate::{Run, alloc, os};

/// All clocks and counters at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    wall: Instant,
    cpu: Duration,
    switches: u64,
    allocations: u64,
    allocated_bytes: u64,
}

/// What came of a run.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// How many operations were measured.
    pub ops: u64,
    /// The time they took.
    pub wall: Duration,
    /// The time of all cores together that the measured process spent on them.
    pub cpu: Duration,
    /// How often one of its threads went to sleep.
    pub switches: u64,
    /// How often it allocated or reallocated, if that was counted.
    pub allocations: u64,
    /// How many bytes that were.
    pub allocated_bytes: u64,
    /// What else a workload measures, by name.
    pub figures: Vec<(&'static str, f64)>,
}

impl Sample {
    /// Reads all clocks and counters.
    pub fn take() -> Sample {
        let (allocations, allocated_bytes) = alloc::counted();
        Sample {
            switches: os::switches(std::process::id()),
            allocations,
            allocated_bytes,
            cpu: os::cpu_time(),
            wall: Instant::now(),
        }
    }

    /// Returns the moment this was taken.
    pub fn at(&self) -> Instant {
        self.wall
    }

    /// Returns what happened between this sample and `end`, as `ops` operations.
    pub fn until(&self, end: &Sample, ops: u64) -> Outcome {
        Outcome {
            ops,
            wall: end.wall - self.wall,
            cpu: end.cpu.saturating_sub(self.cpu),
            switches: end.switches.saturating_sub(self.switches),
            allocations: end.allocations - self.allocations,
            allocated_bytes: end.allocated_bytes - self.allocated_bytes,
            figures: Vec::new(),
        }
    }
}

impl Outcome {
    /// Adds a figure that this workload alone has.
    pub fn figure(mut self, name: &'static str, value: f64) -> Outcome {
        self.figures.push((name, value));
        self
    }

    /// Returns the line of JSON.
    pub(crate) fn line(&self, run: &Run) -> String {
        let figures = self.figures.iter();
        let figures = figures.fold(Object::new(), |o, (name, value)| o.number(name, *value));
        Object::new()
            .string("peer", &run.peer)
            .string("workload", &run.workload)
            .number("ops", self.ops as f64)
            .number("wall_ns", self.wall.as_nanos() as f64)
            .number("cpu_ns", self.cpu.as_nanos() as f64)
            .number("allocations", self.allocations as f64)
            .number("allocated_bytes", self.allocated_bytes as f64)
            .number("switches", self.switches as f64)
            .number("peak_rss", os::peak_memory() as f64)
            .raw("figures", &figures.end())
            .end()
    }
}
