//! Runs a blocking function in a thread.

use aioli::prelude::*;
use std::{thread, time::Duration};

fn blocking(n: u32) -> u32 {
    thread::sleep(Duration::from_millis(100));
    n * n
}

aioli::main!(async {
    println!("{}", to_thread(|| blocking(7)).await);
});
