//! Cancels a task, which cleans up before it ends.

use aioli::prelude::*;

async fn download() {
    println!("downloading");
    if let Err(cancelled) = catch(sleep(3600)).await {
        sleep(0.5).await;
        println!("cleaned up");
        cancelled.raise().await
    }
}

aioli::main!(async {
    let task = spawn(download());
    sleep(1).await;
    task.cancel();
    if task.outcome().await.is_err() {
        println!("it is cancelled now");
    }
});
