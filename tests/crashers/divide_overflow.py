# INT_MIN / -1 raises the same signal.
#
# class: divide-by-zero
# needs: cc
import ctypes
import os

lib = ctypes.CDLL(os.environ["CRASH_LIBRARY"])
lib.divide(-(2**31), -1)  # dies here
