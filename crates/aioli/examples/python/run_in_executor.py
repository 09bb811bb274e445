# Runs a blocking function in a thread.
import asyncio
import time

def blocking(n):
    time.sleep(0.1)
    return n * n

async def main():
    loop = asyncio.get_running_loop()
    result = await loop.run_in_executor(None, blocking, 7)
    print(result)

asyncio.run(main())
