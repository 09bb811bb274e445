# Runs coroutines together and keeps their results in order.
import asyncio

async def fetch(id, delay):
    await asyncio.sleep(delay)
    return f"data {id}"

async def main():
    results = await asyncio.gather(fetch(1, 2), fetch(2, 1), fetch(3, 3))
    for result in results:
        print(result)

asyncio.run(main())
