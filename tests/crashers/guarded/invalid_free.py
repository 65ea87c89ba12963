# A pointer into a buffer is freed.
#
# class: invalid-free
# distance: at byte 64
import ctypes

libc = ctypes.CDLL(None)
libc.free.argtypes = [ctypes.c_void_p]


def allocate(size, alignment=64):
    block = ctypes.c_void_p()
    assert libc.posix_memalign(ctypes.byref(block), ctypes.c_size_t(alignment), ctypes.c_size_t(size)) == 0  # allocated here
    return block.value


block = allocate(8192)
ctypes.memset(block, 0, 8192)
libc.free(block + 64)  # dies here
