//! Subprocesses and signals.
