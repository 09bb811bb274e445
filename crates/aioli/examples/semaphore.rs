//! Lets two into the room at a time.

use aioli::prelude::*;

async fn visit(room: &Semaphore, name: u32) {
    let _permit = room.acquire().await;
    println!("{name} enters");
    sleep(0.25 * f64::from(name)).await;
    println!("{name} leaves");
}

aioli::main!(async {
    let room = Semaphore::new(2);
    (1..=4).map(|name| visit(&room, name)).gather().await;
});
