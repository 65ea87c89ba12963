# A block's header was overwritten before it is freed.
#
# class: heap-corruption
# also: invalid-free out-of-bounds-write double-free
import ctypes

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
block = libc.malloc(ctypes.c_size_t(2000))
ctypes.memset(block - 16, 0x41, 16)  # the header, as a write past the block before it would
libc.free(block)  # dies here
