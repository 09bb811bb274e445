//! Takes the first result and cancels the rest.

use aioli::prelude::*;

async fn fetch(mirror: &str, delay: i32) -> &str {
    sleep(delay).await;
    mirror
}

aioli::main!(async {
    let first = [fetch("near", 1), fetch("far", 3)].race().await;
    println!("{first} was first");
});
