# A store right past the end of a buffer that fills its pages.
#
# class: out-of-bounds-write
# distance: right past the end
import ctypes

libc = ctypes.CDLL(None)
libc.free.argtypes = [ctypes.c_void_p]


def allocate(size, alignment=64):
    block = ctypes.c_void_p()
    assert libc.posix_memalign(ctypes.byref(block), ctypes.c_size_t(alignment), ctypes.c_size_t(size)) == 0  # allocated here
    return block.value


block = allocate(8192)
ctypes.memset(block, 0, 8192)
ctypes.memset(block + 8192, 1, 1)  # dies here
