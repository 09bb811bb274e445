//! The race by itself, on the virtual clock, with addresses that behave as their port says.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use aioli_task::Runner;
use aioli_time::sleep;

use super::*;

/// What an attempt does: after so many milliseconds succeed, or fail, or neither ever.
#[derive(Debug, Clone, Copy)]
enum Behaviour {
    Connects(u64),
    Fails(u64),
    Hangs,
}

/// The winner or the order of failures, the milliseconds it took, and when each attempt began.
type Raced = (Result<u16, Vec<u16>>, u128, Vec<(u16, u128)>);

fn run_race(behaviours: &[Behaviour]) -> Raced {
    run_race_with(Some(ATTEMPT_DELAY), behaviours)
}

fn run_race_with(delay: Option<Duration>, behaviours: &[Behaviour]) -> Raced {
    let addresses =
        (0..behaviours.len() as u16).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let begun: Arc<Mutex<Vec<(u16, Instant)>>> = Arc::default();
    let attempt = {
        let (behaviours, begun) = (behaviours.to_vec(), begun.clone());
        move |address: SocketAddr| {
            let behaviour = behaviours[usize::from(address.port())];
            begun
                .lock()
                .unwrap()
                .push((address.port(), aioli_task::now()));
            async move {
                match behaviour {
                    Behaviour::Connects(after) => {
                        sleep(Duration::from_millis(after)).await;
                        Ok(address.port())
                    }
                    Behaviour::Fails(after) => {
                        sleep(Duration::from_millis(after)).await;
                        Err(io::ErrorKind::ConnectionRefused.into())
                    }
                    Behaviour::Hangs => std::future::pending().await,
                }
            }
        }
    };
    let addresses: Vec<SocketAddr> = addresses.collect();
    let mut runner = Runner::builder().virtual_clock().build();
    let mut times = None;
    let outcome = runner.run(async {
        let start = aioli_task::now();
        let outcome = race(&addresses, delay, attempt).await;
        times = Some((start, aioli_task::now()));
        outcome
    });
    let (start, end) = times.unwrap();
    let outcome = outcome.unwrap().map_err(|attempts| {
        let port = |attempt: &Attempt| attempt.address.port();
        attempts.iter().map(port).collect()
    });
    let begun = begun.lock().unwrap();
    let begun = begun
        .iter()
        .map(|(port, at)| (*port, at.duration_since(start).as_millis()));
    (
        outcome,
        end.duration_since(start).as_millis(),
        begun.collect(),
    )
}

use Behaviour::{Connects, Fails, Hangs};

#[test]
fn the_first_address_wins_when_it_answers_in_time() {
    let (outcome, took, begun) = run_race(&[Connects(100), Connects(0)]);
    assert_eq!((outcome, took), (Ok(0), 100));
    assert_eq!(begun, [(0, 0)]);
}

#[test]
fn a_silent_address_delays_by_a_quarter_of_a_second() {
    let (outcome, took, begun) = run_race(&[Hangs, Hangs, Connects(10)]);
    assert_eq!((outcome, took), (Ok(2), 510));
    assert_eq!(begun, [(0, 0), (1, 250), (2, 500)]);
}

#[test]
fn a_failure_makes_way_at_once() {
    let (outcome, took, begun) = run_race(&[Fails(30), Fails(0), Connects(5)]);
    assert_eq!((outcome, took), (Ok(2), 35));
    assert_eq!(begun, [(0, 0), (1, 30), (2, 30)]);
}

#[test]
fn without_a_delay_only_a_failure_makes_way() {
    let (outcome, took, begun) = run_race_with(None, &[Fails(600), Connects(10)]);
    assert_eq!((outcome, took), (Ok(1), 610));
    assert_eq!(begun, [(0, 0), (1, 600)]);
}

#[test]
fn the_delay_begins_anew_with_each_attempt() {
    let (outcome, took, begun) = run_race(&[Fails(100), Hangs, Connects(0)]);
    assert_eq!((outcome, took), (Ok(2), 350));
    assert_eq!(begun, [(0, 0), (1, 100), (2, 350)]);
}

#[test]
fn a_slow_first_address_may_still_win() {
    let (outcome, took, _) = run_race(&[Connects(300), Connects(200)]);
    assert_eq!((outcome, took), (Ok(0), 300));
}

#[test]
fn when_all_fail_the_error_tells_of_each_in_order() {
    let (outcome, took, _) = run_race(&[Fails(400), Fails(10), Fails(0)]);
    assert_eq!((outcome, took), (Err(vec![0, 1, 2]), 400));
}

#[test]
fn families_alternate_beginning_with_the_preferred_one() {
    let [a4, b4, c4] = [1, 2, 3].map(|n| SocketAddr::from(([10, 0, 0, n], 1)));
    let [a6, b6] = [1, 2].map(|n| SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, n], 1)));
    let check = |given: &[SocketAddr], expected: &[SocketAddr]| {
        assert_eq!(interleave(given.to_vec(), 1), expected);
    };
    check(&[], &[]);
    check(&[a4], &[a4]);
    check(&[a6, b6, a4, b4, c4], &[a6, a4, b6, b4, c4]);
    check(&[a4, b4, c4, a6], &[a4, a6, b4, c4]);

    let given = vec![a4, b4, c4, a6, b6];
    assert_eq!(interleave(given.clone(), 2), [a4, b4, a6, c4, b6]);
    assert_eq!(interleave(given.clone(), 9), given);
    assert_eq!(interleave(given.clone(), 0), given);
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[test]
fn the_system_is_told_how_long_it_may_wait() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let told = |options: ConnectOptions| {
        let stream = aioli_task::run(connect_to(address, &options)).unwrap();
        SockRef::from(stream.get_ref()).tcp_user_timeout().unwrap()
    };
    let options = ConnectOptions::new;
    assert_eq!(told(options()), None, "the system's own");
    let millis = |n| Some(Duration::from_millis(n));
    for (seconds, want) in [
        (2.5, millis(2500)),
        (0.000_1, millis(1)),
        (0.0, millis(1)),
        (1e9, millis(USER_TIMEOUT_MAX)),
        (f64::INFINITY, None),
    ] {
        assert_eq!(told(options().user_timeout(seconds)), want, "{seconds}");
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[test]
fn the_system_is_told_after_how_long_a_silence_to_ask() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let told = |options: ConnectOptions| {
        let stream = aioli_task::run(connect_to(address, &options)).unwrap();
        let socket = SockRef::from(stream.get_ref());
        let asks = socket.keepalive().unwrap();
        asks.then(|| socket.tcp_keepalive_time().unwrap().as_secs())
    };
    let options = ConnectOptions::new;
    assert_eq!(told(options()), None);
    for (seconds, want) in [
        (20.0, Some(20)),
        (2.001, Some(3)),
        (0.0, Some(1)),
        (1e9, Some(SILENCE_MAX)),
        (f64::INFINITY, None),
    ] {
        assert_eq!(told(options().keepalive(seconds)), want, "{seconds}");
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[test]
fn an_interface_is_used_or_missed() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let by = |name| aioli_task::run(connect_to(address, &ConnectOptions::new().device(name)));
    let device = |stream: &Connected| SockRef::from(stream.get_ref()).device().unwrap();
    assert_eq!(device(&by("lo").unwrap()), Some(b"lo".to_vec()));
    assert_eq!(device(&by("").unwrap()), None);
    let error = by("no-such-device").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENODEV), "{error:?}");
}
