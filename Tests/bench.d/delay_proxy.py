"""A proxy that delays every byte, each way, and limits nothing else.

usage: delay_proxy.py MILLISECONDS PORT:TARGET-PORT...        all ports are on 127.0.0.1
"""

import asyncio
import sys

BUFFER = 256 * 1024


async def pump(reader, writer, delay):
    """Passes bytes on, each chunk `delay` seconds after it came; the queue keeps them in order."""
    loop = asyncio.get_running_loop()
    # As many chunks as may be under way at once: 64 MiB in 20 ms, far more than loopback carries.
    queue = asyncio.Queue(maxsize=256)

    async def send():
        while True:
            due, chunk = await queue.get()
            wait = due - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            if not chunk:
                break
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    sender = asyncio.create_task(send())
    try:
        while True:
            chunk = await reader.read(BUFFER)
            await queue.put((loop.time() + delay, chunk))
            if not chunk:
                break
        await sender
    except (ConnectionError, OSError):
        sender.cancel()
        writer.close()


async def serve(port, target, delay):
    async def connected(reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target, limit=BUFFER)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, far_writer, delay), pump(far_reader, writer, delay))
        writer.close()
        far_writer.close()

    return await asyncio.start_server(connected, "127.0.0.1", port, limit=BUFFER, backlog=256)


async def main():
    delay = float(sys.argv[1]) / 1000
    pairs = [tuple(map(int, pair.split(":"))) for pair in sys.argv[2:]]
    servers = [await serve(port, target, delay) for port, target in pairs]
    await asyncio.gather(*(server.serve_forever() for server in servers))


asyncio.run(main())
