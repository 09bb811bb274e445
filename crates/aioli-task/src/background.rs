//! The background loop: for threads that run no loop of ours, as under another executor.

use std::sync::{Arc, OnceLock};
use std::thread;

use crate::driver::Home;
use crate::event_loop::local::{Entered, LocalLoop, Settings};
use crate::event_loop::{Clock, Shared};

/// The process's background loop; its thread starts on first use and ends with the process.
pub(crate) fn home() -> Home {
    static HOME: OnceLock<Home> = OnceLock::new();
    HOME.get_or_init(start).clone()
}

fn start() -> Home {
    let shared = Arc::new(Shared::new(Clock::real(), None));
    let home = Home(shared.clone());
    thread::Builder::new()
        .name("aioli-background".to_owned())
        .spawn(move || turn_forever(shared))
        .expect("the system gives one thread for timers and I/O outside of a loop");
    home
}

fn turn_forever(shared: Arc<Shared>) {
    let local = LocalLoop::new(shared, Settings::default(), None, None);
    let _entered = Entered::new(&local);
    loop {
        // Wakers are of foreign executors: one that panics must not end everybody's timers and I/O.
        local.call(|| {
            loop {
                local.turn(None);
            }
        });
    }
}
