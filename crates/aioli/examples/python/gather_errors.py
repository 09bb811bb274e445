# Keeps the errors of gathered coroutines apart from their values.
import asyncio

async def task(n):
    await asyncio.sleep(1)
    if n == 2:
        raise ValueError(f"task {n} failed")
    return n * 10

async def main():
    results = await asyncio.gather(task(1), task(2), task(3), return_exceptions=True)
    for r in results:
        if isinstance(r, Exception):
            print("error:", r)
        else:
            print("value:", r)

asyncio.run(main())
