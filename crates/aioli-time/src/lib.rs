//! Timers, sleep and intervals.
