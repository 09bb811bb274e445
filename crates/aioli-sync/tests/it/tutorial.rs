//! The shapes in which the asyncio tutorial uses a queue.

use aioli_sync::Queue;
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;

async fn producer(queue: &Queue<u32>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    for item in 0..10 {
        queue.put(item).await?;
    }
    Ok(())
}

fn consumer(queue: Queue<u32>, name: u32) -> impl Future {
    queue.for_each(async move |item| {
        assert!(item < 10 && name < 3);
    })
}

#[test]
fn consumers_share_a_producers_items_and_are_dropped_when_all_is_done() {
    let queue = Queue::new(5);
    let mut pool = LocalPool::new();
    for name in 0..3 {
        let consumer = consumer(queue.clone(), name);
        let consumer = async { drop(consumer.await) };
        pool.spawner()
            .spawn_local(consumer)
            .expect("the pool is alive");
    }
    pool.run_until(async {
        producer(&queue).await?;
        queue.join().await;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    })
    .expect("nobody shuts down");
    drop(pool);
    assert_eq!(queue.stats().getting, 0);
}
