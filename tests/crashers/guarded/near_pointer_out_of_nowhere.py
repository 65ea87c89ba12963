# Near miss: a wild pointer, far from every buffer.
#
# class: wild-pointer
import ctypes

libc = ctypes.CDLL(None)
libc.free.argtypes = [ctypes.c_void_p]


def allocate(size, alignment=64):
    block = ctypes.c_void_p()
    assert libc.posix_memalign(ctypes.byref(block), ctypes.c_size_t(alignment), ctypes.c_size_t(size)) == 0  # allocated here
    return block.value


block = allocate(8192)
byte = ctypes.c_char.from_address(0x123456789000)
print(byte.value)  # dies here
