# Writes through a null pointer.
#
# class: null-pointer
import ctypes

ctypes.memset(0, 1, 16)  # dies here
