//! Structured concurrency: gather, race, timeout, task groups.
