//! TCP, UDP and Unix sockets, names and buffered streams.
