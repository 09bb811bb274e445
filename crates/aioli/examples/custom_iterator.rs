//! An asynchronous iterator of its own type.

use aioli::prelude::*;

struct Ticker {
    i: u32,
    to: u32,
}

impl Ticker {
    async fn next(&mut self) -> Option<u32> {
        sleep(0.5).await;
        self.i += 1;
        (self.i <= self.to).then_some(self.i)
    }
}

aioli::main!(async {
    let mut ticker = Ticker { i: 0, to: 3 };
    while let Some(i) = ticker.next().await {
        println!("tick {i}");
    }
});
