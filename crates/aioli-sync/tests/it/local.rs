//! The kind for one thread: the tests that both kinds pass, and what is its own.

use aioli_sync::local as kind;

#[path = "cancel.rs"]
mod cancel;
#[path = "model.rs"]
mod model;

mod alone;
