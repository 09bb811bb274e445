//! Queues, channels and locks for any executor.
