# Writes to a file mapped for reading.
#
# class: write-to-read-only
import ctypes
import tempfile

with tempfile.TemporaryFile() as file:
    file.write(bytes(8192))
    file.flush()
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    page = libc.mmap(None, 8192, 1, 2, file.fileno(), 0)  # PROT_READ, MAP_PRIVATE
    ctypes.memset(page + 100, 1, 8)  # dies here
