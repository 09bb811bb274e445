//! The protocols between threads, in every order of their steps: `cargo xtask loom aioli-task`.
#![cfg(loom)]

#[path = "loom/task.rs"]
mod task;

use std::sync::Arc;

use aioli_task::models::{Mailbox, Unpark};
use loom::sync::{Condvar, Mutex};
use loom::thread;

/// A parker with a sticky token.
struct Parker {
    token: Mutex<bool>,
    unparked: Condvar,
}

impl Parker {
    fn new() -> Arc<Parker> {
        Arc::new(Parker {
            token: Mutex::new(false),
            unparked: Condvar::new(),
        })
    }

    fn park(&self) {
        let mut token = self.token.lock().unwrap();
        while !*token {
            token = self.unparked.wait(token).unwrap();
        }
        *token = false;
    }
}

impl Unpark for Parker {
    fn unpark(&self) {
        *self.token.lock().unwrap() = true;
        self.unparked.notify_one();
    }
}

/// Reads `count` entries as a loop does: it parks when there is nothing.
fn read(mailbox: &Mailbox<u32, Parker>, count: usize) -> Vec<u32> {
    let mut seen = Vec::new();
    loop {
        seen.extend(mailbox.receive());
        if seen.len() == count {
            return seen;
        }
        if mailbox.prepare_park() {
            mailbox.parker().park();
            mailbox.finish_park();
        }
    }
}

#[test]
fn no_entry_is_slept_through() {
    loom::model(|| {
        let mailbox = Arc::new(Mailbox::<u32, Parker>::new(Parker::new()));
        let senders: Vec<_> = (0..2)
            .map(|entry| {
                let mailbox = mailbox.clone();
                thread::spawn(move || mailbox.send(entry).unwrap())
            })
            .collect();
        let mut seen = read(&mailbox, 2);
        seen.sort_unstable();
        assert_eq!(seen, [0, 1]);
        senders
            .into_iter()
            .for_each(|sender| sender.join().unwrap());
    });
}

#[test]
fn the_parker_may_be_exchanged_while_an_entry_comes() {
    loom::model(|| {
        let mailbox = Arc::new(Mailbox::<u32, Parker>::new(Parker::new()));
        let (sends, exchanges) = (mailbox.clone(), mailbox.clone());
        let sender = thread::spawn(move || sends.send(7).unwrap());
        let exchanger = thread::spawn(move || exchanges.set_parker(Parker::new()));
        assert_eq!(read(&mailbox, 1), [7]);
        sender.join().unwrap();
        exchanger.join().unwrap();
    });
}

#[test]
fn an_entry_is_taken_in_or_given_back_when_the_loop_ends() {
    loom::model(|| {
        let mailbox = Arc::new(Mailbox::<u32, Parker>::new(Parker::new()));
        let sends = mailbox.clone();
        let sender = thread::spawn(move || sends.send(7).is_ok());
        let left = mailbox.close();
        assert_eq!(sender.join().unwrap(), left.len() == 1);
    });
}

#[test]
fn reading_the_parker_before_the_flag_would_lose_a_wake_up() {
    // The order that the protocol forbids, with the parts of the mailbox: loom must find it.
    let forbidden = || {
        loom::model(|| {
            let mailbox = Arc::new(Mailbox::<u32, Parker>::new(Parker::new()));
            let (sends, exchanges) = (mailbox.clone(), mailbox.clone());
            let is_parked = Arc::new(Mutex::new((false, None)));
            let flag = is_parked.clone();
            let sender = thread::spawn(move || {
                let early = sends.parker();
                let mut state = flag.lock().unwrap();
                state.1 = Some(7);
                if std::mem::take(&mut state.0) {
                    early.unpark();
                }
            });
            let exchanger = thread::spawn(move || exchanges.set_parker(Parker::new()));
            loop {
                let mut state = is_parked.lock().unwrap();
                if state.1.take().is_some() {
                    break;
                }
                state.0 = true;
                drop(state);
                mailbox.parker().park();
            }
            sender.join().unwrap();
            exchanger.join().unwrap();
        });
    };
    assert!(std::panic::catch_unwind(forbidden).is_err());
}
