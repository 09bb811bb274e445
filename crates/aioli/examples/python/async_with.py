# An asynchronous context manager as a class.
import asyncio

class Connection:
    async def __aenter__(self):
        await asyncio.sleep(1)
        print("connected")
        return self

    async def __aexit__(self, exc_type, exc, tb):
        await asyncio.sleep(1)
        print("closed")

async def main():
    async with Connection() as conn:
        print("using", type(conn).__name__)

asyncio.run(main())
