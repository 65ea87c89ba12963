# A load from a freed buffer.
#
# class: use-after-free
# distance: at byte 100
import ctypes

libc = ctypes.CDLL(None)
libc.free.argtypes = [ctypes.c_void_p]


def allocate(size, alignment=64):
    block = ctypes.c_void_p()
    assert libc.posix_memalign(ctypes.byref(block), ctypes.c_size_t(alignment), ctypes.c_size_t(size)) == 0  # allocated here
    return block.value


def release(address):
    libc.free(address)  # freed here


block = allocate(8192)
ctypes.memset(block, 0, 8192)
release(block)
for _ in range(4):  # freed blocks may go in batches
    libc.free(allocate(8192))
byte = ctypes.c_char.from_address(block + 100)
print(byte.value)  # dies here
