# Frees an address inside a block.
#
# class: invalid-free
# also: heap-corruption
import ctypes

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
block = libc.malloc(ctypes.c_size_t(2000))
libc.free(block + 8)  # dies here
