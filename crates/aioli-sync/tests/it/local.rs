//! The kind for one thread: the tests that both kinds pass, and what is its own.

use aioli_sync::local as kind;

#[path = "cancel.rs"]
mod cancel;
#[path = "cancel_news.rs"]
mod cancel_news;
#[path = "model.rs"]
mod model;
#[path = "model_news.rs"]
mod model_news;
#[path = "weight.rs"]
mod weight;

mod alone;
