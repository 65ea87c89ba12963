# A store into the slack behind a buffer; noticed when it is freed. The program ends well.
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


block = allocate(100)
ctypes.memset(block, 0, 100)
ctypes.memset(block + 100, 1, 4)  # wrong here
libc.free(block)  # noticed here
print("done")
