"""Measures what the services leave behind: consumers that stay blocked, and memory, after each call of a route.

``python examples/measure.py`` takes a few seconds and ends by itself. Every route is called in a process of its own, on a free
port of the loopback interface, so that the numbers of one route do not stand on those of another.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
SERVICES = ("threads", "asyncio")
ROUTES = ("/bug", "/bugfix")
LONGEST_RUN = 30  # seconds that a service may live
MAX_CALLS = 20

# The service is on this machine: a proxy from the environment would only be in the way.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("service", nargs="*", help="threads, asyncio; by default both")
    parser.add_argument("--calls", type=int, default=3, help=f"calls of each route, at most {MAX_CALLS} (default: 3)")
    arguments = parser.parse_args()
    unknown = set(arguments.service) - set(SERVICES)
    if unknown or not 1 <= arguments.calls <= MAX_CALLS:
        parser.error(f"services are {', '.join(SERVICES)}; calls are between 1 and {MAX_CALLS}")
    print(f"{'service':8} {'route':8} {'calls':>5} {'blocked consumers':>18} {'memory (MiB)':>13}")
    for service in arguments.service or SERVICES:
        for route in ROUTES:
            with running(service) as (address, pid):
                for call in range(arguments.calls + 1):
                    if call:
                        get(address + route)
                    blocked = settled(address)
                    print(f"{service:8} {route:8} {call:5} {blocked:18} {memory(pid):>13}", flush=True)


@contextlib.contextmanager
def running(service):
    """The address and process id of a service, which ends with the block, or after `LONGEST_RUN` whatever happens."""
    command = [sys.executable, str(HERE / f"{service}_service.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        watchdog = threading.Timer(LONGEST_RUN, process.kill)
        watchdog.start()
        try:
            address = process.stdout.readline().strip()
            if not address:
                raise SystemExit(f"the {service} service did not start")
            yield address, process.pid
        finally:
            watchdog.cancel()
            process.kill()


def get(url):
    with OPENER.open(url, timeout=10) as answer:
        return json.load(answer)


def settled(address):
    """The number of consumers once it no longer falls: after ``/bugfix`` they need a moment to end."""
    count = get(address + "/stats")["consumers"]
    for _ in range(20):
        time.sleep(0.05)
        before, count = count, get(address + "/stats")["consumers"]
        if count == before:
            break
    return count


def memory(pid):
    """The resident memory of a process in MiB, as text; a dash where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        kibibytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    except (OSError, StopIteration):
        try:
            command = ["ps", "-o", "rss=", "-p", str(pid)]
            kibibytes = subprocess.run(command, capture_output=True, text=True, timeout=10).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            kibibytes = ""
    return f"{int(kibibytes) / 1024:.1f}" if kibibytes.isdigit() else "-"


if __name__ == "__main__":
    main()
