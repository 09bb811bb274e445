# Gets several pages at once over one session.
import asyncio
import sys
import aiohttp

async def fetch(session, url):
    async with session.get(url) as response:
        return await response.text()

async def main():
    urls = sys.argv[1:]
    async with aiohttp.ClientSession() as session:
        pages = await asyncio.gather(*(fetch(session, url) for url in urls))
    for url, page in zip(urls, pages):
        print(url, len(page))

asyncio.run(main())
