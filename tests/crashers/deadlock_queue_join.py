# A process is joined before the queue that it fills is read.
#
# class: deadlock
import ctypes
import multiprocessing
import os
import signal
import subprocess


def fill(queue):
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: nothing is left behind
    queue.put("x" * 1_000_000)


context = multiprocessing.get_context("fork")
# Ended from outside, by a process that is none of the program's.
subprocess.run(["env", "-i", "sh", "-c", f"(sleep 2; kill -TERM {os.getpid()}) > /dev/null 2>&1 &"])
queue = context.Queue()
process = context.Process(target=fill, args=(queue,))
process.start()
process.join()  # dies here
