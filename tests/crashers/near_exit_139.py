# Near miss: the status a shell shows for SIGSEGV, but no signal.
#
# class: none
import os

os._exit(139)
