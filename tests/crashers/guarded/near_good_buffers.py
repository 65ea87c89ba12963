# Near miss: buffers of all sizes, written and read to the last byte.
#
# class: none
import ctypes

libc = ctypes.CDLL(None)
libc.free.argtypes = [ctypes.c_void_p]


def allocate(size, alignment=64):
    block = ctypes.c_void_p()
    assert libc.posix_memalign(ctypes.byref(block), ctypes.c_size_t(alignment), ctypes.c_size_t(size)) == 0  # allocated here
    return block.value


for size in list(range(1, 300)) + [4095, 4096, 4097, 65536, 1 << 20]:
    block = allocate(size)
    ctypes.memset(block, 7, size)
    assert ctypes.string_at(block, size) == b"\x07" * size
    libc.free(block)
print("fine")
