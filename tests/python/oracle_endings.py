"""Interpreters in unusual states: `oracle_endings.py STATE` prints "ready" in that state and stays in it.

subinterpreter: a thread at work for two interpreters; finalizing: in a finaliser while the interpreter shuts down;
ended: in an exit handler of the C library, after the interpreter; deep: in a recursion; forked: in a child of fork.
"""

import ctypes
import os
import sys
import time


def say_and_wait():
    print("ready", flush=True)
    time.sleep(3600)


def subinterpreter():
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    text = "import time\ndef inner():\n    print('ready', flush=True)\n    time.sleep(3600)\ninner()\n"
    run = getattr(interpreters, "run_string", None) or interpreters.exec
    run(interpreters.create(), text)


class Finaliser:
    def __del__(self, wait=say_and_wait):
        wait()


def finalizing():
    global kept
    kept = Finaliser()


def ended():
    libc = ctypes.CDLL(None)
    libc["__cxa_atexit"](ctypes.cast(libc.pause, ctypes.c_void_p), None, None)
    print("ready", flush=True)


def deep(frames=5000):
    def down(depth):
        return say_and_wait() if depth == 0 else down(depth - 1)

    sys.setrecursionlimit(frames + 100)
    down(frames)


def forked():
    child = os.fork()
    if child == 0:
        print(os.getpid(), flush=True)
        say_and_wait()
    os.waitpid(child, 0)


globals()[sys.argv[1]]()
