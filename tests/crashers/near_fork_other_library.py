# Near miss: a child of a process with a pool crashes for a reason of its own, in another library.
#
# class: null-pointer
# needs: cc
import ctypes
import os

lib = ctypes.CDLL(os.environ["CRASH_LIBRARY"])
lib.start_pool()
pid = os.fork()
if pid:
    os.waitpid(pid, 0)
    os._exit(0)
ctypes.string_at(8)  # dies here
