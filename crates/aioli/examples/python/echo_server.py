# A TCP server and its client.
import asyncio

async def echo(reader, writer):
    writer.write((await reader.readline()).upper())
    await writer.drain()
    writer.close()
    await writer.wait_closed()

async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"hello, server\n")
    await writer.drain()
    print((await reader.readline()).decode(), end="")
    writer.close()
    await writer.wait_closed()
    server.close()

asyncio.run(main())
