# A thread with 64 KiB of stack recurses.
#
# class: stack-overflow
# needs: cc noline
import ctypes
import os

lib = ctypes.CDLL(os.environ["CRASH_LIBRARY"])
lib.recurse_in_small_thread()
