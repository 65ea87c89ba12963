# The stack protector finds a canary overwritten.
#
# class: assertion
# needs: cc
import ctypes
import os

lib = ctypes.CDLL(os.environ["CRASH_LIBRARY"])
lib.smash_stack(200)  # dies here
