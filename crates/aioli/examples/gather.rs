//! Runs coroutines together and keeps their results in order.

use aioli::prelude::*;

async fn fetch(id: u32, delay: i32) -> String {
    sleep(delay).await;
    format!("data {id}")
}

aioli::main!(async {
    let results = [fetch(1, 2), fetch(2, 1), fetch(3, 3)].gather().await;
    results.iter().for_each(|result| println!("{result}"));
});
