# _FORTIFY_SOURCE refuses a copy that is too long.
#
# class: assertion
# needs: cc
import ctypes
import os

lib = ctypes.CDLL(os.environ["CRASH_LIBRARY"])
lib.overflow_fortified(64)  # dies here
