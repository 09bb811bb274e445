//! The suite with the other drivers.

use std::env;
use std::process::{Command, Output};

use aioli_net::UdpSocket;

const VARIABLE: &str = "AIOLI_DRIVER";

/// Says in the output that the forced driver cannot be made, and why.
const REFUSED: &str = "refused: ";

/// The driver that is forced, if one is.
fn forced() -> Option<String> {
    let value = env::var(VARIABLE).ok();
    value.filter(|value| !value.is_empty())
}

fn run_with(driver: &str, arguments: &[&str]) -> Output {
    Command::new(env::current_exe().unwrap())
        .env(VARIABLE, driver)
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn the_suite_passes_with_the_other_drivers() {
    if forced().is_some() {
        return; // this is the other run
    }
    const PROBE: &str = "drivers::a_forced_driver_is_refused_or_runs";
    for driver in ["uring", "poll"] {
        let probe = run_with(driver, &["--exact", PROBE, "--nocapture"]);
        if String::from_utf8_lossy(&probe.stdout).contains(REFUSED) {
            continue;
        }
        let output = run_with(driver, &[]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success(),
            "with the driver `{driver}`:\n{text}"
        );
    }
}

#[test]
fn a_forced_driver_is_refused_or_runs() {
    let Some(forced) = forced() else {
        return; // nothing forced
    };
    if let Err(error) = futures::executor::block_on(UdpSocket::bind("127.0.0.1:0")) {
        assert!(error.to_string().contains(&forced), "{error}");
        println!("{REFUSED}{error}");
    }
}

#[test]
fn an_unknown_driver_is_an_error_that_names_it() {
    const CHILD: &str = "drivers::an_unknown_driver_is_an_error_that_names_it";
    match forced() {
        Some(value) if value == "nope" => {
            let socket = futures::executor::block_on(UdpSocket::bind("127.0.0.1:0"));
            let error = socket.unwrap_err().to_string();
            assert!(
                error.contains("AIOLI_DRIVER=nope: no such driver"),
                "{error}"
            );
        }
        Some(_) => {}
        None => {
            let mut child = Command::new(env::current_exe().unwrap());
            child.env(VARIABLE, "nope").args(["--exact", CHILD]);
            assert!(child.output().unwrap().status.success());
        }
    }
}
