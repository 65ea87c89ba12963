# Reads a C string through a small address.
#
# class: null-pointer
import ctypes

ctypes.string_at(8)  # dies here
