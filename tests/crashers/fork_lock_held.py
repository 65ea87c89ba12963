# A thread holds a lock at the moment of the fork: in the child nobody will release it.
#
# class: fork-after-threads
import ctypes
import os
import signal
import subprocess
import threading
import time

lock = threading.Lock()
held = threading.Event()


def hold():
    with lock:
        held.set()
        time.sleep(600)


# Ended from outside, by a process that is none of the program's.
subprocess.run(["env", "-i", "sh", "-c", f"(sleep 2; kill -TERM {os.getpid()}) > /dev/null 2>&1 &"])
threading.Thread(target=hold, daemon=True).start()
held.wait()
pid = os.fork()
if pid:
    os.waitpid(pid, 0)
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: nothing is left behind
lock.acquire()  # dies here
