# A static std::thread is still joinable when it is destroyed.
#
# class: exit-teardown
# also: uncaught-exception abort
# needs: cc noline
import ctypes
import os

lib = ctypes.CDLL(os.environ["CRASH_LIBRARY"])
lib.start_static_thread()
print("work done")
