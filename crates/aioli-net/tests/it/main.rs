//! Sockets seen from outside.
