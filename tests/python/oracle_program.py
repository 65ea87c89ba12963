"""A program whose threads each wait in another kind of frame, and which says itself what its stacks are.

Once all threads wait it prints one line of JSON, {native thread id: frames, innermost first}, by the interpreter's own
account, and waits to be killed. Runs on CPython 3.8 and later.
"""

import asyncio
import contextlib
import ctypes
import functools
import itertools
import json
import sys
import threading

reached = threading.Semaphore(0)
never = threading.Lock()
never.acquire()


def wait_here(*_):
    reached.release()
    never.acquire()
    return 0


def recursion(depth=60):
    if depth == 0:
        return wait_here()
    return recursion(depth - 1) + 1


def generators():
    def inner():
        yield 1
        wait_here()
        yield 2

    def outer():
        yield 0
        yield from inner()

    return sum(
        value
        for value in outer()
    )


def coroutines():
    async def leaf():
        await asyncio.sleep(0)
        wait_here()

    async def items():
        yield 1
        await leaf()

    async def main():
        async for _ in items():
            pass

    asyncio.run(main())


def executed_text():
    exec("def typed():\n    wait_here()\n\ntyped()\n", {"wait_here": wait_here})


def decorated():
    def twice(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)

        return wrapper

    @twice
    @twice
    def plain(value):
        wait_here(value)

    plain(1)


def comprehension():
    return {key: [wait_here() for _ in range(1)] for key in "a"}


def c_callbacks():
    def key(value):
        return functools.reduce(lambda a, b: wait_here(), [value, 2])

    return sorted([1], key=key)


def ctypes_callback():
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(wait_here)
    array = (ctypes.c_int * 2)(2, 1)
    ctypes.CDLL(None).qsort(array, ctypes.c_size_t(2), ctypes.c_size_t(4), compare)


class Base:
    def __init__(self, *_):
        self.ready = True


class Derived(Base):
    waits = False

    def __init__(self, value):
        super().__init__(value)
        if Derived.waits:
            self.finish()

    def finish(self):
        return self.missing

    def __getattr__(self, name):
        return wait_here(name)


def make(value):
    return Derived(
        value
    )


def constructors():
    for value in range(200):  # enough calls for the interpreter to specialise them
        make(value)
    Derived.waits = True
    make(0)


@contextlib.contextmanager
def entered():
    try:
        yield 1
    finally:
        wait_here()


def context_managers():
    with entered() as value:
        print(value, end="")


def exceptions():
    try:
        raise ValueError("first")
    except ValueError as error:
        try:
            raise KeyError("second") from error
        finally:
            wait_here()


def long_lines():
    # More than 256 lines and bytes of code between two lines: the line tables' long forms.
    body = "".join(f"    x = {i} if x != {i} else (x, x, x, x)\n" + "\n" * (i % 7) for i in range(400))
    text = "def long(x):\n" + "\n" * 300 + body + "\n" * 200 + "    wait_here()\n    return x\n\nlong(1)\n"
    exec(compile(text, "long_lines.py", "exec"), {"wait_here": wait_here})


def wide_names():
    exec(compile("def größe_名前_𝒳():\n    wait_here()\ngröße_名前_𝒳()\n", "/tmp/dätei_名_😀.py", "exec"),
         {"wait_here": wait_here})


def multi_line_call():
    return max(
        1,
        wait_here(
            "argument",
        ),
        key=lambda value: value,
    )


SITUATIONS = [recursion, generators, coroutines, executed_text, decorated, comprehension, c_callbacks, ctypes_callback,
              constructors, context_managers, exceptions, long_lines, wide_names, multi_line_call]


def location(frame):
    """(line, end line, column, end column) of what `frame` executes; columns only where the version keeps them."""
    if not hasattr(frame.f_code, "co_positions"):
        return [frame.f_lineno, None, None, None]
    # co_positions() yields one entry for each code unit (2 bytes) of bytecode.
    return list(next(itertools.islice(frame.f_code.co_positions(), frame.f_lasti // 2, None)))


def describe(frame):
    frames = []
    while frame is not None:
        code = frame.f_code
        frames.append({"file": code.co_filename, "function": getattr(code, "co_qualname", code.co_name),
                       "location": location(frame)})
        frame = frame.f_back
    return frames


def main():
    threads = []
    for situation in SITUATIONS:
        thread = threading.Thread(target=situation, name=situation.__name__, daemon=True)
        threads.append(thread)
        thread.start()
        reached.acquire()
    stacks = sys._current_frames()
    print()
    print(json.dumps({thread.native_id: describe(stacks[thread.ident]) for thread in threads}), flush=True)
    never.acquire()


main()
