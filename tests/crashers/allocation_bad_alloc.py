# std::bad_alloc escapes.
#
# class: allocation-failed
# also: uncaught-exception
# needs: cc
import ctypes
import os

lib = ctypes.CDLL(os.environ["CRASH_LIBRARY"])
lib.allocate_too_much()  # dies here
