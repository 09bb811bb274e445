//! Keeps the errors of gathered coroutines apart from their values.

use aioli::prelude::*;

async fn task(n: u32) -> Result<u32> {
    sleep(1).await;
    ensure!(n != 2, "task {n} failed");
    Ok(n * 10)
}

aioli::main!(async {
    for r in [task(1), task(2), task(3)].gather().await {
        match r {
            Ok(v) => println!("value: {v}"),
            Err(e) => println!("error: {e}"),
        }
    }
});
