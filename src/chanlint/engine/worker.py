"""A process that lowers files for another one.

Nouns:

* **Request**: a module's id, a target version and a file's bytes, through standard input.
* **Answer**: a letter and bytes, through what was standard output: ``L`` and a packed file, or ``C`` and a crash.

It is started as a program of its own and never forked, because a fork copies the locks of other threads. So it works wherever
Python can start Python, whatever the program is that uses chanlint. It ends when its standard input does.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import struct
import sys
from typing import BinaryIO

from chanlint.engine.packing import pack
from chanlint.engine.reading import Crash, lower_bytes

READY = b"chanlint\n"
"""What a worker writes when it can take requests."""

MEMORY = 2 << 30
"""Bytes of address space for a worker, where the system can limit it: more than any file within the guards needs."""

LENGTHS = struct.Struct(">II")


def main() -> None:
    """Serves until there are no more requests."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one: it ends its workers
    limit_memory()
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whoever prints does not disturb the answers
    lower_bytes("warm_up.py", b"", (3, 11))
    gc.disable()  # trees hold no cycles, and looking for some costs a third of the parse time
    answers.write(READY)
    answers.flush()
    while (request := receive(requests)) is not None:
        head, data = request
        module, major, minor = json.loads(head)
        result = lower_bytes(module, data, (major, minor))
        if isinstance(result, Crash):
            send(answers, b"C", json.dumps([result.message, result.trace]).encode())
        else:
            send(answers, b"L", pack(result))
        del result, data, request
    sys.stderr.flush()
    os._exit(0)


def send(stream: BinaryIO, head: bytes, body: bytes) -> None:
    """Writes two pieces of bytes."""
    stream.write(LENGTHS.pack(len(head), len(body)))
    stream.write(head)
    stream.write(body)
    stream.flush()


def receive(stream: BinaryIO) -> tuple[bytes, bytes] | None:
    """What `send` wrote at the other end, or None where that was closed."""
    lengths = stream.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    first, second = LENGTHS.unpack(lengths)
    head, body = stream.read(first), stream.read(second)
    return (head, body) if (len(head), len(body)) == (first, second) else None


def limit_memory(used: int = 0) -> None:
    """Limits the address space of this process, of which ``used`` bytes are in use already, where the system can do that."""
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY or soft > used + MEMORY:
        try:
            resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, hard))
        except (OSError, ValueError):  # some systems know the limit and cannot set it
            return
