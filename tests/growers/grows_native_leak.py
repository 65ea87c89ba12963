# A native library forgets what it allocates for each call.
#
# grows: yes
import ctypes
import time

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]

for number in range(200):
    scratch = libc.malloc(70_000)  # grows here
    libc.memset(scratch, 1, 70_000)
    time.sleep(0.005)
