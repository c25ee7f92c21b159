#!/usr/bin/env python3
"""Stands before a server on this machine and holds every byte back, so that the server seems to be far away.

    python3 bench/distance.py PORT SERVERS_PORT MILLISECONDS

The milliseconds are for one way.
"""
import asyncio
import sys


async def carry(reader, writer, delay):
    """Passes on what comes, each piece after the delay, in order."""
    loop, waiting = asyncio.get_running_loop(), asyncio.Queue()

    async def pass_on():
        while True:
            due, data = await waiting.get()
            await asyncio.sleep(max(0, due - loop.time()))
            if not data:
                writer.close()
                return
            writer.write(data)
            await writer.drain()

    task = asyncio.create_task(pass_on())
    data = b"begin"
    while data:
        try:
            data = await reader.read(65536)
        except ConnectionError:
            data = b""
        waiting.put_nowait((loop.time() + delay, data))
    await task


async def main(port, servers_port, delay):
    async def meet(reader, writer):
        behind = await asyncio.open_connection("127.0.0.1", servers_port)
        await asyncio.gather(carry(reader, behind[1], delay), carry(behind[0], writer, delay), return_exceptions=True)

    server = await asyncio.start_server(meet, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 1000))
