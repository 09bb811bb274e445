# Runs two commands at once and shows what they print.
import asyncio
from asyncio.subprocess import PIPE

async def run_shell(command):
    process = await asyncio.create_subprocess_shell(command, stdout=PIPE, stderr=PIPE)
    stdout, stderr = await process.communicate()
    print(f"{command}: {process.returncode}")
    print(stdout.decode(), end="")

async def main():
    await asyncio.gather(run_shell("sleep 1; echo hello"), run_shell("exit 7"))

asyncio.run(main())
