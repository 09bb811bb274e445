# The same with the loop inside: no generator is needed.
import asyncio

async def countdown(n):
    while n > 0:
        yield n
        await asyncio.sleep(1)
        n -= 1

async def main():
    async for i in countdown(3):
        print(i)

asyncio.run(main())
