# A C++ exception leaves a function that C called.
#
# class: uncaught-exception
# needs: cc
import ctypes
import os

lib = ctypes.CDLL(os.environ["CRASH_LIBRARY"])
lib.throw_range_error()  # dies here
