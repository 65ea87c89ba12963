# Near miss: words of glibc in the program's own output are not glibc's message.
#
# class: abort
import os
import sys

sys.stderr.write("double free or corruption is what this program tests\n")
os.abort()  # dies here
