//! An asynchronous context manager as a class.

use aioli::prelude::*;

struct Connection;

async fn connect() -> Connection {
    sleep(1).await;
    println!("connected");
    Connection
}

impl AsyncClose for Connection {
    async fn aclose(self) {
        sleep(1).await;
        println!("closed");
    }
}

aioli::main!(async {
    with(connect().await, async |_conn| println!("using Connection")).await;
});
