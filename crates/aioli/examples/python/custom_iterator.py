# An asynchronous iterator of its own type.
import asyncio

class Ticker:
    def __init__(self, to):
        self.i = 0
        self.to = to

    def __aiter__(self):
        return self

    async def __anext__(self):
        await asyncio.sleep(0.5)
        self.i += 1
        if self.i > self.to:
            raise StopAsyncIteration
        return self.i

async def main():
    async for i in Ticker(3):
        print(f"tick {i}")

asyncio.run(main())
