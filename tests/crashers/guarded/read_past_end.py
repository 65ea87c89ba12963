# A load some bytes past the end of a buffer that fills its pages.
#
# class: out-of-bounds-read
# distance: 16 bytes past the end
import ctypes

libc = ctypes.CDLL(None)
libc.free.argtypes = [ctypes.c_void_p]


def allocate(size, alignment=64):
    block = ctypes.c_void_p()
    assert libc.posix_memalign(ctypes.byref(block), ctypes.c_size_t(alignment), ctypes.c_size_t(size)) == 0  # allocated here
    return block.value


block = allocate(8192)
ctypes.memset(block, 0, 8192)
byte = ctypes.c_char.from_address(block + 8192 + 16)
print(byte.value)  # dies here
