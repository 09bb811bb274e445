# Waits for a signal and shuts down.
import asyncio
import os
import signal

async def main():
    loop = asyncio.get_running_loop()
    received = loop.create_future()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, received.set_result, number)
    loop.call_later(1, os.kill, os.getpid(), signal.SIGTERM)
    print("waiting for a signal")
    print(f"signal {await received:d}, shutting down")

asyncio.run(main())
