# int3 outside a debugger.
#
# class: trap
# needs: cc
import ctypes
import os

lib = ctypes.CDLL(os.environ["CRASH_LIBRARY"])
lib.breakpoint_trap()  # dies here
