//! The same with the loop inside: no generator is needed.

use aioli::prelude::*;

async fn countdown(n: u32, mut each: impl AsyncFnMut(u32)) {
    for i in (1..=n).rev() {
        each(i).await;
        sleep(1).await;
    }
}

aioli::main!(async {
    countdown(3, async |i| println!("{i}")).await;
});
