"""What in practice does not raise, by name; and exceptions that are caught without anybody expecting errors.

These are judgements about ordinary Python, not facts about libraries: a logger may raise, but no maintainer takes "the logger
might raise" for a bug.
"""

from __future__ import annotations

# fmt: off
CALM_MODULES = (
    "time.", "logging.", "random.", "math.", "datetime.", "uuid.", "collections.", "typing.", "threading.",
    "functools.", "itertools.", "contextlib.", "os.path.", "sys.", "warnings.", "inspect.", "weakref.", "copy.",
    "enum.", "string.", "operator.", "types.", "abc.", "dataclasses.", "asyncio.", "queue.", "multiprocessing.",
    "concurrent.", "anyio.", "trio.", "gc.", "atexit.", "signal.", "traceback.", "platform.", "textwrap.",
    "contextvars.", "builtins.", "os.getpid", "os.cpu_count", "os.environ", "os.getenv", "re.", "secrets.",
    "gevent.", "eventlet.", "hashlib.", "heapq.", "bisect.", "getpass.", "timeit.",
)
"""Prefixes of functions of the standard library whose calls are not counted as raising."""

CALM_METHODS = frozenset((
    "append", "add", "appendleft", "clear", "copy", "count", "debug", "decode", "discard", "endswith", "error",
    "exception", "critical", "extend", "format", "get", "getLogger", "group", "groups", "info", "insert", "isdigit",
    "items", "join", "keys", "lower", "log", "lstrip", "replace", "rstrip", "setdefault", "sort", "split",
    "splitlines", "startswith", "strip", "title", "update", "upper", "values", "warn", "warning", "is_set",
    "is_alive", "set", "notify", "notify_all", "acquire", "release", "start", "put", "put_nowait", "done",
    "cancelled", "qsize", "empty", "full", "task_done", "encode", "time", "isoformat", "total_seconds", "hexdigest",
    "cancel", "add_done_callback", "set_result", "set_exception", "close", "shutdown", "stop",
))
"""Methods that do not raise on ordinary objects, whatever these are."""

NARROW = frozenset((
    "KeyboardInterrupt", "SystemExit", "GeneratorExit", "CancelledError", "StopIteration", "StopAsyncIteration",
    "Empty", "Full", "QueueEmpty", "QueueFull", "ShutDown", "QueueShutDown", "Cancelled",
))
"""Exceptions that end or interrupt something: who names only these expects no error."""
# fmt: on
