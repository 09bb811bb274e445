//! The primitives, polled by hand and under executors that know nothing of aioli.

#![allow(
    clippy::duplicate_mod,
    reason = "what both kinds of primitives have to pass is compiled over each"
)]

use aioli_sync as kind;

mod auto_traits;
mod batches;
mod budget;
mod cancel;
mod cancel_news;
mod foreign;
mod harness;
mod local;
mod looking;
mod memory;
mod model;
mod model_news;
mod notify;
mod order;
mod rows_j;
mod rows_j_counters;
mod rows_k;
mod shared_news;
#[cfg(feature = "sink")]
mod sink;
mod threads;
mod tutorial;
mod wake;
mod weight;
