//! Waits for a signal and shuts down.

use aioli::prelude::*;

aioli::main!(async {
    let mut signals = process::signals([process::SIGINT, process::SIGTERM])?;
    let kill = format!("sleep 1; kill -TERM {}", std::process::id());
    println!("waiting for a signal");
    let (_, signal) = gather((process::shell(kill).run(), signals.next())).await;
    println!("signal {}, shutting down", signal.unwrap_or_default());
});
