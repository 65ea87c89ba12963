# assert() in C code.
#
# class: assertion
# needs: cc
import ctypes
import os

lib = ctypes.CDLL(os.environ["CRASH_LIBRARY"])
lib.fail_assertion(3)  # dies here
