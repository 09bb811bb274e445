//! The primitives, polled by hand and under executors that know nothing of aioli.

mod harness;
mod tutorial;
