# Near miss: a fault that C code catches with siglongjmp.
#
# class: none
# needs: cc noline
import ctypes
import os

lib = ctypes.CDLL(os.environ["CRASH_LIBRARY"])
lib.survive_fault()
print("survived")
