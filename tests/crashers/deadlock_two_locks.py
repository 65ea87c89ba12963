# Two threads take two locks in opposite orders.
#
# class: deadlock
import os
import subprocess
import threading

first, second = threading.Lock(), threading.Lock()
both_hold_one = threading.Barrier(2)


def other():
    with second:
        both_hold_one.wait()
        first.acquire()


# Ended from outside, by a process that is none of the program's.
subprocess.run(["env", "-i", "sh", "-c", f"(sleep 2; kill -TERM {os.getpid()}) > /dev/null 2>&1 &"])
threading.Thread(target=other, daemon=True).start()
with first:
    both_hold_one.wait()
    second.acquire()  # dies here
