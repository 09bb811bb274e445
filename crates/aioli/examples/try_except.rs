//! Catches an error of an awaited coroutine.

use aioli::prelude::*;

async fn risky() -> Result {
    sleep(1).await;
    bail!("something went wrong")
}

aioli::main!(async {
    if let Err(e) = risky().await {
        println!("Caught: {e}");
    }
});
