"""An HTTP service that hands its work to tasks: ``/bug`` leaves them behind, ``/bugfix`` ends them.

``python examples/asyncio_service.py [PORT]`` listens on the loopback interface and prints its address; ``/stats`` tells how
many consumers are alive. The running tasks are kept in a set, as the documentation of ``asyncio.create_task`` advises: the
event loop itself holds them only weakly.
"""

import asyncio
import json
import sys

CAPACITY = 100
ITEMS = 100
CONSUMERS = 100

running = set()


def process(item):
    return item * item


async def consume(jobs):
    while True:
        item = await jobs.get()
        process(item)
        jobs.task_done()


async def bug():
    jobs = asyncio.Queue(maxsize=CAPACITY)
    for _ in range(CONSUMERS):
        task = asyncio.create_task(consume(jobs))
        running.add(task)
        task.add_done_callback(running.discard)
    for item in range(ITEMS):
        await jobs.put(item)


async def bugfix():
    jobs = asyncio.Queue(maxsize=CAPACITY)
    consumers = []
    try:
        for _ in range(CONSUMERS):
            task = asyncio.create_task(consume(jobs))
            running.add(task)
            task.add_done_callback(running.discard)
            consumers.append(task)
        for item in range(ITEMS):
            await jobs.put(item)
        await jobs.join()
    finally:
        for task in consumers:
            task.cancel()


async def stats():
    return {"consumers": len(running)}


ROUTES = {"/bug": bug, "/bugfix": bugfix, "/stats": stats}


async def serve(reader, writer):
    """Answers one request and hangs up: as much HTTP as ``GET`` needs."""
    try:
        request = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), timeout=10)
        _method, path, _version = request.decode("latin-1").splitlines()[0].split(" ", 2)
        route = ROUTES.get(path)
        status = "200 OK" if route else "404 Not Found"
        body = json.dumps((await route() or "done") if route else "no such route").encode()
        head = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close"]
        writer.write("\r\n".join([*head, "", ""]).encode() + body)
        await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ValueError, ConnectionError):
        pass  # not a request, or nobody waits for the answer any more
    finally:
        writer.close()


async def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    async with server:
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
