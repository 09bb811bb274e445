# A producer and three consumers around a bounded queue.
import asyncio

async def producer(queue):
    for i in range(10):
        await queue.put(i)
        print(f"produced {i}")
        await asyncio.sleep(0.1)

async def consumer(queue, name):
    while True:
        item = await queue.get()
        print(f"{name} consumed {item}")
        await asyncio.sleep(0.2)
        queue.task_done()

async def main():
    queue = asyncio.Queue(maxsize=5)
    consumers = [asyncio.create_task(consumer(queue, i)) for i in range(3)]
    await producer(queue)
    await queue.join()
    for c in consumers:
        c.cancel()
    await asyncio.gather(*consumers, return_exceptions=True)

asyncio.run(main())
