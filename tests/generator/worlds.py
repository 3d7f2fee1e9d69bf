"""How the same thing is written for threads and for tasks of asyncio, anyio and trio."""

from __future__ import annotations

from dataclasses import dataclass

from generator.paths import block


@dataclass(frozen=True)
class World:
    """The words of one world: ``thread``, ``task``, ``anyio`` or ``trio``."""

    name: str

    @property
    def is_async(self) -> bool:
        """Whether it runs in an event loop."""
        return self.name != "thread"

    @property
    def wait(self) -> str:
        """What stands before an operation that may wait."""
        return "await " if self.is_async else ""

    @property
    def define(self) -> str:
        """How a function begins."""
        return "async def" if self.is_async else "def"

    def queue(self, size: str) -> str:
        """The constructor of a queue; size 0 is unbounded."""
        kind = "asyncio.Queue" if self.is_async else "queue.Queue"
        return f"{kind}()" if size == "0" else f"{kind}(maxsize={size})"

    def streams(self, size: str) -> str:
        """The constructor of a pair of stream ends."""
        maker = {"anyio": "anyio.create_memory_object_stream", "trio": "trio.open_memory_channel"}[self.name]
        return f"{maker}({size})"

    def spawn(self, function: str, arguments: str = "", handle: str = "") -> list[str]:
        """Starts ``function`` as an actor that outlives the caller; ``handle`` is the variable that keeps it."""
        if self.name == "task":
            made = f"asyncio.create_task({function}({arguments}))"
            return [f"{handle} = {made}", f"kept.add({handle})"] if handle else [f"kept.add({made})"]
        passed = f"args=({arguments}{',' if ',' not in arguments else ''}), " if arguments else ""
        made = f"threading.Thread(target={function}, {passed}daemon=True)"
        return [f"{handle} = {made}", f"{handle}.start()"] if handle else [f"{made}.start()"]

    def group(self, body: list[str]) -> list[str]:
        """A task group of a stream library round ``body``, whose name is ``group``."""
        maker = {"anyio": "anyio.create_task_group", "trio": "trio.open_nursery"}[self.name]
        return block(f"async with {maker}() as group", body)

    def give_up_after(self, seconds: str, body: list[str]) -> list[str]:
        """A time limit round ``body``, which goes on after it in silence."""
        return block(f"with {self.name}.move_on_after({seconds})", body)

    def sleep(self, seconds: str) -> str:
        """A pause."""
        return (
            f"await {'asyncio' if self.name == 'task' else self.name}.sleep({seconds})"
            if self.is_async
            else f"time.sleep({seconds})"
        )

    @property
    def full(self) -> str:
        """The exception of a queue without room."""
        return "asyncio.QueueFull" if self.is_async else "queue.Full"

    @property
    def empty(self) -> str:
        """The exception of a queue without items."""
        return "asyncio.QueueEmpty" if self.is_async else "queue.Empty"

    @property
    def late(self) -> str:
        """The exception of a receive that gave up."""
        return "TimeoutError" if self.is_async else "queue.Empty"

    def timed(self, operation: str, name: str, seconds: str, arguments: str = "") -> str:
        """``name.operation(arguments)`` that gives up after a time."""
        if self.is_async:
            return f"await asyncio.wait_for({name}.{operation}({arguments}), {seconds})"
        return f"{name}.{operation}({arguments + ', ' if arguments else ''}timeout={seconds})"
