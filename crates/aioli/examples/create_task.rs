//! Starts two tasks and awaits what they return.

use aioli::prelude::*;

async fn worker(name: &str, delay: i32) -> i32 {
    println!("{name} started");
    sleep(delay).await;
    println!("{name} finished");
    delay
}

aioli::main!(async {
    let task1 = spawn(worker("A", 2));
    let task2 = spawn(worker("B", 1));
    println!("{} {}", task1.await, task2.await);
});
