//! Gives up waiting after two seconds.

use aioli::prelude::*;

async fn slow() -> &'static str {
    sleep(10).await;
    "done"
}

aioli::main!(async {
    println!("{}", timeout(2, slow()).await.unwrap_or("Timed out!"));
});
