# Takes the first result and cancels the rest.
import asyncio

async def fetch(mirror, delay):
    await asyncio.sleep(delay)
    return mirror

async def main():
    tasks = [asyncio.create_task(fetch("near", 1)), asyncio.create_task(fetch("far", 3))]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    print(done.pop().result(), "was first")

asyncio.run(main())
