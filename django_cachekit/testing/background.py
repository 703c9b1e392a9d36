"""Waiting for what is done behind a caller, which a test has to know to be over."""

import asyncio
import time

from asgiref.sync import sync_to_async

from ..core import background, faces


def wait_for_background(seconds: float = 5) -> None:
    """Wait until nothing is computed in the background any more, as ``flexible`` has it done.

    TimeoutError where that takes longer. What was put off until a response is sent, or is a task of
    a worker's, is not waited for.
    """
    crew, end, taken = background.CREW, time.perf_counter() + seconds, 0
    try:
        # With all the room there is in hand, nothing is under way.
        while taken < background.WAITING:
            if not crew._room.acquire(timeout=max(0.0, end - time.perf_counter())):
                raise TimeoutError(f"work in the background did not end in {seconds} seconds.")
            taken += 1
    finally:
        for _ in range(taken):
            crew._room.release()


async def await_background(seconds: float = 5) -> None:
    """Wait as ``wait_for_background`` does, for what was begun in this event loop too."""
    loop = asyncio.get_running_loop()
    tasks = [task for task in faces._behind if task.get_loop() is loop]
    if tasks and (await asyncio.wait(tasks, timeout=seconds))[1]:
        raise TimeoutError(f"work in the background did not end in {seconds} seconds.")
    await sync_to_async(wait_for_background, thread_sensitive=False)(seconds)
