//! A producer and three consumers around a bounded queue.

use aioli::prelude::*;

async fn producer(queue: &Queue<u32>) -> Result {
    for i in 0..10 {
        queue.put(i).await?;
        println!("produced {i}");
        sleep(0.1).await;
    }
    Ok(())
}

fn consumer(queue: Queue<u32>, name: u32) -> impl Future {
    queue.for_each(async move |item| {
        println!("{name} consumed {item}");
        sleep(0.2).await;
    })
}

aioli::main!(async {
    let queue = Queue::new(5);
    let consumers = (0..3).map(|i| consumer(queue.clone(), i)).spawn_all();
    producer(&queue).await?;
    queue.join().await;
    consumers.stop().await;
});
