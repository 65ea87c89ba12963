# Integer division by zero in C code.
#
# class: divide-by-zero
# needs: cc
import ctypes
import os

lib = ctypes.CDLL(os.environ["CRASH_LIBRARY"])
lib.divide(12, 0)  # dies here
