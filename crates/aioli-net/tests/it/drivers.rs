//! The suite with the other driver.

use std::env;
use std::process::Command;

use aioli_net::UdpSocket;

const VARIABLE: &str = "AIOLI_DRIVER";

#[test]
fn the_suite_passes_with_the_other_driver() {
    if env::var_os(VARIABLE).is_some() {
        return; // this is the other run
    }
    let output = Command::new(env::current_exe().unwrap())
        .env(VARIABLE, "poll")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "with the driver `poll`:\n{text}");
}

#[test]
fn an_unknown_driver_is_an_error_that_names_it() {
    const CHILD: &str = "drivers::an_unknown_driver_is_an_error_that_names_it";
    match env::var(VARIABLE) {
        Ok(value) if value == "nope" => {
            let socket = futures::executor::block_on(UdpSocket::bind("127.0.0.1:0"));
            let error = socket.unwrap_err().to_string();
            assert!(
                error.contains("AIOLI_DRIVER=nope: no such driver"),
                "{error}"
            );
        }
        Ok(_) => {}
        Err(_) => {
            let mut child = Command::new(env::current_exe().unwrap());
            child.env(VARIABLE, "nope").args(["--exact", CHILD]);
            assert!(child.output().unwrap().status.success());
        }
    }
}
