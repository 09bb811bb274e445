//! Linux: `/proc`, `sched_setaffinity`, the clocks of processes, `epoll`.
#![expect(
    unsafe_code,
    reason = "system calls that the standard library does not have"
)]

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// How many events one wait can return.
const EVENTS: usize = 1024;

/// Waits for sockets, edge-triggered.
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Poller {
    /// Makes one.
    ///
    /// # Errors
    ///
    /// Those of `epoll_create1`.
    pub fn new() -> io::Result<Poller> {
        // SAFETY: the call takes no memory.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        Ok(Poller {
            // SAFETY: the descriptor was just made and is nobody else's.
            epoll: unsafe { OwnedFd::from_raw_fd(fd) },
            events: vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS],
        })
    }

    /// Watches a socket until it is closed: for what there is to read, and with `writing` for
    /// room to write, which is one more event now and then.
    ///
    /// # Errors
    ///
    /// Those of `epoll_ctl`.
    pub fn add<S: AsRawFd>(&self, socket: &S, token: usize, writing: bool) -> io::Result<()> {
        let write = if writing { libc::EPOLLOUT } else { 0 };
        let events = libc::EPOLLIN | write | libc::EPOLLRDHUP | libc::EPOLLET;
        let mut event = libc::epoll_event {
            events: events as u32,
            u64: token as u64,
        };
        let (epoll, fd) = (self.epoll.as_raw_fd(), socket.as_raw_fd());
        // SAFETY: `event` lives through the call, which copies it.
        check(unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &mut event) }).map(drop)
    }

    /// Waits, and calls `ready` with the token of each socket that something happened to.
    ///
    /// # Errors
    ///
    /// Those of `epoll_wait` besides an interruption.
    pub fn wait(&mut self, mut ready: impl FnMut(usize)) -> io::Result<()> {
        let (fd, room) = (self.epoll.as_raw_fd(), self.events.len() as i32);
        // SAFETY: the vector has room for `room` events, all of them initialised.
        let n = check(unsafe { libc::epoll_wait(fd, self.events.as_mut_ptr(), room, -1) });
        let n = match n {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => 0,
            n => n?,
        };
        for event in &self.events[..n as usize] {
            ready(event.u64 as usize);
        }
        Ok(())
    }
}

/// Restricts this process to some cores; none means all.
///
/// # Errors
///
/// There is no such core, or this process may not use it.
pub fn pin(cpus: &[usize]) -> io::Result<()> {
    if cpus.is_empty() {
        return Ok(());
    }
    let mut words = [0_usize; 16];
    for cpu in cpus {
        let word = words.get_mut(cpu / usize::BITS as usize);
        *word.ok_or(io::ErrorKind::InvalidInput)? |= 1 << (cpu % usize::BITS as usize);
    }
    let set = (&raw const words).cast();
    // SAFETY: a core set is an array of words with a bit for each core, and its size is passed.
    check(unsafe { libc::sched_setaffinity(0, size_of_val(&words), set) }).map(drop)
}

/// Returns the time that all threads of this process have spent on cores.
pub fn cpu_time() -> Duration {
    clock(libc::CLOCK_PROCESS_CPUTIME_ID).unwrap_or_default()
}

/// Returns the same of another process.
///
/// # Errors
///
/// There is no such process any more.
pub fn cpu_time_of(pid: u32) -> io::Result<Duration> {
    let mut id = 0;
    // SAFETY: `id` lives through the call.
    match unsafe { libc::clock_getcpuclockid(pid as libc::pid_t, &mut id) } {
        0 => clock(id),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

fn clock(id: libc::clockid_t) -> io::Result<Duration> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` lives through the call.
    check(unsafe { libc::clock_gettime(id, &mut time) })?;
    Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

/// Returns how often the threads of a process have gone to sleep.
pub fn switches(pid: u32) -> u64 {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return 0;
    };
    let status = threads.filter_map(|t| fs::read_to_string(t.ok()?.path().join("status")).ok());
    status.map(|s| field(&s, "voluntary_ctxt_switches:")).sum()
}

/// Returns the resident memory of this process in bytes.
pub fn memory() -> u64 {
    kibibytes("VmRSS:")
}

/// Returns the most that this was.
///
/// Not by `getrusage`, whose maximum a process inherits from whoever started it.
pub fn peak_memory() -> u64 {
    kibibytes("VmHWM:")
}

/// Forgets the most so far.
pub fn reset_peak() {
    // Where this is forbidden the peak includes the start of the program: a little too much.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

fn kibibytes(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    field(&status, name) * 1024
}

fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Lets more connections wait to be accepted than the standard library does.
///
/// # Errors
///
/// Those of `listen`.
pub fn deepen_backlog(listener: &TcpListener) -> io::Result<()> {
    // SAFETY: the call takes no memory; on a socket that listens it changes the length alone.
    check(unsafe { libc::listen(listener.as_raw_fd(), 4096) }).map(drop)
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        value => Ok(value),
    }
}
