# Cancels a task, which cleans up before it ends.
import asyncio

async def download():
    print("downloading")
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        await asyncio.sleep(0.5)
        print("cleaned up")
        raise

async def main():
    task = asyncio.create_task(download())
    await asyncio.sleep(1)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("it is cancelled now")

asyncio.run(main())
