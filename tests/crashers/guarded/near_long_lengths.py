# Near miss: calls that are told of more room than the buffer has, and transfer no more than fits.
#
# class: none
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
block = allocate(8192)
for length in (8192, 10000, 1 << 20, 1 << 30):
    os.write(writing, b"twelve bytes")
    assert libc.read(reading, block + 8180, length) == 12
    assert ctypes.string_at(block + 8180, 12) == b"twelve bytes"
print("fine")
