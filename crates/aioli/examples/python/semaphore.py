# Lets two into the room at a time.
import asyncio

async def visit(room, name):
    async with room:
        print(f"{name} enters")
        await asyncio.sleep(0.25 * name)
        print(f"{name} leaves")

async def main():
    room = asyncio.Semaphore(2)
    await asyncio.gather(*(visit(room, name) for name in range(1, 5)))

asyncio.run(main())
