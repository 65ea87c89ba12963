# Calls an address in memory that is not executable.
#
# class: bad-jump
import ctypes

data = ctypes.create_string_buffer(64)
ctypes.CFUNCTYPE(None)(ctypes.addressof(data))()  # dies here
