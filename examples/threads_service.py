"""An HTTP service that hands its work to threads: ``/bug`` leaves them behind, ``/bugfix`` ends them.

``python examples/threads_service.py [PORT]`` listens on the loopback interface and prints its address; ``/stats`` tells how
many consumers are alive.
"""

import json
import queue
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CAPACITY = 100
ITEMS = 100
CONSUMERS = 100


def process(item):
    return item * item


def consume(jobs):
    while True:
        item = jobs.get()
        if item is None:
            break
        process(item)


def bug():
    jobs = queue.Queue(maxsize=CAPACITY)
    for _ in range(CONSUMERS):
        threading.Thread(target=consume, args=(jobs,), name="consumer", daemon=True).start()
    for item in range(ITEMS):
        jobs.put(item)


def bugfix():
    jobs = queue.Queue(maxsize=CAPACITY)
    try:
        for _ in range(CONSUMERS):
            threading.Thread(target=consume, args=(jobs,), name="consumer", daemon=True).start()
        for item in range(ITEMS):
            jobs.put(item)
    finally:
        for _ in range(CONSUMERS):
            jobs.put(None)


def stats():
    return {"consumers": sum(thread.name == "consumer" for thread in threading.enumerate())}


ROUTES = {"/bug": bug, "/bugfix": bugfix, "/stats": stats}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        route = ROUTES.get(self.path)
        if route is None:
            self.send_error(404)
            return
        body = json.dumps(route() or "done").encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
