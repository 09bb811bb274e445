//! Iterates over an asynchronous generator.

use aioli::prelude::*;

fn countdown(n: u32) -> Gen<u32> {
    generator(async move |y| {
        for i in (1..=n).rev() {
            y.put(i).await;
            sleep(1).await;
        }
    })
}

aioli::main!(async {
    countdown(3).for_each(async |i| println!("{i}")).await;
});
