# Catches an error of an awaited coroutine.
import asyncio

async def risky():
    await asyncio.sleep(1)
    raise ValueError("something went wrong")

async def main():
    try:
        await risky()
    except ValueError as e:
        print(f"Caught: {e}")

asyncio.run(main())
