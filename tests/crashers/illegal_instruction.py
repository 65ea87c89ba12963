# An instruction of a set this CPU lacks.
#
# class: illegal-instruction
# needs: !fma4
import ctypes
import mmap

code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(b"\xc4\xe3\xf1\x69\xe0\x40\xc3")  # vfmaddpd of FMA4: no processor made after 2017 has it
ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()  # dies here
