//! The calls of the `polling` crate whose safety rests on the lifetime of a descriptor.
#![expect(
    unsafe_code,
    reason = "polling wants proof that sources are deleted before they close"
)]

use std::io;

use polling::{Event, Poller};

use crate::os::{BorrowedSource, RawSource};

/// Adds the source without interest.
pub(super) fn add(poller: &Poller, source: RawSource, token: usize) -> io::Result<()> {
    // SAFETY: the source must be deleted before it closes: rule 8 of the contract, kept by
    // `Registration`, which deregisters in its `Drop` and must be dropped before its source.
    unsafe { poller.add(source, Event::none(token)) }
}

/// Watches the source for what `interest` says, once.
pub(super) fn modify(poller: &Poller, source: RawSource, interest: Event) -> io::Result<()> {
    // SAFETY: the source must be open for the time of the borrow, this call: a registration
    // exists (only registered sources are armed), and rule 8 says it outlives it.
    let source = unsafe { BorrowedSource::borrow_raw(source) };
    poller.modify(source, interest)
}

/// Removes the source.
pub(super) fn delete(poller: &Poller, source: RawSource) -> io::Result<()> {
    // SAFETY: the source must be open for the time of the borrow, this call: it is called by
    // the `Drop` of the registration, before the source closes (rule 8).
    let source = unsafe { BorrowedSource::borrow_raw(source) };
    poller.delete(source)
}
