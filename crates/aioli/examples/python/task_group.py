# Starts tasks that all end before the block does.
import asyncio

async def job(name, delay):
    await asyncio.sleep(delay)
    print(f"{name} done")
    return delay

async def main():
    async with asyncio.TaskGroup() as tg:
        a = tg.create_task(job("a", 1.0))
        b = tg.create_task(job("b", 0.5))
    print("sum", a.result() + b.result())

asyncio.run(main())
