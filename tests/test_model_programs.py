"""Programs whose consumers live as long as the program: what their main function makes, once, at the level of the module."""

import pytest

from programs import model

DAEMONS_OF_A_LOOP = """
import queue
import threading

def work(jobs):
    while True:
        print(jobs.get())
        jobs.task_done()

def main():
    jobs = queue.Queue()
    for _ in range(4):
        threading.Thread(target=work, args=(jobs,), daemon=True).start()
    for number in range(10):
        jobs.put(number)
    jobs.join()

if __name__ == "__main__":
    main()
"""

DAEMONS_OF_A_HELPER = """
import queue
import threading

def work(jobs):
    while True:
        print(jobs.get())
        jobs.task_done()

def start(jobs, count):
    for _ in range(count):
        threading.Thread(target=work, args=(jobs,), daemon=True).start()

def main():
    jobs = queue.Queue()
    start(jobs, 4)
    for number in range(10):
        jobs.put(number)
    jobs.join()

if __name__ == "__main__":
    main()
"""

DAEMONS_OF_A_CLASS = """
import queue
import threading

class Worker(threading.Thread):
    def __init__(self, jobs):
        super().__init__(daemon=True)
        self.jobs = jobs

    def run(self):
        while True:
            print(self.jobs.get())
            self.jobs.task_done()

def main():
    jobs = queue.Queue()
    for _ in range(4):
        worker = Worker(jobs)
        worker.start()
    for number in range(10):
        jobs.put(number)
    jobs.join()

main()
"""

DAEMONS_OF_AN_APPLICATION = """
import queue
import threading

class Worker(threading.Thread):
    def __init__(self, jobs):
        super().__init__()
        self.daemon = True
        self.jobs = jobs

    def run(self):
        while True:
            print(self.jobs.get())
            self.jobs.task_done()

class Application:
    def __init__(self):
        self.jobs = queue.Queue()

    def main(self):
        for _ in range(4):
            Worker(self.jobs).start()
        for number in range(10):
            self.jobs.put(number)
        self.jobs.join()

if __name__ == "__main__":
    Application().main()
"""

TASKS_OF_THE_MAIN_COROUTINE = """
import asyncio

async def work(jobs):
    while True:
        print(await jobs.get())
        jobs.task_done()

async def main():
    jobs = asyncio.Queue()
    for _ in range(2):
        asyncio.create_task(work(jobs))
    jobs.put_nowait(1)
    await jobs.join()

if __name__ == "__main__":
    asyncio.run(main())
"""

TASKS_OF_AN_APPLICATION = """
import asyncio

class Application:
    def __init__(self):
        self.jobs = asyncio.Queue()

    async def work(self):
        while True:
            print(await self.jobs.get())

    async def run(self):
        self.workers = [asyncio.create_task(self.work()) for _ in range(3)]
        await self.jobs.put(1)
        await asyncio.sleep(0)

asyncio.run(Application().run())
"""

ALL_TASKS_OF_A_LOOP = """
import asyncio

async def work(jobs):
    while True:
        await jobs.get()

async def shutdown():
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()

def main():
    loop = asyncio.new_event_loop()
    jobs = asyncio.Queue()
    for _ in range(2):
        loop.create_task(work(jobs))
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.run_until_complete(shutdown())

main()
"""

PROGRAMS = {
    "daemons of a loop": DAEMONS_OF_A_LOOP,
    "daemons of a helper": DAEMONS_OF_A_HELPER,
    "daemons of a class": DAEMONS_OF_A_CLASS,
    "daemons of an application": DAEMONS_OF_AN_APPLICATION,
    "tasks of the main coroutine": TASKS_OF_THE_MAIN_COROUTINE,
    "tasks of an application": TASKS_OF_AN_APPLICATION,
    "all tasks of a loop": ALL_TASKS_OF_A_LOOP,
}

MAIN = 'if __name__ == "__main__":\n    main()'
PER_REQUEST = "def handle(request):\n    main()\n\ndef handle_again(request):\n    main()"
AGAIN = "def again():\n    asyncio.get_running_loop().create_task(main())"

CHANGED = {
    "a main function that requests call": (DAEMONS_OF_A_LOOP, MAIN, PER_REQUEST),
    "a helper for each request": (DAEMONS_OF_A_HELPER, MAIN, PER_REQUEST),
    "threads that are no daemons": (DAEMONS_OF_A_LOOP, ", daemon=True", ""),
    "a class whose threads are no daemons": (DAEMONS_OF_A_CLASS, "daemon=True", ""),
    "an application whose threads are no daemons": (DAEMONS_OF_AN_APPLICATION, "self.daemon = True", "pass"),
    "a coroutine of some loop": (TASKS_OF_THE_MAIN_COROUTINE, 'if __name__ == "__main__":\n    asyncio.run(main())', AGAIN),
}


@pytest.mark.parametrize("source", PROGRAMS.values(), ids=list(PROGRAMS))
def test_what_lives_as_long_as_the_program_is_no_leak(source: str) -> None:
    assert model(source).codes() == []


@pytest.mark.parametrize(("source", "old", "new"), CHANGED.values(), ids=list(CHANGED))
def test_what_is_made_again_or_keeps_the_program_alive_is_a_leak(source: str, old: str, new: str) -> None:
    assert old in source
    assert model(source.replace(old, new)).codes() == ["CHN101"]
