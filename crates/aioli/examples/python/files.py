# Writes a file and reads it again.
import asyncio
import aiofiles

async def main():
    async with aiofiles.open("out.txt", "w") as f:
        await f.write("Hello, async file!")
    async with aiofiles.open("out.txt") as f:
        content = await f.read()
    print(content)

asyncio.run(main())
