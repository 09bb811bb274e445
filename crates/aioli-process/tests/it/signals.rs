//! Receiving signals. Each test has signals of its own, because all tests share a process.

use aioli_process::{
    Command, SIGALRM, SIGCHLD, SIGCONT, SIGHUP, SIGKILL, SIGQUIT, SIGTSTP, SIGUSR1, SIGUSR2,
    SIGWINCH, on_signal, signal_name, signals,
};
use std::{
    cell::Cell,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

/// Sends a signal to this process, and comes back when it has been sent.
fn raise(signal: i32) {
    let id = std::process::id().to_string();
    let kill = std::process::Command::new("kill")
        .args([format!("-{signal}"), id])
        .status();
    assert!(kill.unwrap().success());
}

#[test]
fn c331_add_signal_handler() {
    aioli_task::run(async {
        let n = Arc::new(AtomicU32::new(0));
        let event = Arc::new(aioli_sync::Event::new());
        let (own, set) = (n.clone(), event.clone());
        let here = std::thread::current().id();
        let mut handler = on_signal(SIGHUP, move || {
            assert_eq!(std::thread::current().id(), here, "it runs on the loop");
            own.fetch_add(1, Ordering::SeqCst);
            set.set();
        })
        .unwrap();
        raise(SIGHUP);
        event.wait().await;
        assert_eq!(n.load(Ordering::SeqCst), 1);
        assert!(handler.remove());
        assert!(!handler.remove());

        for (signal, text) in [
            (0, "0 is not a signal"),
            (65, "65 is not a signal"),
            (-1, "-1 is not a signal"),
        ] {
            let error = on_signal(signal, || {}).unwrap_err();
            assert_eq!(
                (error.kind(), error.to_string()),
                (std::io::ErrorKind::InvalidInput, text.into())
            );
        }
        let error = signals([SIGKILL]).unwrap_err();
        assert_eq!(error.to_string(), "SIGKILL cannot be received");
    });
}

#[test]
fn a_handler_without_a_loop_is_called_all_the_same() {
    let called = Arc::new(AtomicU32::new(0));
    let own = called.clone();
    let _handler = on_signal(SIGCONT, move || own.store(1, Ordering::SeqCst)).unwrap();
    raise(SIGCONT);
    crate::eventually(|| called.load(Ordering::SeqCst) > 0);
}

#[test]
fn c332_signal_handling_while_selecting() {
    aioli_task::run(async {
        let mut signals = signals([SIGUSR1]).unwrap();
        let seen = Cell::new(false);
        let sleep = aioli_time::sleep(std::time::Duration::from_secs(60));
        let receive = async {
            raise(SIGUSR1);
            assert_eq!(signals.next().await, Some(SIGUSR1));
            seen.set(true);
        };
        futures::future::select(pin!(receive), pin!(sleep)).await;
        assert!(seen.get());
    });
}

#[test]
fn c333_open_signal_receiver_no_starvation() {
    crate::block_on(async {
        let mut both = signals([SIGUSR2, SIGQUIT]).unwrap();
        // Callbacks are called in order, so these count what `both` has received.
        let n = Arc::new(AtomicU32::new(0));
        let count = || {
            let n = n.clone();
            move || {
                n.fetch_add(1, Ordering::SeqCst);
            }
        };
        let _first = on_signal(SIGUSR2, count()).unwrap();
        let _second = on_signal(SIGQUIT, count()).unwrap();
        let mut seen = Vec::new();
        for round in 1..=6 {
            raise(SIGUSR2);
            raise(SIGQUIT);
            crate::eventually(|| n.load(Ordering::SeqCst) == 2 * round);
            seen.push(both.next().await.unwrap());
        }
        assert!(seen.windows(2).all(|two| two[0] != two[1]), "{seen:?}");
        // What is left would be sent again, and end the tests.
        while crate::poll_once(pin!(both.next())).is_ready() {}
    });
}

#[test]
fn a_signal_that_arrives_often_is_there_once_at_least() {
    // The last one may arrive when its receiver has gone, having taken an earlier one for it, and
    // would end the tests.
    std::mem::forget(on_signal(SIGALRM, || {}).unwrap());
    crate::block_on(async {
        let mut signals = signals([SIGALRM]).unwrap();
        for _ in 0..5 {
            raise(SIGALRM);
        }
        assert_eq!(signals.next().await, Some(SIGALRM));
        while crate::poll_once(pin!(signals.next())).is_ready() {}
        raise(SIGALRM);
        assert_eq!(signals.next().await, Some(SIGALRM));
    });
}

#[test]
fn several_receivers_all_receive() {
    crate::block_on(async {
        let (mut a, mut b) = (signals([SIGWINCH]).unwrap(), signals([SIGWINCH]).unwrap());
        raise(SIGWINCH);
        assert_eq!(a.next().await, Some(SIGWINCH));
        assert_eq!(b.next().await, Some(SIGWINCH));
    });
}

#[test]
fn c334_pending_signals_are_delivered_again() {
    // What a signal does by default would end the tests, so it is done in a child.
    const CHILD: &str = "AIOLI_PROCESS_SIGNALS";
    if std::env::var_os(CHILD).is_none() {
        let name = "signals::c334_pending_signals_are_delivered_again";
        let test = Command::new(std::env::current_exe().unwrap()).args(["--exact", name]);
        let output = crate::block_on(test.env(CHILD, "1").output()).unwrap();
        assert_eq!(output.status.signal(), Some(SIGUSR1), "{output:?}");
        return;
    }
    let receiver = signals([SIGUSR1]).unwrap();
    // Callbacks are called in order, so this tells that the others have received it.
    let n = Arc::new(AtomicU32::new(0));
    let own = n.clone();
    let count = move || {
        own.fetch_add(1, Ordering::SeqCst);
    };
    let counter = on_signal(SIGUSR1, count).unwrap();
    raise(SIGUSR1);
    crate::eventually(|| n.load(Ordering::SeqCst) == 1);
    // The counter has received it too: nothing is sent again.
    drop(receiver);

    let receiver = signals([SIGUSR1]).unwrap();
    let counter = {
        drop(counter);
        let own = n.clone();
        on_signal(SIGUSR1, move || own.store(2, Ordering::SeqCst)).unwrap()
    };
    raise(SIGUSR1);
    crate::eventually(|| n.load(Ordering::SeqCst) == 2);
    drop(counter);
    // Now it is the only one that has received it, and it has not been taken.
    drop(receiver);
    unreachable!("the signal does now what it does by default");
}

#[test]
fn the_former_disposition_comes_back() {
    let ignored = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("SigCgt:"))
            .unwrap();
        let caught = u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap();
        caught & (1 << (SIGTSTP - 1)) == 0
    };
    assert!(ignored());
    let (first, second) = (
        signals([SIGTSTP]).unwrap(),
        on_signal(SIGTSTP, || {}).unwrap(),
    );
    assert!(!ignored());
    drop(first);
    assert!(!ignored());
    drop(second);
    assert!(ignored());
}

#[test]
fn children_inherit_nothing_of_it() {
    crate::block_on(async {
        let _signals = signals([SIGCHLD]).unwrap();
        let output = Command::new("cat")
            .arg("/proc/self/status")
            .run()
            .await
            .unwrap();
        let text = output.text();
        let caught = text
            .lines()
            .find(|line| line.starts_with("SigCgt:"))
            .unwrap();
        assert_eq!(caught.split_whitespace().nth(1), Some("0000000000000000"));
    });
}

#[test]
fn signals_have_names() {
    assert_eq!(signal_name(SIGHUP), Some("SIGHUP"));
    assert_eq!(signal_name(SIGKILL), Some("SIGKILL"));
    assert_eq!(signal_name(0), None);
}
