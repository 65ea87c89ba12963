# Near miss: messages of crashes, but the program ends well.
#
# class: none
import sys

sys.stderr.write("Fatal Python error: Segmentation fault\nCheck failed: 1 == 2\nfree(): invalid pointer\n")
