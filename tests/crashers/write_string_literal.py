# C code writes to a string literal.
#
# class: write-to-read-only
# needs: cc
import ctypes
import os

lib = ctypes.CDLL(os.environ["CRASH_LIBRARY"])
lib.write_string_literal()  # dies here
