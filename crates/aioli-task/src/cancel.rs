//! The cancellation kernel: requests, handlers, and clean-up that may await.
//!
//! A request to cancel goes to the innermost *handlers* around a task's suspension points. A
//! handler drops its body, so that ordinary `Drop` runs, and then either hands [`Cancelled`] to
//! the code around it, which may await, or passes the request on outwards with
//! [`Cancelled::raise`]. Where there is no handler, the task's future is dropped. No request is
//! lost: a handler that goes away while it holds one gives it to the next handler outwards.
//!
//! ```text
//!   exit, catch, shield     handler.rs: linked or not       tree.rs: entries in a slab
//!   Task, Raise             place.rs: owner of one entry    tree/requests.rs: a request's way
//!          │                        ▲                                ▲
//!          └── polls its body under a frame (current.rs), which is the parent of those below
//! ```

mod after;
pub(crate) mod current;
mod exit;
mod handler;
mod isolate;
mod orphans;
pub(crate) mod place;
mod raise;
mod reason;
mod scope;
mod shield;
pub(crate) mod tree;
mod unwinder;

pub use exit::{Exit, ExitFuture, catch, exit};
pub use isolate::isolate;
pub use orphans::{adopt, adopt_at};
pub(crate) use raise::Raise;
pub use raise::{Cancelled, Kept, Raising};
pub(crate) use reason::Request;
pub use reason::{Reason, ReasonKind};
pub use scope::{Requests, Unwinding, is_asked, rearm};
pub use shield::shield;
pub use unwinder::Unwinder;
