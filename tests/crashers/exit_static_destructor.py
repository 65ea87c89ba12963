# A static destructor crashes after the program's work is done.
#
# class: exit-teardown
# also: null-pointer
# needs: cc noline
import ctypes
import os

lib = ctypes.CDLL(os.environ["CRASH_LIBRARY"])
lib.crash_when_destroyed()
print("work done")
