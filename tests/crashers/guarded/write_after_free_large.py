# A store to a freed buffer of a megabyte.
#
# class: use-after-free
# distance: at byte 500000
import ctypes

libc = ctypes.CDLL(None)
libc.free.argtypes = [ctypes.c_void_p]


def allocate(size, alignment=64):
    block = ctypes.c_void_p()
    assert libc.posix_memalign(ctypes.byref(block), ctypes.c_size_t(alignment), ctypes.c_size_t(size)) == 0  # allocated here
    return block.value


def release(address):
    libc.free(address)  # freed here


block = allocate(1 << 20)
ctypes.memset(block, 0, 1 << 20)
release(block)
ctypes.memset(block + 500000, 1, 1)  # dies here
