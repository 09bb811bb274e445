# An asynchronous context manager as a function.
import asyncio
from contextlib import asynccontextmanager

@asynccontextmanager
async def connection():
    await asyncio.sleep(1)
    print("connected")
    try:
        yield
    finally:
        await asyncio.sleep(1)
        print("closed")

async def main():
    async with connection():
        print("using Connection")

asyncio.run(main())
