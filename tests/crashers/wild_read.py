# An address that belongs to nothing.
#
# class: wild-pointer
# also: out-of-bounds-read use-after-free
import ctypes

address = 0x123456789000


def read(at):
    return ctypes.c_long.from_address(at).value  # dies here


print(read(address))
