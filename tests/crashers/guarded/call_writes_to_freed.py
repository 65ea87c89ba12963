# read() puts what arrives into a buffer that was freed. It succeeds, as it does plainly.
#
# class: use-after-free
# distance: in a call of read()
import ctypes
import os

libc = ctypes.CDLL(None)
libc.free.argtypes = [ctypes.c_void_p]
libc.read.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]


def allocate(size, alignment=64):
    block = ctypes.c_void_p()
    assert libc.posix_memalign(ctypes.byref(block), ctypes.c_size_t(alignment), ctypes.c_size_t(size)) == 0  # allocated here
    return block.value


reading, writing = os.pipe()
os.write(writing, b"twelve bytes")
block = allocate(8192)
ctypes.memset(block, 7, 8192)
libc.free(block)  # freed here
print(libc.read(reading, block + 4096, 12))  # noticed here
