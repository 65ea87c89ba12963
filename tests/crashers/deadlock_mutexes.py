# Two native threads take two mutexes in opposite orders.
#
# class: deadlock
# needs: cc
import ctypes
import os
import subprocess

lib = ctypes.CDLL(os.environ["CRASH_LIBRARY"])
# Ended from outside, by a process that is none of the program's.
subprocess.run(["env", "-i", "sh", "-c", f"(sleep 2; kill -TERM {os.getpid()}) > /dev/null 2>&1 &"])
lib.lock_both_ways()  # dies here
