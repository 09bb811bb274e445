//! Looking up names of one family, which std does not offer.
#![expect(unsafe_code, reason = "std asks getaddrinfo for both families only")]

use std::ffi::CString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ptr;

/// The IPv4 addresses of a name, with port 0; of an error no more than that there is one.
pub(crate) fn ipv4_addresses(host: &str) -> io::Result<Vec<SocketAddr>> {
    let host = CString::new(host)?;
    // SAFETY: for this plain record of numbers and pointers, zeros are a value: "no hints".
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_family = libc::AF_INET;
    hints.ai_socktype = libc::SOCK_STREAM;
    let mut list = ptr::null_mut();
    // SAFETY: the name ends in a zero; it, the hints and the place of the result are alive until
    // the call has returned.
    let result = unsafe { libc::getaddrinfo(host.as_ptr(), ptr::null(), &hints, &mut list) };
    if result != 0 {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut found = Vec::new();
    let mut next = list;
    while !next.is_null() {
        // SAFETY: the call has succeeded, so `list` and what is behind it by `ai_next` are records
        // that live until `freeaddrinfo`.
        let entry = unsafe { &*next };
        if entry.ai_family == libc::AF_INET && !entry.ai_addr.is_null() {
            // SAFETY: an entry of this family has an address of this type; it need not be
            // aligned for it.
            let address = unsafe { ptr::read_unaligned(entry.ai_addr.cast::<libc::sockaddr_in>()) };
            let ip = Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr));
            let address = SocketAddr::from((ip, 0));
            if !found.contains(&address) {
                found.push(address);
            }
        }
        next = entry.ai_next;
    }
    // SAFETY: the list came from `getaddrinfo`, is freed once, and nothing of it is used later.
    unsafe { libc::freeaddrinfo(list) };
    Ok(found)
}
