//! The primitives, polled by hand and under executors that know nothing of aioli.

mod harness;
mod rows_j;
mod rows_k;
mod tutorial;
