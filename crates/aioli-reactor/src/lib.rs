//! Readiness of sockets and pipes.
