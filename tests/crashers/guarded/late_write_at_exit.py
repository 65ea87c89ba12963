# The same for a buffer that is never freed.
#
# class: out-of-bounds-write
# distance: 4 bytes past the end
import ctypes

libc = ctypes.CDLL(None)
libc.free.argtypes = [ctypes.c_void_p]


def allocate(size, alignment=64):
    block = ctypes.c_void_p()
    assert libc.posix_memalign(ctypes.byref(block), ctypes.c_size_t(alignment), ctypes.c_size_t(size)) == 0  # allocated here
    return block.value


block = allocate(100)
ctypes.memset(block, 0, 100)
ctypes.memset(block + 104, 1, 4)  # wrong here
print("done")
