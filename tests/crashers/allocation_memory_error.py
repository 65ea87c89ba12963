# MemoryError: an absurd size.
#
# class: allocation-failed
# also: python-exception
block = bytearray(2**62)  # dies here
