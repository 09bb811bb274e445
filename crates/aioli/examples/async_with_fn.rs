//! An asynchronous context manager as a function.

use aioli::prelude::*;

async fn connection<T>(body: impl AsyncFnOnce() -> T) -> T {
    sleep(1).await;
    println!("connected");
    let close = async {
        sleep(1).await;
        println!("closed");
    };
    finally(body(), close).await
}

aioli::main!(async {
    connection(async || println!("using Connection")).await;
});
