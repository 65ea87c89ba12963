# C code calls itself without end on the main thread.
#
# class: stack-overflow
# needs: cc
import ctypes
import os

lib = ctypes.CDLL(os.environ["CRASH_LIBRARY"])
lib.recurse(1)  # dies here
