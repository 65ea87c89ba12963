# A child of fork uses a pool whose threads stayed with the parent.
#
# class: fork-after-threads
# also: null-pointer
# needs: cc
import ctypes
import os

lib = ctypes.CDLL(os.environ["CRASH_LIBRARY"])
lib.start_pool()
pid = os.fork()
if pid:
    os.waitpid(pid, 0)
    os._exit(0)
lib.use_pool()  # dies here
