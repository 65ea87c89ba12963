# Near miss: a status of the program's own choice is no crash.
#
# class: none
import sys

sys.exit(3)
