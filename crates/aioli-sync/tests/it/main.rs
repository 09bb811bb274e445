//! The primitives, polled by hand and under executors that know nothing of aioli.

mod auto_traits;
mod batches;
mod budget;
mod cancel;
mod foreign;
mod harness;
mod model;
mod notify;
mod rows_j;
mod rows_j_counters;
mod rows_k;
mod shared_news;
mod threads;
mod tutorial;
mod wake;
