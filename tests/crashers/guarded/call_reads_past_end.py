# write() is told to send eight bytes more than the buffer has. It succeeds, as it does plainly.
#
# class: out-of-bounds-read
# distance: let the kernel read 8 bytes right past the end
import ctypes
import os

libc = ctypes.CDLL(None)
libc.free.argtypes = [ctypes.c_void_p]
libc.write.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]


def allocate(size, alignment=64):
    block = ctypes.c_void_p()
    assert libc.posix_memalign(ctypes.byref(block), ctypes.c_size_t(alignment), ctypes.c_size_t(size)) == 0  # allocated here
    return block.value


reading, writing = os.pipe()
block = allocate(8192)
ctypes.memset(block, 7, 8192)
print(libc.write(writing, block, 8200))  # noticed here
print(os.read(reading, 8192) == b"\x07" * 8192)
