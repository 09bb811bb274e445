//! The system calls that neither std nor `socket2` make.
#![expect(
    unsafe_code,
    reason = "neither std nor socket2 has recvmmsg, sendmmsg, sendfile and SO_PEERCRED"
)]

use std::fs::File;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::net::{SocketAddr, UdpSocket};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr;

use socket2::{SockAddr, SockAddrStorage};

/// Most datagrams of one system call. Their headers are on the stack: 8 KiB.
const BATCH_MAX: usize = 32;
/// Most bytes of one `sendfile`, so that nobody has the loop for long.
const SEND_MAX: u64 = 1024 * 1024;

/// Headers of no messages.
fn headers() -> [libc::mmsghdr; BATCH_MAX] {
    // SAFETY: all-zero bytes are valid headers: integers and null pointers.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

/// Slices of no bytes.
fn slices() -> [libc::iovec; BATCH_MAX] {
    let nothing = libc::iovec {
        iov_base: ptr::null_mut(),
        iov_len: 0,
    };
    [nothing; BATCH_MAX]
}

/// Receives datagrams into the pieces of `bytes`, each `size` long. A late error the system keeps
/// itself.
pub(crate) fn receive_many(
    socket: &UdpSocket,
    bytes: &mut [u8],
    size: usize,
    received: &mut Vec<(usize, SocketAddr)>,
    _late: &mut Option<i32>,
) -> io::Result<usize> {
    let mut headers = headers();
    let mut addresses: [SockAddrStorage; BATCH_MAX] =
        std::array::from_fn(|_| SockAddrStorage::zeroed());
    let mut slices = slices();
    let mut n = 0;
    for (piece, ((header, slice), address)) in bytes
        .chunks_exact_mut(size)
        .zip(headers.iter_mut().zip(&mut slices).zip(&mut addresses))
    {
        slice.iov_base = piece.as_mut_ptr().cast();
        slice.iov_len = piece.len();
        header.msg_hdr.msg_iov = slice;
        header.msg_hdr.msg_iovlen = 1;
        header.msg_hdr.msg_namelen = address.size_of();
        header.msg_hdr.msg_name = ptr::from_mut(address).cast();
        n += 1;
    }
    // SAFETY: the first `n` headers point to their slice and address, and the slices to separate
    // pieces of `bytes`, all of the stated lengths and alive until the call has returned.
    let got = unsafe {
        libc::recvmmsg(
            socket.as_raw_fd(),
            headers.as_mut_ptr(),
            n as u32,
            0,
            ptr::null_mut(),
        )
    };
    let got = usize::try_from(got).map_err(|_| io::Error::last_os_error())?;
    for (header, address) in headers.iter().zip(addresses).take(got) {
        // SAFETY: the system has written an address of this length there.
        let from = unsafe { SockAddr::new(address, header.msg_hdr.msg_namelen) };
        let from = from.as_socket().ok_or(io::ErrorKind::InvalidData)?;
        received.push((header.msg_len as usize, from));
    }
    Ok(got)
}

/// Sends the first datagrams, as many as there is room for.
pub(crate) fn send_many(
    socket: &UdpSocket,
    datagrams: &[(impl AsRef<[u8]>, SocketAddr)],
) -> io::Result<usize> {
    let mut headers = headers();
    let mut addresses: [Option<SockAddr>; BATCH_MAX] = std::array::from_fn(|_| None);
    let mut slices = slices();
    let mut n = 0;
    for ((bytes, to), ((header, slice), address)) in datagrams
        .iter()
        .zip(headers.iter_mut().zip(&mut slices).zip(&mut addresses))
    {
        let address = address.insert(SockAddr::from(*to));
        let bytes = bytes.as_ref();
        slice.iov_base = bytes.as_ptr().cast_mut().cast();
        slice.iov_len = bytes.len();
        header.msg_hdr.msg_iov = slice;
        header.msg_hdr.msg_iovlen = 1;
        header.msg_hdr.msg_namelen = address.len();
        header.msg_hdr.msg_name = address.as_ptr().cast_mut().cast();
        n += 1;
    }
    // SAFETY: the first `n` headers point to their slice and address, and the slices to the
    // bytes, all of the stated lengths and alive until the call has returned, which only reads.
    let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), n as u32, 0) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Sends the begin of a range of a file, without it passing through this process.
pub(crate) fn send_file(
    socket: &impl AsFd,
    file: &File,
    range: &mut Range<u64>,
) -> io::Result<usize> {
    let count = range.end.saturating_sub(range.start).min(SEND_MAX);
    let mut offset = libc::off64_t::try_from(range.start).map_err(io::Error::other)?;
    // SAFETY: the offset is alive until the call has returned.
    let sent = unsafe {
        libc::sendfile64(
            socket.as_fd().as_raw_fd(),
            file.as_raw_fd(),
            &mut offset,
            count as usize,
        )
    };
    let sent = usize::try_from(sent).map_err(|_| io::Error::last_os_error())?;
    range.start += sent as u64;
    Ok(sent)
}

/// Who had connected or listened: user, group and process.
pub(crate) fn peer_credentials(socket: &impl AsFd) -> io::Result<(u32, u32, Option<u32>)> {
    let mut found = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut len = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: there is room for `len` bytes at the pointer, and any bytes are a valid `ucred`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            ptr::from_mut(&mut found).cast(),
            &mut len,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    let process = u32::try_from(found.pid).ok().filter(|pid| *pid != 0);
    Ok((found.uid, found.gid, process))
}
