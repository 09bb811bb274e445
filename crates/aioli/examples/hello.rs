//! Sleeps between two lines.

use aioli::prelude::*;

aioli::main!(async {
    println!("Hello");
    sleep(1).await;
    println!("World");
});
