# A null function pointer is called by C code.
#
# class: bad-jump
# also: null-pointer
import ctypes

libc = ctypes.CDLL(None)
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
libc.qsort((ctypes.c_int * 8)(5, 3, 1, 7, 2, 8, 4, 6), 8, 4, compare())  # dies here
