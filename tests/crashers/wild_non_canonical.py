# An address no mapping can have: the kernel gives none, it is in the operand.
#
# class: wild-pointer
import ctypes

ctypes.c_long.from_address(0x4141414141414141).value  # dies here
