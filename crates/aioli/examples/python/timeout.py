# Gives up waiting after two seconds.
import asyncio

async def slow():
    await asyncio.sleep(10)
    return "done"

async def main():
    try:
        print(await asyncio.wait_for(slow(), timeout=2))
    except asyncio.TimeoutError:
        print("Timed out!")

asyncio.run(main())
