//! Starts tasks that all end before the block does.

use aioli::prelude::*;

async fn job(name: &str, delay: f64) -> Result<f64> {
    sleep(delay).await;
    println!("{name} done");
    Ok(delay)
}

aioli::main!(async {
    let group = TaskGroup::scope(async |tg| Ok((tg.spawn(job("a", 1.0)), tg.spawn(job("b", 0.5)))));
    let (a, b) = group.await?;
    println!("sum {}", a.await + b.await);
});
