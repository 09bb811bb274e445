//! What differs between systems: Unix sockets, batches, and a few socket options.

/// Unix domain sockets: streams, listeners and datagrams. Empty on other systems.
#[cfg(unix)]
pub mod unix;
#[cfg(not(unix))]
pub mod unix {
    //! Unix domain sockets do not exist on this system.
}

#[cfg(unix)]
mod options_unix;
#[cfg(unix)]
pub(crate) use self::options_unix::{
    REUSE_ADDRESS, is_in_progress, is_out_of_descriptors, set_reuse_port,
};

#[cfg(not(unix))]
mod options_other;
#[cfg(not(unix))]
pub(crate) use self::options_other::{
    REUSE_ADDRESS, is_in_progress, is_out_of_descriptors, set_reuse_port,
};

#[cfg(any(target_os = "linux", target_os = "android", target_os = "fuchsia"))]
mod tcp_linux;
#[cfg(any(target_os = "linux", target_os = "android", target_os = "fuchsia"))]
pub(crate) use self::tcp_linux::{bind_device, set_user_timeout};

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "fuchsia")))]
mod tcp_other;
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "fuchsia")))]
pub(crate) use self::tcp_other::{bind_device, set_user_timeout};

#[cfg(unix)]
mod names_unix;
#[cfg(unix)]
pub(crate) use self::names_unix::ipv4_addresses;

#[cfg(not(unix))]
mod names_other;
#[cfg(not(unix))]
pub(crate) use self::names_other::ipv4_addresses;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod calls_linux;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use self::calls_linux::{peer_credentials, receive_many, send_file, send_many};

// On some other processors these are no calls of their own, but operations of `socketcall`.
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
#[path = "os/transfer_linux.rs"]
mod transfer;
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
#[path = "os/transfer_other.rs"]
mod transfer;
pub(crate) use self::transfer::{receive, send};

#[cfg(any(target_os = "linux", target_os = "android"))]
mod accept_linux;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use self::accept_linux::{NODELAY_IS_INHERITED, accept, has_connection};

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod accept_other;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) use self::accept_other::{NODELAY_IS_INHERITED, accept, has_connection};

// Its tests run everywhere.
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
mod one_by_one;

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
mod calls_unix;
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(crate) use self::calls_unix::{peer_credentials, receive_many, send_file, send_many};

#[cfg(not(unix))]
mod calls_other;
#[cfg(not(unix))]
pub(crate) use self::calls_other::{receive_many, send_file, send_many};
