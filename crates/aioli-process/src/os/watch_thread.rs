//! Waiting for the end of a process with a thread, where nothing better is to be had.

use super::syscall;
use aioli_sync::Event;
use std::{
    io,
    process::ExitStatus,
    sync::{Arc, OnceLock},
    thread,
};

/// A thread, started when somebody first waits, that sleeps until the process has ended.
///
/// It leaves the status with the child (`WNOWAIT`), so that reaping stays in one place, under
/// the lock that also guards the sending of signals: no signal can meet a number that has
/// already been given to another process.
#[derive(Debug)]
pub(crate) struct WatchThread {
    id: u32,
    ended: OnceLock<Arc<Event>>,
}

impl WatchThread {
    pub(crate) fn new(id: u32) -> Self {
        Self {
            id,
            ended: OnceLock::new(),
        }
    }

    /// Tries `attempt` now and after the end of the process, until it gives a status.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing: the status stays with the child.
    pub(crate) async fn wait(
        &self,
        attempt: impl Fn() -> io::Result<Option<ExitStatus>>,
    ) -> io::Result<ExitStatus> {
        if let Some(status) = attempt()? {
            return Ok(status);
        }
        self.ended.get_or_init(|| start(self.id)).wait().await;
        match attempt()? {
            Some(status) => Ok(status),
            None => Err(io::Error::other(
                "the thread that waited for the process has failed",
            )),
        }
    }
}

fn start(id: u32) -> Arc<Event> {
    let ended = Arc::new(Event::new());
    let own = Arc::clone(&ended);
    let work = move || {
        syscall::sleep_until_ended(id);
        own.set();
    };
    // Without a thread nobody would set the event; `wait` then tells that it has failed.
    if thread::Builder::new()
        .name("aioli-wait".to_owned())
        .spawn(work)
        .is_err()
    {
        ended.set();
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        process::{Command, Stdio},
        sync::Mutex,
    };

    #[test]
    fn waits_are_shared_and_leave_the_status_to_the_attempt() {
        let child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let watch = WatchThread::new(child.id());
        let child = Mutex::new(child);
        let attempt = || child.lock().unwrap().try_wait();
        futures::executor::block_on(async {
            let mut first = std::pin::pin!(watch.wait(attempt));
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(first.as_mut().poll(&mut cx).is_pending());
            drop(child.lock().unwrap().stdin.take());
            let (first, second) = futures::join!(first, watch.wait(attempt));
            assert!(first.unwrap().success());
            assert!(second.unwrap().success());
        });
    }
}
